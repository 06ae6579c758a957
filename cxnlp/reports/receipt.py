"""A run's receipt in words: for a terminal, and as Markdown."""

from __future__ import annotations

from cxnlp.records import Receipt, SourceReceipt

_HEAD = ("source", "pulled", "new", "updated", "unchanged", "duplicate", "rejected", "retired")


def receipt_rows(receipt: Receipt) -> list[tuple[str, ...]]:
    """Return a table of what was pulled: the head, then a row a source."""
    return [_HEAD, *(_row(source) for source in receipt.sources)]


def _row(source: SourceReceipt) -> tuple[str, ...]:
    counts = (source.pulled, source.new, source.updated, source.unchanged, source.duplicate)
    rejected = sum(source.rejected.values())
    reasons = ", ".join(f"{reason} {count}" for reason, count in sorted(source.rejected.items()))
    return (source.source, *map(str, counts), f"{rejected} ({reasons})" if rejected else "0", str(source.retired))


def receipt_lines(receipt: Receipt) -> list[str]:
    """Return what the run did beside pulling, a line each."""
    took = (receipt.finished_at - receipt.started_at).total_seconds() if receipt.finished_at else 0.0
    kinds = ", ".join(f"{count} {status}" for status, count in sorted(receipt.comments.items())) or "none"
    lines = [
        f"Run {receipt.run}: {receipt.status}, {took:.1f} s",
        f"New or changed comments: {kinds}",
        f"Analysed {receipt.analysed}, findings {receipt.findings}, linked {receipt.linked}",
    ]
    lines += [f"Source {source.source} failed: {source.error}" for source in receipt.sources if source.error]
    lines += [f"Source {source.source}: {warning}" for source in receipt.sources for warning in source.warnings]
    return [*lines, *receipt.notes]


def receipt_markdown(receipt: Receipt) -> str:
    """Return the receipt as Markdown, with nothing in it that is read as markup."""
    rows = [[_plain(cell) for cell in row] for row in receipt_rows(receipt)]
    head, *body = ["| " + " | ".join(row) + " |" for row in rows]
    table = "\n".join([head, "|" + "---|" * len(_HEAD), *body])
    lines = [f"- {_plain(line)}" for line in receipt_lines(receipt)]
    versions = ", ".join(f"{name} {_plain(version)}" for name, version in receipt.versions.items())
    return "\n".join([table, "", *lines, "", f"Versions: {versions}"])


def _plain(text: str) -> str:
    return "".join("\\" + character if character in r"\`*_{}[]<>#|!" else character for character in text)
