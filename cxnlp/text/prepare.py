"""From what a source gave to what may be stored: clean, language, status, redacted."""

from __future__ import annotations

import dataclasses
import hashlib
import hmac
from collections.abc import Iterable, Sequence

from cxnlp.records import Feedback
from cxnlp.text.clean import clean
from cxnlp.text.language import detect, normalise
from cxnlp.text.redact import redact_patterns
from cxnlp.text.status import status_of


class Preparer:
    """Prepares comments for storing."""

    def __init__(
        self, *, key: bytes, languages: Sequence[str] = ("en",), redact_names: bool = True, keep: Iterable[str] = ()
    ) -> None:
        """Keep."""
        self._key = key
        self._languages = tuple(languages)

    def prepare(self, batch: Sequence[Feedback]) -> list[Feedback]:
        """Return the batch."""
        return [self._one(each) for each in batch]

    def _one(self, one: Feedback) -> Feedback:
        text = clean(one.text)
        language = normalise(one.language) or detect(text)
        text = redact_patterns(text)
        customer = one.customer_ref and hmac.new(self._key, one.customer_ref.encode(), hashlib.sha256).hexdigest()[:24]
        return dataclasses.replace(
            one,
            text=text,
            language=language,
            status=status_of(text, language=language, languages=self._languages),
            customer_ref=customer,
        )
