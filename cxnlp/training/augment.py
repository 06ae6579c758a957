"""Comments as hurried people write them: marks left out, letters mixed up; the quotes stay on their words."""

from __future__ import annotations

import random
from bisect import bisect_left
from collections.abc import Iterator
from dataclasses import replace

from cxnlp.evaluation.gold import Example

_Characters = list[tuple[str, int]]  # each with its place in the original

_CARELESS = 0.15  # of comments lose marks
_HURRIED = 0.2  # of comments have mixed up letters
_TYPO = 0.04  # of their letters' places


def roughen(example: Example, chance: random.Random) -> Example:
    """Return the example, now and then without some of its marks or with mixed up letters; quotes are mapped."""
    characters = list(zip(example.text, range(len(example.text)), strict=True))
    if chance.random() < _CARELESS:
        characters = [(c, at) for c, at in characters if c.isalnum() or c.isspace() or chance.random() < 0.2]
    if chance.random() < _HURRIED:
        characters = list(_mistyped(characters, chance))
    return _rewritten(example, characters)


def _mistyped(characters: _Characters, chance: random.Random) -> Iterator[tuple[str, int]]:
    """Yield characters of which some letters are left out, doubled or swapped with the next one."""
    at = 0
    while at < len(characters):
        letter, place = characters[at]
        following = characters[at + 1][0] if at + 1 < len(characters) else ""
        drawn = chance.random() / _TYPO
        at += 1
        if not letter.isalpha() or drawn >= 1:
            yield letter, place
        elif drawn < 0.4 and following.isalpha():
            yield following, place
            yield letter, characters[at][1]
            at += 1
        elif drawn < 0.6:
            yield letter, place
            yield letter, place
        elif not following.isalpha():
            yield letter, place


def _rewritten(example: Example, characters: _Characters) -> Example:
    text = "".join(character for character, _ in characters)
    places = [at for _, at in characters]
    findings = tuple(
        replace(label, start=bisect_left(places, label.start), end=bisect_left(places, label.end))
        if label.end > 0
        else label
        for label in example.findings
    )
    quoted = all(label.end < 0 or label.start < label.end for label in findings)
    return replace(example, text=text, findings=findings) if text.strip() and quoted else example
