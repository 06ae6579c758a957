"""Which encoding a file is written in, found from its bytes."""

from __future__ import annotations

import codecs
from collections.abc import Iterator
from pathlib import Path

from cxnlp.errors import SourceError

HEAD = 64 * 1024
CHUNK = 1024 * 1024

UNDECODABLE = "\udc80"
"""What stands in a decoded text for bytes that the encoding does not have."""

MARK = "cxnlp-mark"
BYTE_ORDER_MARKS = {
    codecs.BOM_UTF8: "utf-8-sig",
    codecs.BOM_UTF32_LE: "utf-32",
    codecs.BOM_UTF32_BE: "utf-32",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}


def _mark(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeDecodeError):
        raise error
    return UNDECODABLE, error.end


codecs.register_error(MARK, _mark)


def find_encoding(path: Path, *, forced: str | None = None) -> tuple[str, bool]:
    """Return the encoding of a text file, and whether all of it can be decoded.

    A byte order mark decides; then the zero bytes of UTF-16; then UTF-8 if all of it is valid, or most of what is not
    ASCII; else cp1252. SourceError says where a `forced` encoding is wrong and what would be right.
    """
    with path.open("rb") as file:
        head = file.read(HEAD)
    marked = next((name for mark, name in BYTE_ORDER_MARKS.items() if head.startswith(mark)), None)
    if forced:
        return _forced(path, forced, marked), True
    if marked or (marked := _zeros(head)):
        return marked, _fault_line(path, marked) is None
    if _fault_line(path, "utf-8") is None:
        return "utf-8", True
    if _mostly_utf8(path):
        return "utf-8", False
    return "cp1252", _fault_line(path, "cp1252") is None


def _forced(path: Path, forced: str, marked: str | None) -> str:
    name = codecs.lookup(forced).name
    if marked and not name.startswith(marked.removesuffix("-sig")):
        raise SourceError(
            f"{path.name} starts with the mark of {marked.removesuffix('-sig').upper()}, but the configuration says "
            f'encoding = "{forced}". Leave encoding out to have it found.'
        )
    if marked:
        name = marked
    line = _fault_line(path, name)
    if line is not None:
        right, _ = find_encoding(path)
        raise SourceError(
            f"{path.name}, line {line} is not {forced}. Leave encoding out to have it found, "
            f'or set encoding = "{right.removesuffix("-sig")}".'
        )
    return name


def _zeros(head: bytes) -> str | None:
    """Recognise UTF-16 without a mark: in Western text nearly every other byte is zero."""
    if len(head) < 4:
        return None
    even, odd = head[0::2].count(0) / len(head[0::2]), head[1::2].count(0) / len(head[1::2])
    if odd > 0.5 and even < 0.05:
        return "utf-16-le"
    if even > 0.5 and odd < 0.05:
        return "utf-16-be"
    return None


def _chunks(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        while chunk := file.read(CHUNK):
            yield chunk


def _fault_line(path: Path, encoding: str) -> int | None:
    """Return the first line that can't be decoded, None if there is none."""
    decoder = codecs.getincrementaldecoder(encoding)()
    line = 1
    try:
        for chunk in _chunks(path):
            line += decoder.decode(chunk).count("\n")
        decoder.decode(b"", final=True)
    except UnicodeDecodeError as error:
        good = error.object[: error.start].decode(error.encoding, "ignore")
        return line + good.count("\n")
    return None


def _mostly_utf8(path: Path) -> bool:
    """Whether more of what is not ASCII is valid UTF-8 than not."""
    decoder = codecs.getincrementaldecoder("utf-8")(MARK)
    bad = good = 0
    for chunk in _chunks(path):
        text = decoder.decode(chunk)
        faults = text.count(UNDECODABLE)
        bad += faults
        good += len(text) - len(text.encode("ascii", "ignore")) - faults
    return good > bad
