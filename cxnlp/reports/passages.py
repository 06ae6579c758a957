"""A quoted comment as a page shows it: the words that count, marked, with enough around them."""

from __future__ import annotations

import re
from dataclasses import dataclass

from cxnlp.records import Quote
from cxnlp.reports.wording import words

AROUND = 400
"""Characters shown on each side of the marked words."""

SLACK = 40
"""How far a cut may move to fall between words."""

# Controls that would reorder or break the page's own text; a customer's letters are untouched.
HOSTILE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff\ufffe\uffff]")


@dataclass(frozen=True, slots=True)
class Passage:
    """A quote in three parts, `marked` being what shows the topic; "…" stands where the comment goes on."""

    quote: Quote
    before: str
    marked: str
    after: str
    why: str


def passage(quote: Quote, *, around: int = AROUND) -> Passage:
    """Return a quote with at most about `around` characters on each side of its span; the span is never cut.

    A span that leaves the text is taken as far as it lies in it.
    """
    start = min(max(quote.start, 0), len(quote.text))
    end = min(max(quote.end, start), len(quote.text))
    before, marked, after = quote.text[:start], quote.text[start:end], quote.text[end:]
    return Passage(
        quote=quote,
        before=visible(_ending(before, around)),
        marked=visible(marked),
        after=visible(_beginning(after, around)),
        why=why(quote),
    )


def why(quote: Quote) -> str:
    """Return why a quote is a department's, in words, with the evidence."""
    reason = str(words()["rules"][quote.rule])
    return f"{reason}: {visible(quote.evidence)}" if quote.evidence else reason


def visible(text: str) -> str:
    """Return text without control characters and those that turn the direction of what follows."""
    return HOSTILE.sub("", text)


def _beginning(text: str, length: int) -> str:
    """Return the first characters of a text, cut between words if there is a gap near."""
    if len(text) <= length + SLACK:
        return text
    gaps = [gap.start() for gap in re.finditer(r"\s", text[length - SLACK : length + SLACK])]
    cut = length - SLACK + gaps[-1] if gaps else length
    return text[:cut].rstrip() + " …"


def _ending(text: str, length: int) -> str:
    """Return the last characters of a text, cut between words if there is a gap near."""
    if len(text) <= length + SLACK:
        return text
    tail = text[-(length + SLACK) :]
    gaps = [gap.end() for gap in re.finditer(r"\s", tail[: 2 * SLACK])]
    return "… " + tail[gaps[0] if gaps else SLACK :].lstrip()
