"""The crawler and a burst of changes, as Glue answers them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest
from botocore.exceptions import ClientError

from aws.glue import GlueCatalog
from engine.types.evolve import evolved
from store.errors import ServiceError


def refused(code: str) -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": code}}, "StartCrawler")


@dataclass
class Crawler:
    """Runs from its start until it is told that it has ended."""

    runs: int = 0
    running: bool = False

    def start_crawler(self, Name: str) -> None:  # noqa: N803  # botocore's own
        if self.running:
            raise refused("CrawlerRunningException")
        self.runs += 1
        self.running = True


def catalog(client: Any) -> GlueCatalog:
    return GlueCatalog(client, "database", "bucket", "crawler", "parquet", evolved)


def test_a_burst_of_changes_starts_the_crawler_once_while_it_runs() -> None:
    crawler = Crawler()
    workers = [catalog(crawler) for _ in range(5)]
    assert [worker.crawl() for worker in workers] == [True, False, False, False, False]
    crawler.running = False
    assert workers[3].crawl()
    assert crawler.runs == 2


def test_a_crawler_that_glue_cannot_start_now_is_transient() -> None:
    class Throttled:
        def start_crawler(self, Name: str) -> None:  # noqa: N803  # botocore's own
            raise refused("ThrottlingException")

    with pytest.raises(ServiceError):
        catalog(Throttled()).crawl()
