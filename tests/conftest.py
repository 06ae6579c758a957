"""Fixtures that every room uses."""

from __future__ import annotations

import pytest

KEY = "a-key-for-tests-only-0123456789"


@pytest.fixture(autouse=True)
def organisation_key(monkeypatch: pytest.MonkeyPatch) -> None:
    """Set the organisation's key, and nothing else of the environment."""
    monkeypatch.setenv("CXNLP_KEY", KEY)
