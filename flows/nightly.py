"""The nightly flow: pull, analyse, link, summarise, publish.

Each task is one call of cxnlp.pipeline on one source or one partition of thousands of comments. Being exactly-once is
the store's work: a task that runs again finds nothing left to do.
"""

from __future__ import annotations

import argparse
from collections import Counter

from prefect import flow, get_run_logger, task
from prefect.artifacts import create_markdown_artifact
from prefect.task_runners import ThreadPoolTaskRunner

from cxnlp import pipeline
from cxnlp.pipeline import Partition
from cxnlp.reports.receipt import receipt_markdown

TASK = {"retries": 1, "retry_delay_seconds": 10, "persist_result": False}


@task(task_run_name="pull {source}", **TASK)
def pull(config: str, run: str, source: str) -> bool:
    """Pull one source; return whether it could be read."""
    receipt = pipeline.pull(config, run, source)
    if receipt.error:
        get_run_logger().error("Source %s failed: %s", source, receipt.error)
    return receipt.error is None


@task(task_run_name="analyse {partition}", **TASK)
def analyse(config: str, run: str, partition: Partition, again: bool) -> int:
    """Analyse one partition; return how many comments."""
    return pipeline.analyse(config, run, partition, again=again)


@task(task_run_name="link {partition}", **TASK)
def link(config: str, run: str, partition: Partition) -> dict[str, int]:
    """Link one partition; return what the chart did not know."""
    return pipeline.link(config, run, partition)


@task(**TASK)
def summarise(config: str, run: str) -> str:
    """Count; return the folder to publish from, "" when nothing changed."""
    return pipeline.summarise(config, run)


@task(**TASK)
def publish(config: str, run: str, folder: str) -> str:
    """Publish pages, workbook and snapshot; return the index page."""
    return pipeline.publish(config, run, folder)


@flow(name="cxnlp-pull", task_runner=ThreadPoolTaskRunner(max_workers=pipeline.PULLS), persist_result=False)
def pull_all(config: str, run: str) -> None:
    """Pull all sources at once; one that fails is in the receipt and leaves the others alone."""
    pull.map(config, run, pipeline.sources(config)).wait()


@flow(name="cxnlp-nightly", task_runner=ThreadPoolTaskRunner(max_workers=2), persist_result=False)
def nightly(config: str = "cxnlp.toml", again: bool = False) -> str:
    """Run one night; return the receipt's run id. `again` also re-analyses what another model or taxonomy read."""
    with pipeline.run(config) as night:
        pull_all(config, night.id)
        analyse.map(config, night.id, pipeline.to_analyse(config, again=again), again).result()
        unknown = link.map(config, night.id, pipeline.to_link(config)).result()
        page = publish(config, night.id, summarise(config, night.id))
        receipt = night.finish(unknown=sum(map(Counter, unknown), Counter()), published=page)
    create_markdown_artifact(receipt_markdown(receipt), key="cxnlp-receipt", description="What the night did")
    pipeline.show(config, receipt)
    return receipt.run


def main() -> None:
    """Run the flow once from the command line, or serve it on a schedule."""
    parser = argparse.ArgumentParser(prog="python -m flows.nightly", description=main.__doc__)
    parser.add_argument("config", nargs="?", default="cxnlp.toml")
    parser.add_argument("--reanalyse", action="store_true", help="read again what another model or taxonomy read")
    parser.add_argument("--serve", metavar="CRON", help='stay and run on a schedule, such as "0 2 * * *"')
    options = parser.parse_args()
    parameters = {"config": options.config, "again": options.reanalyse}
    if options.serve:
        nightly.serve(name="nightly", cron=options.serve, parameters=parameters, limit=1)
    else:
        nightly(**parameters)


if __name__ == "__main__":
    main()
