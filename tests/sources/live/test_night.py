"""A night with five vendors at once: one receipt, and a second night that changes nothing."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from cxnlp import pipeline
from cxnlp.sources import live_kind
from cxnlp.sources.live.http import SystemClock

from .serving import Fault

VENDORS = ("zendesk", "typeform", "trustpilot", "freshdesk", "app_store")


def toml(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list):
        return f"[{', '.join(map(toml, value))}]"
    return str(value) if isinstance(value, int | float) else f'"{value}"'


def configuration(folder: Path, fakes: dict[str, Any], **options_of: dict[str, Any]) -> Path:
    lines = ['organisation = { name = "Acme" }']
    for kind, fake in fakes.items():
        options = {"name": kind, "type": kind, "channel": fake.channel, **fake.options, "base_url": fake.url}
        options |= options_of.get(kind, {})
        lines += ["[[sources]]", *(f"{key} = {toml(value)}" for key, value in options.items())]
    (folder / "cxnlp.toml").write_text("\n".join(lines), "utf-8")
    (folder / "departments.toml").write_text('[[departments]]\nid = "care"\nname = "Customer Care"\n', "utf-8")
    return folder / "cxnlp.toml"


@pytest.fixture
def fakes(serve_fake: Callable[[str], Any]) -> dict[str, Any]:
    return {kind: serve_fake(kind) for kind in VENDORS}


def test_five_vendors_end_in_one_receipt(
    fakes: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CXNLP_KEY", "a key that is long enough")
    for fake in fakes.values():
        for at in range(12):
            fake.add(f"The parcel came {at} days late and nobody answered.")
    fakes["zendesk"].faults.append(Fault(429, {"Retry-After": "0"}))
    config = configuration(tmp_path, fakes)
    receipt = pipeline.nightly(config)
    assert receipt.status == "complete" and receipt.balances
    assert {source.source: source.new for source in receipt.sources} == {
        kind: len(fake.expected()) for kind, fake in fakes.items()
    }
    assert receipt.analysed >= 60
    again = pipeline.nightly(config)
    assert again.status == "complete" and sum(source.new + source.updated for source in again.sources) == 0


def test_five_vendors_are_pulled_at_once_and_each_within_its_limit(
    fakes: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    slept: Counter[int] = Counter()

    def sleep(clock: SystemClock, seconds: float) -> None:
        slept[id(clock)] += seconds

    monkeypatch.setattr(SystemClock, "sleep", sleep)
    monkeypatch.setattr(
        SystemClock, "now", lambda clock: dt.datetime.now(dt.UTC) + dt.timedelta(seconds=slept[id(clock)])
    )
    for fake in fakes.values():
        for at in range(35):
            fake.add(f"The parcel came {at} days late and nobody answered.")
    limits = {
        "zendesk": {"exports_per_minute": 10},
        "typeform": {"requests_per_minute": 30},
        "trustpilot": {"requests_per_minute": 20},
        "freshdesk": {"lists_per_minute": 5},
    }
    config = configuration(tmp_path, fakes, **limits)
    receipt = pipeline.nightly(config)
    assert receipt.status == "complete"
    paths = {
        "zendesk": "/api/v2/incremental/tickets/cursor.json",
        "freshdesk": "/api/v2/tickets",
    }
    sources = pipeline.open_session(config).sources
    for kind, limit in limits.items():
        asked = [one for one in fakes[kind].requests if one.url.path == paths.get(kind, one.url.path)]
        least = (len(asked) - 1) * 60 / next(iter(limit.values()))
        assert len(asked) > 3 and slept[id(sources[kind].clock)] >= least - 5
    spans = [(fake.times[0], fake.times[-1]) for fake in fakes.values()]
    assert max(first for first, _ in spans) < min(last for _, last in spans)


def test_a_vendor_that_refuses_leaves_the_others_alone(
    fakes: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CXNLP_KEY", "a key that is long enough")
    for fake in fakes.values():
        fake.add("Rude on the phone.")
    fakes["typeform"].faults += [Fault(401)] * 5
    receipt = pipeline.nightly(configuration(tmp_path, fakes))
    failed = {source.source: source.error for source in receipt.sources if source.error}
    assert receipt.status == "incomplete" and list(failed) == ["typeform"]
    assert "CXNLP_TYPEFORM" in failed["typeform"]
    assert sum(source.new for source in receipt.sources) == len(VENDORS) - 1


def test_a_deleted_ticket_leaves_the_pages(
    serve_fake: Callable[[str], Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CXNLP_KEY", "a key that is long enough")
    fake = serve_fake("zendesk")
    numbers = [fake.add(f"Nobody answered me, number {at}.") for at in range(3)]
    config = configuration(tmp_path, {"zendesk": fake})
    pipeline.nightly(config)
    fake.delete(numbers[0])
    receipt = pipeline.nightly(config)
    assert [source.retired for source in receipt.sources] == [1]
    frame = pipeline.open_session(config).store.status_counts()
    assert frame["n"].sum() == 2


def test_a_sample_is_prepared_and_not_stored(
    serve_fake: Callable[[str], Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CXNLP_KEY", "a key that is long enough")
    fake = serve_fake("zendesk")
    fake.add("Write to me at kim@example.org, <b>please</b>")
    config = configuration(tmp_path, {"zendesk": fake})
    (record,) = pipeline.sample(config, "zendesk").records
    assert "kim@example.org" not in record.text and "<b>" not in record.text
    assert pipeline.open_session(config).store.cursor("zendesk") is None


@pytest.mark.parametrize("kind", VENDORS)
def test_options_of_the_base_may_change_without_a_new_pull(kind: str) -> None:
    assert {"timeout_seconds", "environment"} <= live_kind(kind).not_deciding
