"""From the store to what people open: summaries, pages, a workbook and a snapshot, swapped in as one."""

from __future__ import annotations

import csv
import datetime as dt
import hashlib
import json
import shutil
from collections.abc import Iterable, Iterator
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cxnlp.config import Config
from cxnlp.departments import Chart
from cxnlp.records import (
    ORGANISATION,
    Period,
    Quote,
    Receipt,
    Reject,
    Scale,
    ScoreSummary,
    Summary,
    TextStatus,
    Verdict,
)
from cxnlp.reports.pages import write_site
from cxnlp.reports.report import Department, Report, StatusCount
from cxnlp.reports.terminal import Trouble
from cxnlp.storage.snapshot import swap, write_snapshot
from cxnlp.storage.store import Store
from cxnlp.taxonomy import load_taxonomy

if TYPE_CHECKING:
    import pandas as pd

INDEX = "index.html"


def folder_of(config: Config, run: str) -> Path:
    """Return where a run's publication is written before it is swapped in."""
    return config.path(config.publish.directory) / "runs" / run


def index_of(config: Config) -> Path:
    """Return the page that people open; it stays at one place."""
    return config.path(config.publish.directory) / "current" / INDEX


def state(store: Store, config: Config, routing: str, receipt: Receipt) -> str:
    """Return a digest of everything that a publication depends on."""
    failed = sorted(f"{source.source} {source.error}" for source in receipt.sources if source.error)
    parts = [store.data_version(), config.version, routing, metadata.version("cxnlp"), *failed]
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:32]


def summarise(store: Store, config: Config, folder: Path) -> None:
    """Write summaries.parquet and scores.parquet into a fresh `folder`: every department, topic, scale and period."""
    from cxnlp.summaries import newest_day, score_summaries, to_frame, topic_summaries

    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    topics, comments, scores = store.daily_topics(), store.daily_comments(), store.daily_scores()
    today = newest_day(comments, scores)
    days, least = _window(config), config.publish.min_comments
    by_topic = (
        one
        for period in Period
        for one in topic_summaries(
            topics, comments, period=period, min_comments=least, topics=load_taxonomy().ids, today=today, days=days
        )
    )
    to_frame(by_topic).to_parquet(folder / "summaries.parquet", index=False)
    by_scale = (
        one
        for period in Period
        for one in score_summaries(scores, period=period, min_comments=least, today=today, days=days)
    )
    to_frame(by_scale, record=ScoreSummary).to_parquet(folder / "scores.parquet", index=False)


def publish(store: Store, config: Config, chart: Chart, receipt: Receipt, folder: Path, *, model_note: str) -> Path:
    """Write pages, workbook and snapshot beside the summaries in `folder`, swap them in, return the index page."""
    from cxnlp.reports.workbook import write_workbook

    report = read_report(store, config, chart, receipt, folder, model_note=model_note)
    write_site(folder, report)
    write_workbook(folder / "report.xlsx", report)
    write_snapshot(store, folder)
    write_rejects(folder / "rejects.csv", store.rejects())
    swap(config.path(config.publish.directory) / "current", folder)
    return index_of(config)


def troubles(config: Config, chart: Chart) -> list[Trouble]:
    """Return each department's recent comments in a line, as the publication that is in place has them."""
    import pandas as pd

    path = index_of(config).with_name("summaries.parquet")
    if not path.exists():
        return []
    summaries = pd.read_parquet(path)
    rows = list(_summaries(summaries[summaries["period"] == Period.RECENT]))
    latest = max((row.start for row in rows if row.start), default=None)
    now = [row for row in rows if row.start == latest]
    departments = (Department(ORGANISATION, config.organisation.name), *_departments(chart))
    return [_trouble(one, [row for row in now if row.department == one.id]) for one in departments]


def _trouble(department: Department, rows: list[Summary]) -> Trouble:
    taxonomy = load_taxonomy()
    worst = max(rows, key=lambda row: (row.problem_share, -taxonomy.ids.index(row.topic)), default=None)
    most = f"{taxonomy[worst.topic].negative} ({worst.problem_share:.0%})" if worst and worst.negative else ""
    changed = [
        f"{row.verdict.value}: {taxonomy[row.topic].name}"
        for row in sorted(rows, key=lambda row: -abs(row.change or 0.0))
        if row.verdict in (Verdict.WORSE, Verdict.BETTER)
    ]
    return Trouble(department.name, max((row.heard for row in rows), default=0), most, ", ".join(changed))


