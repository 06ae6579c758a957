"""What a night costs beside analysis: milliseconds a comment by verb, peak memory, and a night with nothing new.

    python tests/benchmarks/bench_night.py 10000 100000 500000

Comments are the demo organisation's, each with a number of its own; findings come from a stand-in that costs nothing,
three quarters of a finding a comment. Each size runs in a process of its own.
"""

from __future__ import annotations

import csv
import datetime as dt
import json
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from cxnlp import pipeline
from cxnlp.analysis.base import unread
from cxnlp.config import SourceSection
from cxnlp.records import Analysis, Finding, Polarity, Sentiment
from cxnlp.sources import load_source
from cxnlp.taxonomy import load_taxonomy

DEMO = Path(pipeline.__file__).parent / "data/demo"
CONFIG = """
[organisation]
name = "Benchmark"
[[sources]]
name = "survey"
channel = "survey"
path = "survey.csv"
[sources.columns]
id = "id"
text = "text"
date = { column = "date", formats = "iso", timezone = "UTC" }
score = { column = "nps", scale = "nps" }
queue = "queue"
"""
QUEUES = ["Deliveries", "Payments", "Website & App", "Assembly & Repairs", "Stores", "General", "", ""]


class Free:
    """An analyser that costs nothing: a finding for three comments in four."""

    model = "free/1"
    taxonomy = load_taxonomy().version
    topics = load_taxonomy().ids

    def analyse(self, texts: Sequence[str], questions: Sequence[str | None] | None = None) -> list[Analysis]:
        """Return one Analysis for each text, decided by its length."""
        return [self._one(text) for text in texts]

    def _one(self, text: str) -> Analysis:
        if len(text) % 4 == 0:
            return unread("nothing", model=self.model, taxonomy=self.taxonomy)
        polarity = Polarity.NEGATIVE if len(text) % 3 else Polarity.POSITIVE
        found = Finding(self.topics[len(text) % 15], polarity, 0.7, 0, min(len(text), 20))
        sure = {one: float(one is Sentiment.NEGATIVE) for one in Sentiment}
        return Analysis(Sentiment.NEGATIVE, sure, False, 0.0, (found,), self.model, self.taxonomy)


def demo_texts() -> list[str]:
    """Return the demo's comments as its sources give them."""
    columns = {"id": "review_id", "text": "body"}
    section = SourceSection.model_validate(
        {"name": "reviews", "channel": "review", "path": "reviews.jsonl", "columns": columns}
    )
    source = load_source(section, config_path=DEMO / "cxnlp.toml", config_text="", index=0, root=DEMO)
    texts = [record.text for page in source.pull(None, page_size=1_000) for record in page.records]
    with (DEMO / "survey.csv").open(encoding="utf-8-sig", newline="") as file:
        texts += [row[column] for row in csv.DictReader(file) for column in ("Q2_WHY", "Q3_BETTER")]
    return [text for text in texts if len(text) > 3]


def rows(size: int) -> Iterator[list[object]]:
    """Yield the rows of a survey of `size` comments over 120 days."""
    texts, start = demo_texts(), dt.date(2026, 7, 6)
    for n in range(size):
        day = start + dt.timedelta(days=n * 120 // size)
        yield [n, day.isoformat(), n % 11, QUEUES[n % 8], f"{texts[n % len(texts)]} ({n})"]


def measure(size: int) -> dict[str, float]:
    """Run a night of `size` comments and one with nothing new; return seconds by verb and peak memory in MB."""
    pipeline.load_analyser = lambda *_: Free()  # type: ignore[assignment]
    pipeline.model_note = lambda _: ""  # type: ignore[assignment]
    folder = Path(tempfile.mkdtemp(prefix="bench-night-"))
    config = folder / "cxnlp.toml"
    config.write_text(CONFIG, "utf-8")
    chart = (DEMO / "departments.toml").read_text("utf-8")
    (folder / "departments.toml").write_text(chart.split("# How customers judge")[0], "utf-8")
    with (folder / "survey.csv").open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([["id", "date", "nps", "queue", "text"], *rows(size)])
    taken: dict[str, float] = {}
    cpu = time.process_time()

    def timed(name: str, started: float) -> float:
        taken[name] = taken.get(name, 0.0) + time.perf_counter() - started
        return time.perf_counter()

    with pipeline.run(config) as night:
        clock = time.perf_counter()
        pipeline.pull(config, night.id, "survey")
        clock = timed("pull, prepare, store", clock)
        for part in pipeline.to_analyse(config):
            pipeline.analyse(config, night.id, part)
        clock = timed("store findings", clock)
        for part in pipeline.to_link(config):
            pipeline.link(config, night.id, part)
        clock = timed("link", clock)
        summaries = pipeline.summarise(config, night.id)
        clock = timed("summarise", clock)
        page = pipeline.publish(config, night.id, summaries)
        timed("publish", clock)
        night.finish(unknown={}, published=page)
    clock = time.perf_counter()
    pipeline.nightly(config)
    timed("a night with nothing new", clock)
    shutil.rmtree(folder)
    taken["CPU"] = time.process_time() - cpu
    return {**taken, "peak MB": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024}


def main() -> None:
    """Measure each size in a fresh process and print a table."""
    os.environ.setdefault("CXNLP_KEY", "a-key-for-benchmarks-only")
    if sys.argv[1:2] == ["--one"]:
        print(json.dumps(measure(int(sys.argv[2]))))
        return
    for size in map(int, sys.argv[1:] or ["10000", "100000"]):
        done = subprocess.run(
            [sys.executable, __file__, "--one", str(size)], capture_output=True, text=True, check=True
        )
        taken = json.loads(done.stdout)
        others = ("peak MB", "CPU", "a night with nothing new")
        costs = {key: value for key, value in taken.items() if key not in others}
        print(
            f"{size:,} comments: {sum(costs.values()) / size * 1000:.2f} ms a comment "
            f"(CPU {taken['CPU'] / size * 1000:.2f}), peak {taken['peak MB']:.0f} MB"
        )
        for verb, seconds in costs.items():
            print(f"  {verb:22} {seconds / size * 1000:6.3f} ms a comment  {seconds:7.1f} s")
        print(f"  {'nothing new':22} {taken['a night with nothing new']:.2f} s")


if __name__ == "__main__":
    main()
