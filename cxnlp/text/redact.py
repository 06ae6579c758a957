"""Placeholder until the real one arrives."""
import re


def redact_patterns(text: str) -> str:
    """Return text."""
    return re.sub(r"\S+@\S+", "[EMAIL]", text)
