"""A night's result on a terminal: its receipt, which department has which trouble, and where the pages are."""

from __future__ import annotations

import resource
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from rich.console import Console
from rich.table import Table

from cxnlp.records import Feedback, Receipt
from cxnlp.reports import wording
from cxnlp.reports.receipt import receipt_lines, receipt_rows


@dataclass(frozen=True, slots=True)
class Trouble:
    """A department's recent comments in a line: how many, what they complain of most, what changed."""

    department: str
    comments: int
    most: str
    changed: str


def show(receipt: Receipt, troubles: Iterable[Trouble]) -> None:
    """Print it all to standard output. Nothing in a cell is read as markup."""
    console = Console(highlight=False, markup=False, emoji=False, soft_wrap=True)
    if not console.is_terminal:
        console.width = 140
    head, *rows = receipt_rows(receipt)
    console.print(_table(head, rows, left=(0, len(head) - 1)))
    for line in receipt_lines(receipt):
        console.print(line)
    cells = [(one.department, str(one.comments), one.most, one.changed) for one in troubles]
    if cells:
        console.print()
        console.print(_table(("department", "recent comments", "most often", "what changed"), cells, left=(0, 2, 3)))
    console.print(f"\nPeak memory {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024} MB")
    if receipt.published:
        console.print(f"Pages: {receipt.published}")


def record_lines(record: Feedback) -> list[str]:
    """Return a record as it would be stored, a line a field; of a long text the beginning, control characters shown."""
    said = {
        "text": record.text[:300],
        "question": record.question,
        "status": record.status.value,
        "created": wording.moment(record.created_at) if record.created_at else None,
        "updated": wording.moment(record.updated_at) if record.updated_at else None,
        "language": record.language,
        "score": f"{record.score.value:g} on {record.score.scale}" if record.score else None,
        "customer": record.customer_ref,
        "first reply": wording.moment(record.timing.first_reply_at) if record.timing.first_reply_at else None,
        "resolved": wording.moment(record.timing.resolved_at) if record.timing.resolved_at else None,
        "reopened": record.timing.reopened,
        **{hint.value: value for hint, value in record.hints.items()},
        **record.attributes,
    }
    lines = [f"  {name}: {_printable(str(value))}" for name, value in said.items() if value is not None]
    return [_printable(record.source_record_id), *lines]


def _printable(words: str) -> str:
    """Return words that can't move the cursor or colour a terminal."""
    return "".join(one if one.isprintable() else " " if one.isspace() else "\N{REPLACEMENT CHARACTER}" for one in words)


def show_table(rows: Sequence[Sequence[str]]) -> None:
    """Print a table of texts to standard output; the first row is its head. No figure is cut or broken."""
    console = Console(highlight=False, markup=False, emoji=False, soft_wrap=True)
    head, *rest = rows
    table = _table(head, rest, left=(0,))
    console.width = max(console.width, 1_000)
    console.width = max(80, console.measure(table).maximum)
    console.print(table)


def _table(head: Sequence[str], rows: Iterable[Sequence[str]], *, left: Sequence[int]) -> Table:
    table = Table(box=None, header_style="bold", padding=(0, 2, 0, 0))
    for place, column in enumerate(head):
        table.add_column(column, justify="left" if place in left else "right", no_wrap=place == 0)
    for row in rows:
        table.add_row(*row)
    return table
