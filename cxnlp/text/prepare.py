"""Make feedback ready to be stored: cleaned, its language known, personal data replaced, the customer's id hashed."""

from __future__ import annotations

import dataclasses
import functools
import hashlib
import hmac
from collections.abc import Iterable, Mapping, Sequence
from typing import TypeVar

from cxnlp.errors import ConfigError
from cxnlp.records import Feedback
from cxnlp.text.clean import clean
from cxnlp.text.language import detect, normalise
from cxnlp.text.lexicon import Phrases
from cxnlp.text.people import redact_names
from cxnlp.text.redact import redact_patterns
from cxnlp.text.status import status_of

K = TypeVar("K", bound=str)

_ENGLISH = frozenset({"en", None})


class Preparer:
    """Prepares batches of feedback for one organisation.

    `key` hashes customers' ids. `languages` are the ISO 639-1 codes that the model reads; comments in others are kept
    with the status other_language. `keep` are words that are never people's names: departments, places, products.
    """

    def __init__(
        self, *, key: bytes, languages: Sequence[str] = ("en",), redact_names: bool = True, keep: Iterable[str] = ()
    ) -> None:
        if not key:
            raise ConfigError("The key that hashes customers' ids is empty; it needs some bytes.")
        self._key = key
        self._languages = frozenset(normalise(language) or language for language in languages)
        self._redact_names = redact_names
        self._keep = Phrases.of(keep)

    def prepare(self, batch: Sequence[Feedback]) -> list[Feedback]:
        """Return the batch as it may be stored, one for one and in order.

        Text is cleaned and redacted; question, attributes and hints are cleaned and redacted by patterns only. A
        language that the source gives goes before the one that is found. Preparing a text again changes nothing.
        """
        texts = [clean(feedback.text) for feedback in batch]
        languages = [normalise(f.language) or detect(text) for f, text in zip(batch, texts, strict=True)]
        texts = self._redacted(texts, languages)
        return [
            self._prepared(feedback, text, language)
            for feedback, text, language in zip(batch, texts, languages, strict=True)
        ]

    def _redacted(self, texts: Sequence[str], languages: Sequence[str | None]) -> list[str]:
        redacted = [redact_patterns(text) for text in texts]
        if not self._redact_names:
            return redacted
        return redact_names(redacted, keep=self._keep, model=[language in _ENGLISH for language in languages])

    def _prepared(self, feedback: Feedback, text: str, language: str | None) -> Feedback:
        return dataclasses.replace(
            feedback,
            text=text,
            language=language,
            status=status_of(text, language=language, languages=self._languages),
            question=None if feedback.question is None else _field(feedback.question) or None,
            hints=_fields(feedback.hints),
            attributes=_fields(feedback.attributes),
            customer_ref=self._hashed(feedback.customer_ref),
        )

    def _hashed(self, customer: str | None) -> str | None:
        """Return HMAC-SHA256 of a customer's id, 32 hex digits; the same id gives the same under one key."""
        if not customer or not customer.strip():
            return None
        return hmac.new(self._key, customer.strip().encode("utf-8", "surrogatepass"), hashlib.sha256).hexdigest()[:32]


def _fields(fields: Mapping[K, str]) -> dict[K, str]:
    return {name: _field(value) for name, value in fields.items()}


@functools.lru_cache(maxsize=1024)  # statuses, tags and groups are the same in most records
def _field(value: str) -> str:
    return redact_patterns(clean(value))
