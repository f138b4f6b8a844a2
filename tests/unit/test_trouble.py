"""What a command says of what it cannot do, and how it ends."""

from __future__ import annotations

import inspect
import subprocess
import sys
from string import Formatter
from typing import TYPE_CHECKING, Any

import click
import pytest
from boto3.exceptions import S3UploadFailedError
from botocore import exceptions as aws
from botocore.exceptions import BotoCoreError, ClientError

from lake import query
from lake.cli import main, run
from lake.errors import LakeCommandError
from lake.statement import explained, prepared
from lake.target import Outputs, Target, choose, why_unusable
from lake.trouble import explain

if TYPE_CHECKING:
    from pathlib import Path


def refusal(code: str, status: int = 400, message: str = "Why not") -> ClientError:
    about: Any = {"RequestId": "4f2a-request", "HTTPStatusCode": status}
    return ClientError(
        {"Error": {"Code": code, "Message": message}, "ResponseMetadata": about}, "GetTable"
    )


@pytest.mark.parametrize(
    ("code", "status", "then"),
    [
        ("ExpiredTokenException", 400, "aws sso login"),
        ("UnrecognizedClientException", 400, "aws sts get-caller-identity"),
        ("AccessDeniedException", 400, "ask for the right"),
        ("ThrottlingException", 400, "a little later"),
        ("ResourceNotFoundException", 400, "--region"),
        ("RequestTimeTooSkewed", 403, "clock"),
        ("InternalFailure", 500, "a little later"),
        ("SomethingNew", 400, ""),
    ],
)
def test_a_refusal_is_one_sentence_with_its_request_and_what_to_do(
    code: str, status: int, then: str
) -> None:
    said = explain(refusal(code, status)) or ""
    assert said.startswith(f"AWS refused GetTable: Why not ({code}, request 4f2a-request).")
    assert then in said


def test_an_upload_that_was_refused_says_why() -> None:
    wrapped = S3UploadFailedError("Failed to upload")
    wrapped.__context__ = refusal("AccessDenied", 403)
    assert "request 4f2a-request" in (explain(wrapped) or "")


@pytest.mark.parametrize(
    "kind",
    [
        kind
        for _, kind in inspect.getmembers(aws, inspect.isclass)
        # Five are built in ways of their own.
        if issubclass(kind, BotoCoreError) and kind.__init__ is BotoCoreError.__init__
    ],
)
def test_no_error_of_botocore_is_a_traceback(kind: type[BotoCoreError]) -> None:
    named = [name for _, name, _, _ in Formatter().parse(kind.fmt) if name]
    said = explain(kind(**dict.fromkeys(named, "x"))) or ""
    assert said.endswith((".", "?", "!"))
    assert "\n" not in said


@pytest.mark.parametrize(
    ("error", "then"),
    [
        (aws.NoCredentialsError(), "lake up"),
        (aws.EndpointConnectionError(endpoint_url="https://x"), "--region"),
        (aws.ReadTimeoutError(endpoint_url="https://x"), "network"),
        (aws.UnauthorizedSSOTokenError(), "aws sso login"),
        (aws.ProfileNotFound(profile="x"), "list-profiles"),
        (aws.NoRegionError(), "AWS_DEFAULT_REGION"),
        (UnicodeEncodeError("utf-8", "\udc9b", 0, 1, "surrogates not allowed"), "UTF-8"),
        (PermissionError(13, "Permission denied", "secret.csv"), "secret.csv: Permission denied."),
    ],
)
def test_what_to_do_is_said(error: Exception, then: str) -> None:
    assert then in (explain(error) or "")


def test_a_fault_of_the_command_is_no_message() -> None:
    assert explain(KeyError("x")) is None


def ended(error: BaseException | None) -> int:
    def command(**_: Any) -> None:
        if error:
            raise error

    try:
        run(command)
    except SystemExit as exit_:
        return int(exit_.code or 0)
    return 0


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (None, 0),
        (LakeCommandError("x"), 1),
        (refusal("X"), 1),
        (aws.NoCredentialsError(), 1),
        (click.UsageError("x"), 64),
        (click.ClickException("x"), 1),
        (KeyboardInterrupt(), 130),
        (click.exceptions.Abort(), 130),
    ],
)
def test_the_exit_code_says_how_it_ended(error: BaseException | None, code: int) -> None:
    assert ended(error) == code


def test_a_fault_of_the_command_keeps_its_traceback() -> None:
    with pytest.raises(ZeroDivisionError):
        ended(ZeroDivisionError())


def test_names_in_errors_cannot_command_the_terminal(capfd: pytest.CaptureFixture[str]) -> None:
    assert ended(LakeCommandError("a\x1b[31mb\u202e\nsecond line [bold]")) == 1
    assert ended(click.UsageError("a\x1b[31mb")) == 64
    said = capfd.readouterr().err
    assert "\x1b" not in said
    assert r"a\x1b[31mb\u202e" in said
    assert "\nsecond line [bold]\n" in said


