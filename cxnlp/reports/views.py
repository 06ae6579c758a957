"""What each page shows, ready for its template: decided here, only laid out there."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from cxnlp.records import ORGANISATION, Period, Polarity, Scale, ScoreSummary, Summary, TextStatus, Verdict
from cxnlp.reports.changes import Changes, department_changes, organisation_changes
from cxnlp.reports.figures import Figures
from cxnlp.reports.heatmap import Cell, Heatmap, cell, heatmap
from cxnlp.reports.passages import Passage, passage
from cxnlp.reports.report import Department, Report
from cxnlp.reports.sparkline import Drawing, bars, dots
from cxnlp.reports.wording import date, percent, percents, phrase, score, whole, words
from cxnlp.taxonomy import Topic

SHOWN = 8
"""How many changes the organisation's page names on each side; the heatmap marks them all."""

COURSE = 13
"""How many calendar periods a drawing shows: twelve and the running one."""


@dataclass(frozen=True, slots=True)
class TopicView:
    """A topic of one department: its share, how it changed, its course and the comments that say so."""

    topic: Topic
    label: str
    cell: Cell
    praise: str
    trend: str
    drawing: Drawing
    described: str
    passages: tuple[Passage, ...]


@dataclass(frozen=True, slots=True)
class ScoreView:
    """A department's score on one scale."""

    department: Department
    scale: Scale
    value: str
    interval: str
    responses: str
    verdict: Verdict
    trend: str
    drawing: Drawing
    described: str


@dataclass(frozen=True, slots=True)
class DepartmentLine:
    """A department in a list: how deep it lies, how much was said, and what is said most."""

    department: Department
    depth: int
    comments: str
    most: str


@dataclass(frozen=True, slots=True)
class SourceLine:
    """What came from a source: stored comments by status, and what this run set aside."""

    source: str
    statuses: tuple[str, ...]
    total: str
    rejected: str
    error: str | None


@dataclass(frozen=True, slots=True)
class OrganisationPage:
    """The page of the whole organisation."""

    report: Report
    changes: Changes
    heatmap: Heatmap
    older: Heatmap | None
    scores: tuple[tuple[Scale, tuple[ScoreView, ...]], ...]
    departments: tuple[DepartmentLine, ...]
    sources: tuple[SourceLine, ...]
    languages: str
    comments: str
    window: str


@dataclass(frozen=True, slots=True)
class DepartmentPage:
    """The page of one department."""

    report: Report
    department: Department
    above: tuple[Department, ...]
    below: tuple[DepartmentLine, ...]
    heatmap: Heatmap | None
    changes: Changes
    scores: tuple[ScoreView, ...]
    factors: tuple[TopicView, ...]
    others: tuple[TopicView, ...]
    silent: tuple[Topic, ...]
    comments: str
    window: str


def organisation_page(figures: Figures) -> OrganisationPage:
    """Return what the organisation's page shows."""
    report = figures.report
    teams = (report.root, *report.below(report.root))
    period = _period(figures, ORGANISATION)
    return OrganisationPage(
        report=report,
        changes=organisation_changes(figures),
        heatmap=heatmap(figures, teams, period=period),
        older=heatmap(figures, teams, period=Period.ALL) if period is Period.RECENT else None,
        scores=_scores_by_scale(figures, teams),
        departments=tuple(_lines(figures, report.root)),
        sources=source_lines(report),
        languages=_languages(report),
        comments=_comments(figures, ORGANISATION),
        window=window(report),
    )


def department_page(figures: Figures, department: Department) -> DepartmentPage:
    """Return what a department's page shows."""
    report = figures.report
    children = report.below(department)
    topics = _topics(figures, department)
    period = _period(figures, department.id)
    return DepartmentPage(
        report=report,
        department=department,
        above=report.above(department),
        below=tuple(_lines(figures, department)),
        heatmap=heatmap(figures, (department, *children), period=period) if children else None,
        changes=department_changes(figures, department),
        scores=tuple(view for scale in Scale if (view := _score(figures, department, scale))),
        factors=tuple(view for view in topics if view.topic.factor),
        others=tuple(view for view in topics if not view.topic.factor),
        silent=_silent(report, topics),
        comments=_comments(figures, department.id),
        window=window(report),
    )


