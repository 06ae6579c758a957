"""Minimal pairs: two comments that differ in little and mean different things."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cxnlp.analysis.base import Analyser
from cxnlp.analysis.rules import label_of
from cxnlp.errors import InputError
from cxnlp.evaluation.figures import names_of
from cxnlp.records import Analysis, Polarity, Sentiment
from cxnlp.taxonomy import load_taxonomy


@dataclass(frozen=True, slots=True)
class Member:
    """One comment of a pair: the labels that must be `there` and `absent`; `overall` None where it is open."""

    text: str
    question: str | None
    overall: Sentiment | None
    there: frozenset[str]
    absent: frozenset[str]

    def faults(self, analysis: Analysis) -> tuple[str, ...]:
        """Return what an analysis has wrong, in words; empty when it is right."""
        given = names_of(analysis)
        judged = [f"overall {analysis.overall}, not {self.overall}"] if self._misjudged(analysis) else []
        missed = [f"no {name}" for name in sorted(self.there - given)]
        return (*judged, *missed, *(f"{name}" for name in sorted(self.absent & given)))

    def _misjudged(self, analysis: Analysis) -> bool:
        return self.overall is not None and analysis.overall is not self.overall


@dataclass(frozen=True, slots=True)
class Pair:
    """Two members of one `kind` of difference ("negation", "sarcasm")."""

    id: str
    kind: str
    members: tuple[Member, Member]


@dataclass(frozen=True, slots=True)
class Judgement:
    """What an analyser has wrong in each member of a pair."""

    pair: Pair
    faults: tuple[tuple[str, ...], tuple[str, ...]]

    @property
    def right(self) -> bool:
        """Whether both members were read rightly."""
        return not any(self.faults)


@dataclass(frozen=True, slots=True)
class Tally:
    """How many pairs of a kind there are, and in how many both members, or of all members how many, are right."""

    pairs: int
    right: int
    members_right: int

    def as_json(self) -> dict[str, int]:
        """Return the counts."""
        return {"pairs": self.pairs, "right": self.right, "members_right": self.members_right}


def read_pairs(path: Path) -> list[Pair]:
    """Return the pairs of a file: one JSON a line with id, kind and pair.

    Each member has text, question (perhaps), overall (or null), there and absent: lists of [topic, polarity].
    InputError names the line of a record that isn't one.
    """
    try:
        lines = path.read_text("utf-8-sig").split("\n")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path} can't be read: {error}.") from None
    pairs = []
    for number, line in enumerate(lines, 1):
        if line.strip():
            try:
                row = json.loads(line)
                first, second = (_member(member) for member in row["pair"])
                pairs.append(Pair(row["id"], row["kind"], (first, second)))
            except (KeyError, ValueError, TypeError, InputError) as error:
                raise InputError(f"{path}, line {number}: not a pair of comments: {error!r}") from None
    return pairs


def _member(row: dict[str, Any]) -> Member:
    overall = row["overall"]
    return Member(
        row["text"],
        row.get("question"),
        None if overall is None else Sentiment(overall),
        frozenset(_label(*one) for one in row["there"]),
        frozenset(_label(*one) for one in row["absent"]),
    )


def _label(topic: str, polarity: str) -> str:
    return label_of(load_taxonomy()[topic].id, Polarity(polarity))


def judge(pairs: Sequence[Pair], analyser: Analyser) -> list[Judgement]:
    """Let an analyser read the members of all pairs."""
    members = [member for pair in pairs for member in pair.members]
    analyses = analyser.analyse([member.text for member in members], [member.question for member in members])
    faults = [member.faults(analysis) for member, analysis in zip(members, analyses, strict=True)]
    return [Judgement(pair, (faults[2 * at], faults[2 * at + 1])) for at, pair in enumerate(pairs)]


def tally(judgements: Sequence[Judgement]) -> dict[str, Tally]:
    """Return the tally of each kind, in the order in which they come, and of "all"."""
    kinds = [*dict.fromkeys(one.pair.kind for one in judgements), "all"]
    return {kind: _tally([one for one in judgements if kind in (one.pair.kind, "all")]) for kind in kinds}


def _tally(judgements: Sequence[Judgement]) -> Tally:
    members = sum(not faults for one in judgements for faults in one.faults)
    return Tally(len(judgements), sum(one.right for one in judgements), members)
