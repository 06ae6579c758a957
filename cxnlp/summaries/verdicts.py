"""What may be said of a change."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import TypeVar

from cxnlp.metrics import Estimate, benjamini_hochberg, p_value
from cxnlp.records import ScoreSummary, Summary, Verdict

Row = TypeVar("Row", Summary, ScoreSummary)

COMPARABLE = 6
"""The fewest complaints that can reach 95 % at all: six in one window and none in the other has p = 2 / 2^6 = 0.03."""


@dataclass(frozen=True, slots=True)
class Change:
    """The difference to the period before with its 95 % interval, None where none may be told, and its verdict."""

    verdict: Verdict
    value: float | None = None
    low: float | None = None
    high: float | None = None


def judge(compare: Callable[[], Estimate], *, running: bool, first: bool, enough: bool, more_is_worse: bool) -> Change:
    """Return the change: worse or better where its whole 95 % interval lies on one side of zero.

    None is told while the period is running, in the first, and with too few comments.
    """
    if running:
        return Change(Verdict.UNFINISHED)
    if first:
        return Change(Verdict.FIRST)
    if not enough:
        return Change(Verdict.TOO_FEW)
    change = compare()
    verdict = Verdict.NO_CLEAR_CHANGE
    if change.low > 0:
        verdict = Verdict.WORSE if more_is_worse else Verdict.BETTER
    elif change.high < 0:
        verdict = Verdict.BETTER if more_is_worse else Verdict.WORSE
    return Change(verdict, change.value, change.low, change.high)


def confirmed(rows: Iterable[Row]) -> Iterator[Row]:
    """Yield the rows with "worse" and "better" kept only where they stand among all changes compared.

    Fifteen topics in twenty departments are 300 comparisons: at 95 % about 15 would be called a change by chance alone.
    What stands by Benjamini-Hochberg is wrong in one of ten on average; the rest becomes "no clear change". Topics with
    fewer than COMPARABLE complaints in both windows together can't show a change and take no part: their number tells
    nothing of the difference, so leaving them out is fair and lets real changes be seen.
    Source: Gilbert (2005), J. R. Stat. Soc. C 54:143-158, after Tarone (1990), Biometrics 46:515-522.
    """
    rows = list(rows)
    complaints: Counter[tuple[str, str]] = Counter()
    for row in rows:
        if isinstance(row, Summary):
            complaints[row.department, row.topic] += row.negative
    compared = [_compared(row, complaints) for row in rows]
    stand = iter(benjamini_hochberg([p_value(change) for change in compared if change]))
    for row, change in zip(rows, compared, strict=True):
        named = row.verdict in (Verdict.WORSE, Verdict.BETTER)
        stands = next(stand) if change else False
        yield row if stands or not named else replace(row, verdict=Verdict.NO_CLEAR_CHANGE)


def _compared(row: Summary | ScoreSummary, complaints: Mapping[tuple[str, str], int]) -> Estimate | None:
    """Return the change where it takes part in the comparison."""
    if row.change is None or row.change_low is None or row.change_high is None:
        return None
    if isinstance(row, Summary) and complaints[row.department, row.topic] < COMPARABLE:
        return None
    return Estimate(row.change, row.change_low, row.change_high)
