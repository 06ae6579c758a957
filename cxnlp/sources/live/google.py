"""What Google's sources share: access tokens by google-auth, and lists that begin with what was changed last."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import google.auth.transport
import httpx
from google.auth.exceptions import GoogleAuthError
from google.oauth2 import credentials as user
from google.oauth2 import service_account

from cxnlp.errors import SourceError
from cxnlp.sources.live.auth import Renewed
from cxnlp.sources.live.connector import Fetched, LiveSource, LoopGuard, State
from cxnlp.sources.live.http import Http, Pace, Refused
from cxnlp.sources.live.values import Unreadable

TOKEN_URL = "https://oauth2.googleapis.com/token"  # noqa: S105 - an address

Ask = Callable[[str], tuple[list[Any], str]]
"""Asks for the page of a token ("": the first) and returns its items and the token of the page after ("": none)."""

Times = Callable[[Any], tuple[dt.datetime, dt.datetime]]
"""Returns when the customer last changed an item, and when anybody did."""


def by_key_file(source: LiveSource, path: Path, scope: str) -> httpx.Auth:
    """Return the auth of a service account; the address that gives its tokens stands in its JSON key."""
    try:
        key = json.loads(path.read_text("utf-8"))
        account = service_account.Credentials.from_service_account_info(key, scopes=[scope])  # type: ignore[no-untyped-call]
    except (OSError, ValueError, TypeError, AttributeError, KeyError, GoogleAuthError):
        # The fault itself may quote the key.
        raise SourceError(f"{source.name}: no service account's JSON key can be read there. {source.advice}") from None
    return _renewed(source, account, str(key["token_uri"]))


def by_refresh_token(source: LiveSource, token_url: str) -> httpx.Auth:
    """Return the auth of a person who allowed it: CLIENT_ID, CLIENT_SECRET and REFRESH_TOKEN of the environment.

    The tokens have the scopes that the person allowed.
    """
    person = user.Credentials(  # type: ignore[no-untyped-call]
        token=None,
        refresh_token=source.credential("REFRESH_TOKEN"),
        client_id=source.credential("CLIENT_ID"),
        client_secret=source.credential("CLIENT_SECRET"),
        token_uri=token_url,
    )
    return _renewed(source, person, token_url)


def _renewed(source: LiveSource, credentials: Any, token_url: str) -> httpx.Auth:
    """Return an auth that asks for a token before the first request, and once more after a 401."""

    def fetch() -> str:
        pace = Pace(source.clock)
        with source.client(token_url, pace=pace) as http:
            try:
                credentials.refresh(_Transport(http))
            except (GoogleAuthError, AttributeError, KeyError, TypeError, ValueError):
                raise SourceError(f"{source.name}: Google answered without an access token. {source.advice}") from None
            except Refused as refused:
                raise _explained(source, refused) from None
        return str(credentials.token)

    return Renewed(fetch)


def _explained(source: LiveSource, refused: Refused) -> Refused:
    if refused.status in (401, 403):
        return refused
    # invalid_grant: revoked or lapsed credentials and a wrong clock look the same.
    said = f"Google gave no access token ({refused.status}); the credentials or this machine's clock are wrong."
    return Refused(f"{source.name}: {said} {source.advice}", refused.status)


@dataclass(frozen=True, slots=True)
class _Said:
    """An answer as google-auth reads it."""

    status: int
    headers: Mapping[str, str]
    data: bytes


class _Transport(google.auth.transport.Request):
    """Lets google-auth ask through a source's own client, with its waits, tries and messages."""

    def __init__(self, http: Http) -> None:
        self._http = http

    def __call__(
        self,
        url: str,
        method: str = "GET",
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
        timeout: float | None = None,
        **options: Any,
    ) -> _Said:
        """Return a good answer; the client raises where there is none."""
        answer = self._http.ask(method, url, content=body, headers=headers)
        return _Said(200, answer.headers, json.dumps(answer.json).encode())


def newest_first(
    source: LiveSource, ask: Ask, times: Times, state: State, *, sorted_strictly: bool
) -> Iterator[Fetched]:
    """Walk a list whose newest change comes first, down to what the last whole walk saw less the overlap.

    One older item ends the walk where the list is `sorted_strictly`, else a page of older ones. The states are
    {"cursor": …} between walks, and {"cursor": …, "token": …, "newest": …} within one: the cursor moves when a walk
    is whole. A walk that was broken off is finished first; then what came in the meantime is walked.
    """
    broken = bool(state.get("token"))
    while True:
        for fetched in _walk(source, ask, times, state, sorted_strictly):
            state = fetched.state
            yield fetched
        if not broken:
            return
        broken = False


def _walk(source: LiveSource, ask: Ask, times: Times, state: State, strictly: bool) -> Iterator[Fetched]:
    cursor, newest = state.get("cursor"), state.get("newest")
    token, resumed = state.get("token") or "", bool(state.get("token"))
    floor = source.since(cursor)
    guard = LoopGuard(source.name)
    while True:
        try:
            items, following = ask(token)
        except Refused as refused:
            if not resumed or refused.status not in (400, 404):
                raise
            token, newest, resumed = "", None, False  # last night's page token has lapsed
            continue
        except Unreadable as fault:
            raise SourceError(f"{source.name}: the answer is not as the contract says: {fault}") from None
        fresh, newest = _fresh(items, times, floor, newest, source.clock.now())
        older = len(fresh) < len(items)
        if not following or (older and (strictly or not fresh)):
            last = max(filter(None, [cursor, newest]), default=None)
            yield Fetched(fresh, {"cursor": last} if last else {})
            return
        guard.check(following, [str(item.get("reviewId")) for item in items if isinstance(item, Mapping)])
        token = following
        yield Fetched(fresh, {"cursor": cursor, "token": token, "newest": newest})


def _fresh(
    items: list[Any], times: Times, floor: dt.datetime, newest: str | None, now: dt.datetime
) -> tuple[list[Any], str | None]:
    """Return the items changed since `floor`, and the newest change of a customer.

    It is `now` at most: a date in the future would hide everything that comes before it.
    """
    fresh = []
    for item in items:
        try:
            written, changed = times(item)
        except Unreadable:
            fresh.append(item)  # what is wrong with it is said where it is mapped
            continue
        newest = max(filter(None, [newest, min(written, now).isoformat(timespec="microseconds")]))
        if changed >= floor:
            fresh.append(item)
    return fresh, newest
