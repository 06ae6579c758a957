"""A night's result on a terminal: its receipt, which department has which trouble, and where the pages are."""

from __future__ import annotations

import resource
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from rich.console import Console
from rich.table import Table

from cxnlp.records import Receipt
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