_REJECT = ("source", "place", "record_id", "reason", "detail", "excerpt")


def write_rejects(path: Path, rejects: Iterable[Reject]) -> None:
    """Write what was ever set aside as CSV, newest last; no cell can start a formula in a spreadsheet."""
    with path.open("w", encoding="utf-8-sig", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(_REJECT)
        for reject in rejects:
            cells = (str(getattr(reject, name) or "") for name in _REJECT)
            rows.writerow(["'" + cell if cell.startswith(("=", "+", "-", "@", "\t", "\r")) else cell for cell in cells])


def read_report(
    store: Store, config: Config, chart: Chart, receipt: Receipt, folder: Path, *, model_note: str
) -> Report:
    """Return what the pages show, from the summaries in `folder` and the store."""
    import pandas as pd

    topics = pd.read_parquet(folder / "summaries.parquet")
    scores = pd.read_parquet(folder / "scores.parquet")
    period = Period(config.publish.period)
    shown = [Period.RECENT, Period.ALL, period]
    days = topics.loc[topics["period"] == Period.DAY, "start"]
    score_days = scores.loc[scores["period"] == Period.DAY, "start"]
    day = max((each.max().date() for each in (days, score_days) if len(each)), default=None)
    departments = tuple(_departments(chart))
    since = day - dt.timedelta(days=_window(config) - 1) if day else None
    return Report(
        organisation=config.organisation.name,
        day=day,
        period=period,
        window_days=_window(config),
        min_comments=config.publish.min_comments,
        taxonomy=load_taxonomy(),
        departments=departments,
        topics=tuple(_summaries(topics[topics["period"].isin(shown)])),
        scores=tuple(_scores(scores[scores["period"].isin(shown)])),
        quotes={one.id: _quotes(store, one.id, since, config.publish.quotes) for one in departments},
        statuses=tuple(
            StatusCount(str(source), TextStatus(status), language or None, int(n))
            for source, status, language, n in store.status_counts().values.tolist()
        ),
        receipt=receipt,
        model_note=model_note,
    )


def _window(config: Config) -> int:
    from cxnlp.summaries import window_days

    return config.publish.window_days or window_days(Period(config.publish.period))


def _departments(chart: Chart) -> Iterator[Department]:
    """Yield the chart's departments as pages know them: parents before children, "unassigned" last."""
    for one in chart.departments:
        if one.id != ORGANISATION:
            yield Department(one.id, one.name, one.head or None, one.parent or ORGANISATION)


def _quotes(store: Store, department: str, since: dt.date | None, per_topic: int) -> tuple[Quote, ...]:
    """Return the recent quotes of a department, and older ones where a topic has too few."""
    recent = store.quotes(department=department, since=since, per_topic=per_topic) if since else []
    kept = list(recent)
    for quote in store.quotes(department=department, per_topic=per_topic):
        same = [one for one in kept if (one.topic, one.polarity) == (quote.topic, quote.polarity)]
        if len(same) < per_topic and quote.text not in {one.text for one in same}:
            kept.append(quote)
    return tuple(kept)


def _summaries(frame: pd.DataFrame) -> Iterator[Summary]:
    for row in _rows(frame):
        yield Summary(**{**row, "period": Period(row["period"]), "verdict": Verdict(row["verdict"])})


def _scores(frame: pd.DataFrame) -> Iterator[ScoreSummary]:
    for row in _rows(frame):
        kinds = {"period": Period(row["period"]), "verdict": Verdict(row["verdict"]), "scale": Scale(row["scale"])}
        yield ScoreSummary(**{**row, **kinds})


def _rows(frame: pd.DataFrame) -> Iterator[dict[str, Any]]:
    """Yield a frame's rows with None for what is not known and dates for timestamps."""
    import pandas as pd

    for row in frame.to_dict("records"):
        plain = {str(key): None if pd.isna(value) else value for key, value in row.items()}
        yield {**plain, "start": plain["start"].date() if plain["start"] is not None else None}
