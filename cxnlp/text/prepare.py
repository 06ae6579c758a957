"""Placeholder until the real one arrives."""

import dataclasses

from cxnlp.records import TextStatus


class Preparer:
    """Stand-in."""

    def __init__(self, *, key, languages=("en",), redact_names=True, keep=()):
        """Do nothing."""

    def prepare(self, batch):
        """Return the batch."""
        return [
            dataclasses.replace(
                one,
                text=one.text.replace("\0", "").strip(),
                customer_ref=None,
                status=TextStatus.OPINION if any(c.isalpha() for c in one.text) else TextStatus.BLANK,
            )
            for one in batch
        ]
