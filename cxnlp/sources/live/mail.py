"""E-mails as their writers wrote them, without the messages that they quote."""

from __future__ import annotations

import re
from collections.abc import Sequence

_DIVIDER = re.compile(r"\s*[-_]{2,}\s*(?:original message|forwarded message|reply above this line)\b", re.IGNORECASE)
_WROTE = re.compile(r"\s*On\b.{0,300}(?:\b\d{4}\b|@).{0,300}(?<! I) wrote\s*:\s*$", re.IGNORECASE)
_INTRODUCED = re.compile(r"[^:]*[\d@].*:\s*$")  # in any language, where quoted lines follow
_HEADER = re.compile(r"\s*\*?(from|sent|date|to|cc|subject)\*?\s*:", re.IGNORECASE)
_HEADERS = 3  # of a quoted message that stand under each other
_LONGEST = 400  # characters of a line that can introduce a quoted message


def written(text: str) -> str:
    r"""Return an e-mail without the older message below it, or without the quoted lines between its answers.

    An older message begins with "On 2 March 2026 … wrote:", "-----Original Message-----", the headers of a message, or
    a line that introduces quoted ones (">"). An e-mail that has nothing else stays as it is.

    >>> written("Still no refund.\n\nOn Mon, 2 Mar 2026 at 10:11, Acme <help@acme.example> wrote:\n> We are sorry.")
    'Still no refund.'
    """
    lines = text.splitlines()
    for at in range(len(lines)):
        if length := _introduction(lines, at):
            above = "\n".join(lines[:at]).strip()
            below = lines[at + length :]
            between = (
                "\n".join(line for line in below if not _is_quoted(line)).strip() if any(map(_is_quoted, below)) else ""
            )
            return above or between or text
    return text


def _introduction(lines: Sequence[str], at: int) -> int:
    """Return how many lines from one on introduce an older message; 0 for none."""
    line = lines[at]
    if len(line) > _LONGEST:
        return 0
    names = [match[1].lower() for one in lines[at : at + _HEADERS] if (match := _HEADER.match(one[:_LONGEST]))]
    if names[:1] == ["from"] and len(set(names)) == _HEADERS:
        return _HEADERS
    if _DIVIDER.match(line) or _WROTE.match(line):
        return 1
    if _INTRODUCED.match(line) and _is_quoted("".join(lines[at + 1 : at + 2])):
        return 1
    # Programs break a long line in two.
    broken = f"{line} {lines[at + 1].strip()}" if at + 1 < len(lines) else ""
    return 2 if len(broken) <= _LONGEST and _WROTE.match(broken) else 0


def _is_quoted(line: str) -> bool:
    return line.lstrip().startswith(">")