def window(report: Report) -> str:
    """Return the recent window as its first and last day, "" where nothing is dated."""
    return f"{date(report.recent_start)} – {date(report.day)}" if report.day else ""


def _period(figures: Figures, department: str) -> Period:
    """Return the recent window where it holds comments, else all time."""
    return Period.RECENT if figures.recent_comments(department) else Period.ALL


def _comments(figures: Figures, department: str) -> str:
    recent, total = figures.recent_comments(department), figures.all_comments(department)
    if not figures.report.day:
        return phrase("undated", all=whole(total))
    return phrase("heard", recent=whole(recent), days=figures.report.window_days, all=whole(total))


def _topics(figures: Figures, department: Department) -> list[TopicView]:
    """Return the topics that the department's comments speak of, most complained of first."""
    report = figures.report
    quotes: dict[str, list[Passage]] = defaultdict(list)
    for quote in report.quotes.get(department.id, ()):
        quotes[quote.topic].append(passage(quote))
    found = [(topic, _best(figures, department.id, topic.id)) for topic in report.taxonomy.topics]
    heard = [(topic, row) for topic, row in found if row and (row.n or quotes.get(topic.id))]
    heard.sort(key=lambda pair: (-pair[1].problem_share, -pair[1].n))
    courses = {topic.id: figures.topics.course(department.id, topic.id)[-COURSE:] for topic, _ in heard}
    top = _top(report, courses.values())
    return [_topic(report, topic, row, courses[topic.id], quotes[topic.id], top) for topic, row in heard]


def _best(figures: Figures, department: str, topic: str) -> Summary | None:
    """Return the topic's recent summary where the department was heard lately, else the one of all time."""
    if _period(figures, department) is Period.RECENT:
        return figures.topics.recent(department, topic)
    return figures.topics.total(department, topic)


def _top(report: Report, courses: Iterable[Sequence[Summary]]) -> float:
    """Return the share that is as high as a drawing: the highest measured, at least 10 %."""
    measured = [row.problem_share for course in courses for row in course if row.comments >= report.min_comments]
    return max([0.10, *measured])


def _topic(
    report: Report, topic: Topic, row: Summary, course: Sequence[Summary], passages: Sequence[Passage], top: float
) -> TopicView:
    order = list(Polarity)
    return TopicView(
        topic=topic,
        label=topic.label(Polarity.NEGATIVE),
        cell=cell(row, min_comments=report.min_comments),
        praise=whole(row.positive),
        trend=_trend(row),
        drawing=bars(course, top=top, min_comments=report.min_comments),
        described=_described([row for row in course if row.comments >= report.min_comments], report),
        passages=tuple(sorted(passages, key=lambda item: order.index(item.quote.polarity))),
    )


def _trend(row: Summary) -> str:
    if row.change is not None and row.verdict in (Verdict.WORSE, Verdict.BETTER):
        before, now = percents(row.problem_share - row.change, row.problem_share)
        return f"{words()['trends'][row.verdict]}: {words()['changes']['topic'].format(before=before, now=now)}"
    return "" if row.period is Period.ALL else str(words()["trends"][row.verdict])


def _described(course: Sequence[Summary], report: Report) -> str:
    """Return a drawing of shares in words."""
    period = words()["periods"][report.period]
    if not course:
        return phrase("no_course", period=period)
    shares = [row.problem_share for row in course]
    return phrase(
        "course_shares",
        period=period,
        first=date(course[0].start),
        last=date(course[-1].start),
        before=percent(shares[0]),
        now=percent(shares[-1]),
        lowest=percent(min(shares)),
        highest=percent(max(shares)),
    )


def _silent(report: Report, shown: Iterable[TopicView]) -> tuple[Topic, ...]:
    heard = {view.topic.id for view in shown}
    return tuple(topic for topic in report.taxonomy.topics if topic.id not in heard)


def _scores_by_scale(
    figures: Figures, departments: Sequence[Department]
) -> tuple[tuple[Scale, tuple[ScoreView, ...]], ...]:
    tables = [(scale, [_score(figures, department, scale) for department in departments]) for scale in Scale]
    return tuple((scale, tuple(view for view in views if view)) for scale, views in tables if any(views))


