"""Credentials: from the environment, into headers, never into messages."""

from __future__ import annotations

import os
from collections.abc import Callable, Generator, Iterable

import httpx

from cxnlp.errors import SourceError


def secret(variable: str, *, source: str) -> str:
    """Return a credential of the environment; SourceError names the variable that is missing."""
    value = os.environ.get(variable, "").strip()
    if not value:
        raise SourceError(f"{source}: the environment variable {variable} is not set; it holds the credentials.")
    if not value.isprintable():
        raise SourceError(f"{source}: the environment variable {variable} holds line breaks or control characters.")
    return value


def advice(variables: Iterable[str], needs: str = "") -> str:
    """Return what to check when a vendor refuses: the variables, and what their owner must be allowed to do."""
    names = " and ".join(variables)
    return f"Check {names}{f': {needs}' if needs else ''}."


class Bearer(httpx.Auth):
    """A token in the header Authorization, or in another one."""

    def __init__(self, token: str, *, header: str = "Authorization", scheme: str = "Bearer ") -> None:
        self._header, self._value = header, scheme + token

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        """Send the request with the token."""
        request.headers[self._header] = self._value
        yield request


class Renewed(httpx.Auth):
    """A token that `fetch` makes anew: before the first request, and once after a 401."""

    def __init__(self, fetch: Callable[[], str]) -> None:
        self._fetch = fetch
        self._token: str | None = None

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        """Send the request with the token, and again with a new one where the vendor no longer takes it."""
        fresh = self._token is None
        token = self._token = self._token or self._fetch()
        request.headers["Authorization"] = f"Bearer {token}"
        response = yield request
        if response.status_code == 401 and not fresh:
            self._token = self._fetch()
            request.headers["Authorization"] = f"Bearer {self._token}"
            yield request
