"""Clean text: no HTML, no broken encoding, no invisible characters, single blanks, NFC."""

from __future__ import annotations

import functools
import html
import re
from typing import Any

_HIDDEN_ELEMENTS = frozenset({"script", "style", "head", "title", "template", "noscript", "object", "svg"})
_BLOCKS = frozenset(
    "address article aside blockquote body br caption center dd div dl dt fieldset figcaption figure footer form h1 h2"
    " h3 h4 h5 h6 header hr html li main nav ol p pre section table tbody tfoot thead tr ul".split()
)
_CELLS = frozenset({"td", "th", "option", "img", "input", "button", "select", "textarea", "iframe", "video", "audio"})
_INLINE = frozenset(
    "a abbr acronym b base bdi bdo big cite code col colgroup data del dfn em font i ins kbd label legend link map mark"
    " marquee meta o p2 param q s samp small source span strike strong sub sup time tt u var wbr embed frame".split()
)
_TAGS = _HIDDEN_ELEMENTS | _BLOCKS | _CELLS | _INLINE
_OFFICE = ("o:", "w:", "v:", "st1:", "m:")

_PLAIN = re.compile(r"[ -%'-;=?-~]*\Z")  # ASCII without controls, & < >
_ENTITY = re.compile(r"&(?:#\d{1,8}|#[xX][0-9a-fA-F]{1,7}|[a-zA-Z][a-zA-Z0-9]{1,31});")
_NESTED = re.compile(r"&(?:(?:amp|#0*38|#[xX]0*26);)+")
_TAG = re.compile(r"<(?:(/?)([a-zA-Z][a-zA-Z0-9]*:?[a-zA-Z0-9]*)(?=[\s/>])[^<>]*|![dD][oO][cC][^<>]*|\?xml[^<>]*)>")
_COMMENT = re.compile(r"<!--|<!\[(?=if|endif)")

_LINE_ENDS = re.compile("\r\n?|[\v\f\x1c-\x1e\x85\u2028\u2029]")
# Controls, soft hyphen, bidirectional and invisible formatting, noncharacters, private use; not the emoji joiners.
_JUNK = re.compile(
    "[\x00-\x08\x0e-\x1f\x7f-\x9f\u00ad\u034f\u061c\u180b-\u180e\u200b\u200e\u200f\u202a-\u202e\u2060-\u206f\ufeff"
    "\ufff0-\ufffb\ufdd0-\ufdef\ufffe\uffff\ue000-\uf8ff]"
)
_ESCAPES = re.compile("\x1b\\[[0-9;]*[a-zA-Z]")
_JOINER = re.compile("[\u200c\u200d]+")
_SELECTOR = re.compile("(?:(?<=[\\s\ufe00-\ufe0f])|\\A)[\ufe00-\ufe0f]+|(?<=[\ufe00-\ufe0f])[\ufe00-\ufe0f]+")
_LETTER_TAGS = re.compile("(?<![\U0001f3f4\U000e0020-\U000e007f])[\U000e0000-\U000e007f]+")
_BLANKS = re.compile("[^\\S\n]+|[\u2800\u3164\uffa0\u115f\u1160]+")
_AROUND_LINE_ENDS = re.compile(" *\n *")
_EMPTY_LINES = re.compile("\n{3,}")
_ROUNDS = 8


def clean(raw: str) -> str:
    r"""Return text that can be stored, shown and read by a model; "" when nothing is left.

    HTML becomes text (entities decoded, scripts and styles dropped, blocks on lines of their own), wrongly decoded
    bytes and lone surrogates are mended (ftfy), control, bidirectional and zero-width characters go, blanks are folded,
    lines have no blanks at their ends, at most one line in a row is empty. clean(clean(x)) == clean(x).

    >>> clean("<p>Caf\u00c3\u00a9 &amp; shop:</p>great&nbsp; staff <3, a < b")
    'Café & shop:\ngreat staff <3, a < b'
    """
    text = raw
    for _ in range(_ROUNDS):
        if _PLAIN.match(text):
            return " ".join(text.split())
        before, text = text, _once(text)
        if text == before:
            return text
    return _without_markup(text)


def _without_markup(text: str) -> str:
    """Give up reading what is encoded again and again: without & < > nothing is left to decode."""
    text = text.translate({ord(mark): " " for mark in "&<>"})
    for _ in range(_ROUNDS):
        before, text = text, _once(text).translate({ord(mark): " " for mark in "&<>"})
        if text == before:
            break
    return text


def _once(text: str) -> str:
    if not text.isascii():
        text = _without_junk(_mend(text))
    text = _JUNK.sub("", _ESCAPES.sub("", _LINE_ENDS.sub("\n", text)))
    if "&" in text:
        text = _ENTITY.sub(lambda entity: html.unescape(entity.group()), _NESTED.sub("&", text))
    if "<" in text:
        text = _without_tags(text)
    return _fold(text)


@functools.cache
def _fixer() -> Any:
    import ftfy

    return functools.partial(ftfy.fix_text, config=ftfy.TextFixerConfig(unescape_html=False, explain=False))


def _mend(text: str) -> str:
    fixed: str = _fixer()(text)
    return fixed


def _without_junk(text: str) -> str:
    text = _JOINER.sub(_joiner, _JUNK.sub("", _LINE_ENDS.sub("\n", text)))
    return _LETTER_TAGS.sub("", _SELECTOR.sub("", text))


def _joiner(found: re.Match[str]) -> str:
    """Keep one joiner between two characters that it can join: emoji, or letters of scripts that write with it."""
    text, start, end = found.string, found.start(), found.end()
    joins = start > 0 and end < len(text) and ord(text[start - 1]) >= 0x600 and ord(text[end]) >= 0x600
    return found.group()[0] if joins and not text[start - 1].isspace() and not text[end].isspace() else ""


def _without_tags(text: str) -> str:
    parts: list[str] = []
    place = 0
    unclosed: set[str] = set()
    text = _without_comments(text)
    lowered = text.lower() if len(text.lower()) == len(text) else text
    for tag in _TAG.finditer(text):
        if tag.start() < place:
            continue
        name = (tag[2] or "meta").lower()
        if name not in _TAGS and not name.startswith(_OFFICE):
            continue
        parts += (text[place : tag.start()], _instead(name))
        place = tag.end()
        if name in _HIDDEN_ELEMENTS and not tag[1] and name not in unclosed:
            closing = lowered.find(f"</{name}", place)
            place = place if closing < 0 else closing
            unclosed |= {name} if closing < 0 else set()
    return "".join((*parts, text[place:]))


def _instead(name: str) -> str:
    return "\n" if name in _BLOCKS else " " if name in _CELLS | _HIDDEN_ELEMENTS else ""


def _without_comments(text: str) -> str:
    parts: list[str] = []
    place = 0
    unclosed: set[str] = set()
    for opening in _COMMENT.finditer(text):
        mark = "-->" if opening.group() == "<!--" else "]>"
        if opening.start() < place or mark in unclosed:
            continue
        closing = text.find(mark, opening.end())
        if closing < 0:
            unclosed.add(mark)
            continue
        parts += (text[place : opening.start()], " ")
        place = closing + len(mark)
    return "".join((*parts, text[place:]))


def _fold(text: str) -> str:
    text = _AROUND_LINE_ENDS.sub("\n", _BLANKS.sub(" ", text))
    return _EMPTY_LINES.sub("\n\n", text).strip()
