"""What got worse and what got better, in words with how sure that is."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from cxnlp.metrics import Estimate, p_value
from cxnlp.records import ORGANISATION, Polarity, Scale, ScoreSummary, Summary, Verdict
from cxnlp.reports.figures import Figures, subject
from cxnlp.reports.report import Department, Report
from cxnlp.reports.wording import percents, score, whole, words


@dataclass(frozen=True, slots=True)
class Change:
    """One change that may be named. `topic` is None for a score; the rest are words for people."""

    department: Department
    topic: str | None
    label: str
    sentence: str
    counts: str
    range: str
    evidence: str


@dataclass(frozen=True, slots=True)
class Changes:
    """What changed, out of how many `compared`.

    The six factors come before the rest, the organisation before its departments, then the surest first.
    """

    worse: tuple[Change, ...]
    better: tuple[Change, ...]
    compared: int


def organisation_changes(figures: Figures) -> Changes:
    """Return the changes of all departments; where a department and one below it tell the same, the one below does."""
    report = figures.report
    rows: list[Summary | ScoreSummary] = [*figures.topics.all_recent(), *figures.scores.all_recent()]
    hidden = {
        (above.id, subject(row), row.verdict)
        for row in rows
        if row.department != ORGANISATION
        for above in report.above(report.department(row.department))
    }
    kept = [row for row in rows if (row.department, subject(row), row.verdict) not in hidden]
    return _changes(figures, kept, compared=sum(row.change is not None for row in rows))


def department_changes(figures: Figures, department: Department) -> Changes:
    """Return the changes of one department."""
    found = [figures.topics.recent(department.id, topic) for topic in figures.report.taxonomy.ids]
    rated = [figures.scores.recent(department.id, scale) for scale in Scale]
    rows = [row for row in (*found, *rated) if row]
    return _changes(figures, rows, compared=sum(row.change is not None for row in rows))


def _changes(figures: Figures, rows: Iterable[Summary | ScoreSummary], *, compared: int) -> Changes:
    changed = [(row, change) for row in rows if (change := _estimate(row))]
    changed.sort(key=lambda pair: _order(figures.report, *pair))
    worse = tuple(_told(figures, row, change) for row, change in changed if row.verdict is Verdict.WORSE)
    better = tuple(_told(figures, row, change) for row, change in changed if row.verdict is Verdict.BETTER)
    return Changes(worse, better, compared)


def _order(report: Report, row: Summary | ScoreSummary, change: Estimate) -> tuple[bool, bool, float]:
    other = isinstance(row, ScoreSummary) or row.topic not in report.taxonomy.factors
    return other, row.department != ORGANISATION, p_value(change)


def _estimate(row: Summary | ScoreSummary) -> Estimate | None:
    if row.change is None or row.change_low is None or row.change_high is None:
        return None
    return Estimate(row.change, row.change_low, row.change_high)


def _told(figures: Figures, row: Summary | ScoreSummary, change: Estimate) -> Change:
    department = figures.report.department(row.department)
    if isinstance(row, Summary):
        return _topic_change(figures, department, row, change)
    return _score_change(figures, department, row, change)


def _topic_change(figures: Figures, department: Department, now: Summary, change: Estimate) -> Change:
    text = words()["changes"]
    before = figures.topics.before(department.id, now.topic)
    earlier, later = percents(now.problem_share - change.value, now.problem_share)
    counts = text["topic_counts"].format(
        before=whole(before.negative), before_all=whole(before.comments), now=whole(now.negative),
        now_all=whole(now.comments),
    ) if before else ""  # fmt: skip
    return Change(
        department=department,
        topic=now.topic,
        label=figures.report.taxonomy[now.topic].label(Polarity.NEGATIVE),
        sentence=text["topic"].format(before=earlier, now=later),
        counts=counts,
        range=_range(change.times(100), text["points"], decimals=0),
        evidence=evidence(change),
    )


def _score_change(figures: Figures, department: Department, now: ScoreSummary, change: Estimate) -> Change:
    text = words()["changes"]
    before = figures.scores.before(department.id, now.scale)
    counts = text["score_counts"].format(
        before_all=whole(before.responses), now_all=whole(now.responses)
    ) if before else ""  # fmt: skip
    unit = text["points" if now.scale.in_percent else "score_points"]
    return Change(
        department=department,
        topic=None,
        label=words()["scales"][now.scale],
        sentence=text["score"].format(
            before=score(now.value - change.value, now.scale), now=score(now.value, now.scale)
        ),
        counts=counts,
        range=_range(change, unit, decimals=0 if now.scale is Scale.NPS or now.scale.in_percent else 1),
        evidence=evidence(change),
    )


def _range(change: Estimate, unit: str, *, decimals: int) -> str:
    low, high = sorted((abs(change.low), abs(change.high)))
    # Below one point, whole points would say "0".
    decimals = 1 if low < 1 else decimals
    return str(words()["changes"]["rose" if change.value > 0 else "fell"]).format(
        low="just above 0" if low < 0.05 else f"{low:.{decimals}f}", high=f"{high:.{decimals}f}", unit=unit
    )


def evidence(change: Estimate) -> str:
    """Return how sure a change is, in words."""
    p = p_value(change)
    return next(str(level["words"]) for level in words()["evidence"] if p < level["below"])
