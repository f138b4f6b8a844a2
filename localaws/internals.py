"""Everything of MiniStack that this package uses, its private names among it.

MiniStack promises none of them. They are named here and nowhere else, so that one test tells
what a new release of it has moved.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from ministack.core import iam_actions as iam_actions
from ministack.core.iam_evaluator import AuthError as AuthError
from ministack.core.iam_evaluator import CredentialResolutionError as CredentialResolutionError
from ministack.core.iam_evaluator import resolve_credential as resolve_credential
from ministack.core.responses import error_response_json as error_response_json
from ministack.core.responses import get_account_id as get_account_id
from ministack.core.responses import get_region as get_region
from ministack.core.responses import json_response as json_response
from ministack.core.responses import new_uuid as new_uuid
from ministack.services.sqs import esm_wake as esm_wake
from ministack.services.sts import register_session as register_session

if TYPE_CHECKING:
    import subprocess


class Part:
    """A module or class of MiniStack, and the names in it that are used.

    Parameters
    ----------
    place : str
        The module below ``ministack``; a class follows after a colon.
    private : str
        Private names, separated by white space and without their underscore.
    public : str
        Other names that are replaced.
    """

    def __init__(self, place: str, private: str, public: str = "") -> None:
        self.place = place
        self.names = {
            **{name: f"_{name}" for name in private.split()},
            **{name: name for name in public.split()},
        }

    @property
    def target(self) -> Any:
        """Give the module or class."""
        module, _, inner = self.place.partition(":")
        found = import_module(f"ministack.{module}")
        return getattr(found, inner) if inner else found

    def __getattr__(self, name: str) -> Any:
        """Give what a name stands for now."""
        return getattr(self.target, self._there(name))

    def replace(self, name: str, by: Any) -> None:
        """Put something in the place of what MiniStack has: its own callers find it by name."""
        target, there = self.target, self._there(name)
        # Where there is nothing to replace, nobody would call what is put there.
        getattr(target, there)
        setattr(target, there, by)

    def _there(self, name: str) -> str:
        try:
            return self.names[name]
        except KeyError:
            raise AttributeError(f"internals.py does not name {name} of {self.place}") from None


app = Part("app", "build_persistence_save_dict")
athena = Part(
    "services.athena",
    "Cursor CreateTable DropTable STORED_AS TEXT_INPUT_FORMAT column_list create_named_query "
    "create_table_input delete_named_query executions execute_query get_query_results "
    "named_queries parse_ddl property_list sql_tokens start_query_execution stop_query_execution "
    "table_relation workgroups",
)
cloudwatch_logs = Part("services.cloudwatch_logs", "compile_filter_pattern")
cloudformation = Part("services.cloudformation", "PERSISTED_STORES stacks", "get_state")
dynamodb = Part("services.dynamodb", "tables", "stream_records_since")
evaluator = Part("core.iam_evaluator", "first_match resolve_condition_key verified_key", "enforce")
glue = Part(
    "services.glue",
    "ALL_STATE crawlers databases delete_partition get_crawler_metrics get_partitions get_table "
    "get_tables handle_request_sync partitions start_crawler stop_crawler tables update_table",
)
kms = Part("services.kms", "resolve_key")
lambda_worker = Part("core.lambda_runtime:Worker", "discard_tmpdir", "invoke")
lambdas = Part(
    "core.lambda_runtime",
    "detect_runtime_binary lock worker_class_for workers",
    "kill_workers zipfile",
)
persistence = Part("core.persistence", "json_default state_format_version")
provisioners = Part(
    "services.cloudformation.provisioners", "RESOURCE_HANDLERS S3_BUCKET_CONFIGURATIONS"
)
runtime = Part(
    "services.lambda_svc",
    "create_esm esms execute_function_warm iter_all_esms sqs_esm_concurrency update_esm "
    "write_code_blob",
    "CODE_BLOB_DIR",
)
s3 = Part(
    "services.s3",
    "bucket_default_sse_headers bucket_encryption buckets delete_bucket_encryption "
    "multipart_uploads object_versions put_bucket_encryption put_bucket_logging "
    "version_entry_from_record",
)
sqs = Part(
    "services.sqs",
    "Err HANDLERS act_delete_message act_delete_message_batch collect_msgs delete_messages_for_esm "
    "dlq_sweep expire_retained queue_by_arn queues queues_lock receive_messages_for_esm",
)

#: All of them, for the test.
PARTS = tuple(one for one in list(vars().values()) if isinstance(one, Part))


def process_of(worker: Any) -> subprocess.Popen[str] | None:
    """Give a worker's process; None before its first and after a crash."""
    process: subprocess.Popen[str] | None = worker._proc
    return process


def application() -> Any:
    """Give the ASGI application."""
    return import_module("ministack.app").app
