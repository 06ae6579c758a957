"""Requests and the stand-ins' answers are those of the vendors' OpenAPI documents, where these are on the machine."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from starlette.responses import JSONResponse

from .conftest import Shelf
from .specs import Description

FOLDER = Path(os.environ.get("CXNLP_API_SPECS", Path(__file__).parents[4] / "shared/apis/specs"))


NULLS = "Freshdesk sends null where nothing is set, as the samples of its own documentation show"

KNOWN = {
    "app_store": {
        "GET /vN/apps/N/customerReviews: no parameter 'cursor'": "of the next page's link, followed as it is",
    },
    "freshdesk": {
        "GET /api/vN/tickets, answered: *.company_id: None is not of type 'integer'": NULLS,
        "GET /api/vN/tickets, answered: *.product_id: None is not of type 'integer'": NULLS,
        "GET /api/vN/tickets, answered: *.type: None is not of type 'string'": NULLS,
        "GET /api/vN/tickets: parameter 'include': 'stats,description,company' is not one of "
        "['requester', 'stats', 'description']": "several are joined by commas; the document has one alone",
    },
    "zendesk": {
        "GET /api/vN/satisfaction_ratings.json: no parameter 'page[size]'": "told in its prose, not as a parameter",
        "GET /api/vN/satisfaction_ratings.json: no parameter 'start_time'": "told in its prose, not as a parameter",
    },
}
"""Where the documents, none of which is whole, say something else than the vendor does, and why."""


def described(kind: str) -> Description:
    if not FOLDER.is_dir():
        pytest.skip("the vendors' OpenAPI documents are not on this machine (CXNLP_API_SPECS)")
    match kind:
        case "app_store":
            return Description(FOLDER / "appstoreconnect-4.4.1-customerReviews-excerpt.json")
        case "freshdesk":
            return Description(FOLDER / "freshdesk-unofficial.yml", prefix="/api/v2")
        case "intercom":
            return Description(FOLDER / "intercom-2.15.yaml")
        case _:
            return Description(*sorted(FOLDER.glob("zendesk-*.yml")), suffix=".json")


@pytest.mark.parametrize("kind", ["app_store", "freshdesk", "intercom", "zendesk"])
def test_what_is_asked_and_answered_is_as_described(
    kind: str, serve_fake: Callable[[str], Any], source_of: Callable[..., Any]
) -> None:
    description = described(kind)
    fake = serve_fake(kind)
    numbers = [fake.add(f"The parcel number {at} came late") for at in range(25)]
    source = source_of(fake)
    shelf = Shelf().take(source.pull(None, page_size=1000))
    fake.tick(days=2)
    if fake.edits:
        fake.edit(numbers[3], "It came in the end")
    if fake.deletes:
        fake.delete(numbers[4])
    shelf.take(source.pull(shelf.cursor, page_size=1000))
    assert shelf.texts == fake.expected()
    faults = {fault for exchange in fake.exchanges for fault in description.faults(*exchange)}
    assert faults == set(KNOWN.get(kind, ()))


def test_what_is_not_described_is_found(serve_fake: Callable[[str], Any], source_of: Callable[..., Any]) -> None:
    description = described("intercom")
    fake = serve_fake("intercom")
    fake.add("Late")
    list(source_of(fake).pull(None, page_size=1000))
    request, body, response = next(one for one in fake.exchanges if one[0].url.path.endswith("/search"))
    faults = list(description.faults(request, body.replace(b'"query"', b'"question"'), response))
    faults += description.faults(request, body, JSONResponse({"conversations": {}}))
    assert len(faults) == 2
    assert "sent: : 'query' is a required property" in faults[0] and "answered: conversations" in faults[1]