@pytest.mark.parametrize(
    "words", [["quer"], ["query"], ["query", "a", "b"], ["files", "--since", "x"], ["--nope"]]
)
def test_a_command_line_that_is_not_understood_is_64(words: list[str]) -> None:
    assert ended_with(words) == 64


def ended_with(words: list[str]) -> int:
    try:
        run(lambda **options: main.main(words, **options))
    except SystemExit as exit_:
        return int(exit_.code or 0)
    return 0


@pytest.mark.parametrize("rows", [9999, 9])
def test_a_reader_that_leaves_is_no_error(rows: int) -> None:
    script = (
        "import click\nfrom lake.cli import run\nfrom lake.context import out\n"
        "from lake.render import show_table\n"
        f"@click.command()\ndef many(): show_table(out, ['n'], [['n']] * {rows}, [True])\n"
        "run(many)"
    )
    with subprocess.Popen(
        [sys.executable, "-c", script], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        assert process.stdout
        process.stdout.close()
        assert process.stderr
        assert process.stderr.read() == b""
    assert process.returncode == 141


@pytest.mark.parametrize(
    ("status", "then"),
    [
        ("ROLLBACK_COMPLETE", "sam delete --stack-name Lake"),
        ("REVIEW_IN_PROGRESS", "lake deploy"),
        ("CREATE_IN_PROGRESS", "Repeat"),
        ("DELETE_IN_PROGRESS", "being deleted"),
    ],
)
def test_a_stack_that_holds_no_lake_is_said(status: str, then: str) -> None:
    said = why_unusable(status, "Lake")
    assert then in said
    assert status in said


def test_a_stack_that_was_rolled_back_to_what_it_was_is_used() -> None:
    assert why_unusable("UPDATE_ROLLBACK_COMPLETE", "Lake") == ""


@pytest.mark.parametrize(
    ("name", "value"), [("AWS_ENDPOINT_URL", "foo"), ("AWS_MAX_ATTEMPTS", "many")]
)
def test_a_setting_that_cannot_be_read_is_said(
    name: str, value: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    monkeypatch.setenv(name, value)
    target = choose(
        {name: value}, None, local=False, cloud=False, stack_name="S", region="eu-west-1"
    )
    with pytest.raises(LakeCommandError, match=f"(?s)configuration cannot be read: .*{value}"):
        target.client("s3")


def test_a_login_that_is_missing_is_not_taken_for_a_missing_stack(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    config = tmp_path / "config"
    config.write_text(
        "[profile sso]\nsso_session = s\nsso_account_id = 123456789012\nsso_role_name = r\n"
        "region = eu-west-1\n[sso-session s]\nsso_start_url = https://x.awsapps.com/start\n"
        "sso_region = eu-west-1\n"
    )
    monkeypatch.setenv("AWS_CONFIG_FILE", str(config))
    monkeypatch.setenv("HOME", str(tmp_path))
    for credentials in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(credentials, raising=False)
    target = choose({}, None, local=False, cloud=True, stack_name="S", profile="sso")
    with pytest.raises(LakeCommandError, match="aws sso login"):
        target.stack()


def test_an_output_that_is_missing_is_said() -> None:
    outputs = Outputs({"A": "a"}, "stack S")
    assert outputs["A"] == "a"
    assert outputs.get("B") is None
    with pytest.raises(LakeCommandError, match=r"stack S has no output B: .*lake deploy"):
        outputs["B"]


@pytest.mark.parametrize(
    ("sql", "statement"),
    [
        ("SELECT 1", "SELECT 1"),
        ("  SELECT 1 ;\n", "SELECT 1"),
        ("-- a; b\n/* ; ' */ SELECT 1; -- done\n;", "SELECT 1"),
        ("SELECT ';', \"a;b\", `c;d` -- x", "SELECT ';', \"a;b\", `c;d`"),
        ("SELECT 'it''s; fine' FROM t", "SELECT 'it''s; fine' FROM t"),
        ("SELECT 1 -- one\n + 2", "SELECT 1 -- one\n + 2"),
        ("SELECT /*+ hint */ 1", "SELECT /*+ hint */ 1"),
    ],
)
def test_athena_gets_one_statement(sql: str, statement: str) -> None:
    assert prepared(sql) == statement


@pytest.mark.parametrize(
    ("sql", "why"),
    [
        ("", "is empty"),
        (" \n", "is empty"),
        ("-- nothing", "only comments"),
        ("/* a */ ;", "only comments"),
        ("SELECT 1; SELECT 2", "2 statements"),
        ("SELECT 'a\nFROM t", "closes the ' of line 1"),
        ("SELECT 1\n/* a", r"closes the /\* of line 2"),
    ],
)
def test_what_is_no_statement_is_said_before_athena_is_asked(sql: str, why: str) -> None:
    with pytest.raises(LakeCommandError, match=why):
        prepared(sql)


def test_a_syntax_error_is_marked_in_the_users_own_text() -> None:
    sql = "-- flights\n  SELECT *\n\tFORM flights;"
    reason = "line 2:7: mismatched input 'flights'. Expecting: ',', 'EXCEPT', 'FETCH', 'FROM', "
    reason += "'GROUP', 'HAVING', 'INTERSECT', 'LIMIT', 'OFFSET', 'ORDER', 'UNION', 'WHERE', <EOF>"
    assert explained(sql, prepared(sql), reason) == (
        "Athena does not understand the SQL (line 3, column 7): mismatched input 'flights'\n"
        "   FORM flights;\n"
        "        ^^^^^^^"
    )
    reason = "COLUMN_NOT_FOUND: line 1:8: Column 'x' cannot be resolved"
    assert explained("  SELECT x", "SELECT x", reason).splitlines()[1:] == [
        "    SELECT x",
        "           ^",
    ]


def test_a_place_in_a_long_line_is_shown_in_what_surrounds_it() -> None:
    sql = f"SELECT {'a, ' * 100}nope FROM t"
    said = explained(sql, sql, f"COLUMN_NOT_FOUND: line 1:{sql.index('nope') + 1}: no nope")
    line, mark = said.splitlines()[1:]
    assert len(line) <= 80
    assert line[mark.index("^") : mark.rindex("^") + 1] == "nope"


class Athena:
    """Answers one query."""

    def __init__(self, status: dict[str, str], rows: list[list[str]], columns: list[str]) -> None:
        self.status, self.rows, self.columns, self.stopped = status, rows, columns, 0

    def start_query_execution(self, **_: Any) -> dict[str, str]:
        return {"QueryExecutionId": "q-1"}

    def get_query_execution(self, **_: Any) -> dict[str, Any]:
        return {"QueryExecution": {"Status": self.status, "Statistics": {"DataScannedInBytes": 7}}}

    def stop_query_execution(self, **_: Any) -> None:
        self.stopped += 1

    def get_paginator(self, _: str) -> Athena:
        return self

    def paginate(self, **_: Any) -> list[dict[str, Any]]:
        info = [{"Name": name, "Type": "string"} for name in self.columns]
        rows = [{"Data": [{"VarCharValue": value} for value in row]} for row in self.rows]
        return [{"ResultSet": {"ResultSetMetadata": {"ColumnInfo": info}, "Rows": rows}}]


class Lake(Target):
    """A target whose Athena answers as the test says."""

    outputs = {"AthenaWorkGroupName": "w", "GlueDatabaseName": "d"}

    def client(self, service: str) -> Any:
        assert service == "athena"
        return self.session


def asked(athena: Athena, timeout: float = 9) -> query.Result:
    return query.run(Lake(athena, None, "S"), "DESCRIBE t", timeout)  # type: ignore[arg-type]  # only Athena is asked


def test_columns_that_athena_divides_by_tabs_are_columns() -> None:
    rows = [["id   \tint   \tthe id"], ["# Partition Information\t \t "], [""]]
    found = asked(Athena({"State": "SUCCEEDED"}, rows, ["col_name", "data_type", "comment"]))
    assert found.rows == [
        ["id", "int", "the id"],
        ["# Partition Information", "", ""],
        ["", None, None],
    ]
    assert found.scanned == 7


def test_no_more_pages_are_fetched_than_are_wanted() -> None:
    class Endless(Athena):
        pages = 0

        def paginate(self, **words: Any) -> Any:
            while True:
                self.pages += 1
                yield from super().paginate(**words)

    athena = Endless({"State": "SUCCEEDED"}, [["x"]] * 1000, ["x"])
    found = query.run(Lake(athena, None, "S"), "SELECT 1", most=2500)  # type: ignore[arg-type]  # likewise
    assert (len(found.rows), found.more, athena.pages) == (2500, True, 3)


def test_a_failed_query_says_its_identifier() -> None:
    status = {"State": "FAILED", "StateChangeReason": "DIVISION_BY_ZERO: Division by zero"}
    with pytest.raises(LakeCommandError, match=r"(?s)Division by zero.*query q-1"):
        asked(Athena(status, [], []))


def test_a_query_that_nobody_waits_for_is_stopped() -> None:
    athena = Athena({"State": "RUNNING"}, [], [])
    with pytest.raises(LakeCommandError, match="took too long"):
        asked(athena, timeout=0)
    assert athena.stopped == 1
