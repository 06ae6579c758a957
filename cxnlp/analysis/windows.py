"""What the encoder reads: a question and its text as word pieces, a long text in overlapping windows."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from cxnlp.analysis.base import encodable

LONGEST = 256  # word pieces of a window, question and marks included
OVERLAP = 64
_LONGEST_QUESTION = 48  # what a question asks stands at its start; the text is never cut

_MARKS = 3  # [CLS] question [SEP] text [SEP]


@dataclass(frozen=True, slots=True)
class Window:
    """`ids` of one input of the encoder, in which the text's pieces stand at first .. first + len(places).

    `places` are the (start, end) of these pieces in the text; `at` is the place of the first among all of the text's.
    """

    ids: tuple[int, ...]
    first: int
    places: tuple[tuple[int, int], ...]
    at: int = 0


class Pieces:
    """Cuts questions and texts into word pieces with a tokenizer of the library tokenizers."""

    def __init__(self, tokenizer: Any) -> None:
        tokenizer.no_truncation()
        tokenizer.no_padding()
        self._tokenizer = tokenizer
        self._start, self._end = (tokenizer.token_to_id(mark) for mark in ("[CLS]", "[SEP]"))
        self.mask: int = tokenizer.token_to_id("[MASK]")

    @classmethod
    def from_json(cls, tokenizer: str) -> Pieces:
        """Return it for the text of a tokenizer.json."""
        from tokenizers import Tokenizer

        return cls(Tokenizer.from_str(tokenizer))

    def windows(self, texts: Sequence[str], questions: Sequence[str | None]) -> Iterator[tuple[Window, ...]]:
        """Yield the windows of each text, which cover all its pieces; one window where there are none."""
        asked = self._cut([question or "" for question in questions])
        for question, text in zip(asked, self._cut(texts), strict=True):
            head = (self._start, *question.ids[:_LONGEST_QUESTION], self._end)
            size = LONGEST - _MARKS - min(len(question.ids), _LONGEST_QUESTION)
            yield tuple(
                Window((*head, *text.ids[at:end], self._end), len(head), tuple(text.offsets[at:end]), at)
                for at, end in cuts(len(text.ids), size=size, overlap=OVERLAP)
            )

    def _cut(self, texts: Sequence[str]) -> list[Any]:
        cut: list[Any] = self._tokenizer.encode_batch([encodable(text) for text in texts], add_special_tokens=False)
        return cut


def cuts(count: int, *, size: int, overlap: int) -> Iterator[tuple[int, int]]:
    """Yield (start, end) of stretches of at most `size` that cover 0 .. count, each sharing `overlap` with the next.

    >>> list(cuts(10, size=6, overlap=2))
    [(0, 6), (4, 10)]
    """
    at = 0
    while at + size < count:
        yield at, at + size
        at += size - overlap
    yield at, count