def _score(figures: Figures, department: Department, scale: Scale) -> ScoreView | None:
    """Return a department's score: of the recent window where anybody answered in it, else of all time."""
    lately = figures.scores.recent(ORGANISATION, scale) is not None
    row = (figures.scores.recent if lately else figures.scores.total)(department.id, scale)
    if row is None:
        return None
    course = figures.scores.course(department.id, scale)[-COURSE:]
    few = row.responses < figures.report.min_comments
    return ScoreView(
        department=department,
        scale=scale,
        value=phrase("too_few") if few else score(row.value, scale),
        interval="" if few else phrase("interval", low=score(row.low, scale), high=score(row.high, scale)),
        responses=whole(row.responses),
        verdict=row.verdict,
        trend=_score_trend(row),
        drawing=dots(course, min_comments=figures.report.min_comments),
        described=_score_described(course, figures.report),
    )


def _score_trend(row: ScoreSummary) -> str:
    if row.period is Period.ALL:
        return phrase("all_time")
    if row.change is not None and row.verdict in (Verdict.WORSE, Verdict.BETTER):
        before, now = score(row.value - row.change, row.scale), score(row.value, row.scale)
        return f"{words()['verdicts'][row.verdict]}: {words()['changes']['score'].format(before=before, now=now)}"
    return str(words()["verdicts"][row.verdict])


def _score_described(course: Sequence[ScoreSummary], report: Report) -> str:
    """Return a drawing of scores in words."""
    period = words()["periods"][report.period]
    if not course:
        return phrase("no_course", period=period)
    return phrase(
        "course_scores",
        period=period,
        first=date(course[0].start),
        last=date(course[-1].start),
        before=score(course[0].value, course[0].scale),
        now=score(course[-1].value, course[-1].scale),
    )


def _lines(figures: Figures, department: Department, depth: int = 0) -> Iterable[DepartmentLine]:
    """Yield the departments below one, each followed by those below it."""
    for child in figures.report.below(department):
        yield DepartmentLine(child, depth, whole(_heard(figures, child.id)), _most(figures, child.id))
        yield from _lines(figures, child, depth + 1)


def _heard(figures: Figures, department: str) -> int:
    return figures.recent_comments(department) if figures.report.day else figures.all_comments(department)


def _most(figures: Figures, department: str) -> str:
    """Return what a department's comments complain of most, with its share."""
    rows = [row for topic in figures.report.taxonomy.ids if (row := _best(figures, department, topic))]
    rows = [row for row in rows if row.comments >= figures.report.min_comments and row.negative]
    if not rows:
        return ""
    most = max(rows, key=lambda row: row.problem_share)
    label = figures.report.taxonomy[most.topic].label(Polarity.NEGATIVE)
    return phrase("most", label=label, share=percent(most.problem_share))


def source_lines(report: Report) -> tuple[SourceLine, ...]:
    """Return each source's stored comments by TextStatus, and the records that this run set aside with the reasons."""
    stored: dict[str, Counter[TextStatus]] = {source.source: Counter() for source in report.receipt.sources}
    for count in report.statuses:
        stored.setdefault(count.source, Counter())[count.status] += count.n
    receipts = {source.source: source for source in report.receipt.sources}
    lines = []
    for source, counts in stored.items():
        receipt = receipts.get(source)
        reasons = sorted(receipt.rejected.items()) if receipt else []
        lines.append(
            SourceLine(
                source=source,
                statuses=tuple(whole(counts[status]) for status in TextStatus),
                total=whole(counts.total()),
                rejected=", ".join(f"{whole(n)} {reason.replace('_', ' ')}" for reason, n in reasons) or "0",
                error=receipt.error if receipt else None,
            )
        )
    return tuple(lines)


def _languages(report: Report) -> str:
    """Return how many comments of other languages were kept and not read, by language."""
    counts: Counter[str] = Counter()
    for count in report.statuses:
        if count.status is TextStatus.OTHER_LANGUAGE:
            counts[count.language or "unknown"] += count.n
    return ", ".join(f"{language} {whole(n)}" for language, n in counts.most_common())
