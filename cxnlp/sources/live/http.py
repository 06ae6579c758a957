"""Asking a vendor over HTTP: authenticated, within its limits, again after faults; never a secret in a message."""

from __future__ import annotations

import contextlib
import datetime as dt
import email.utils
import json
import logging
import random
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol, runtime_checkable

import httpx
import tenacity

from cxnlp.errors import SourceError

log = logging.getLogger(__name__)

JSON = Any
"""What a JSON body holds."""

_RETRIED = frozenset({408, 409, 425, 429, 500, 502, 503, 504, 520, 521, 522, 523, 524})
_FIRST_WAIT, _LONGEST_WAIT, _TRIES = 2.0, 120.0, 8  # seconds; doubled from the first to the longest
_PATIENCE = 900.0  # seconds; a longer wait is tomorrow's
_LARGEST = 64 * 2**20  # bytes of a body


class Refused(SourceError):
    """The vendor answered with a status that asking again won't change."""

    def __init__(self, message: str, status: int) -> None:
        super().__init__(message)
        self.status = status


class TooLarge(SourceError):
    """The vendor's answer is larger than what is read at once."""


class QuotaUsed(SourceError):
    """The vendor's quota is used up for longer than a night should wait; the next night goes on from here."""


@runtime_checkable
class Clock(Protocol):
    """Tells the time and waits."""

    def now(self) -> dt.datetime:
        """Return the time in UTC."""
        ...

    def sleep(self, seconds: float) -> None:
        """Wait."""
        ...


class SystemClock:
    """The machine's clock."""

    def now(self) -> dt.datetime:
        """Return the time in UTC."""
        return dt.datetime.now(dt.UTC)

    def sleep(self, seconds: float) -> None:
        """Wait."""
        time.sleep(seconds)


@dataclass(frozen=True, slots=True)
class Budget:
    """What a response says of the vendor's limit: how many requests are left until it is filled up, in seconds."""

    left: int
    seconds: float


class Limits(Protocol):
    """Reads a vendor's headers: the budgets that they tell of."""

    def __call__(self, headers: Mapping[str, str], now: dt.datetime) -> Iterator[Budget]:
        """Yield them; nothing where the headers say nothing."""
        ...


def no_limits(headers: Mapping[str, str], now: dt.datetime) -> Iterator[Budget]:
    """Yield nothing: the vendor's headers say nothing of limits."""
    return iter(())


@dataclass(slots=True)
class Pace:
    """Waits before a request where the vendor's limit asks for it.

    `per_minute` spreads requests evenly (None: no such limit is known); `limits` reads the headers of responses, after
    which the next request waits when nothing is left. QuotaUsed instead of waits longer than a quarter of an hour.
    """

    clock: Clock
    per_minute: float | None = None
    limits: Limits = no_limits
    source: str = ""
    _next: dt.datetime | None = field(default=None, init=False)

    def before(self) -> None:
        """Wait for the time at which the next request may go."""
        now = self.clock.now()
        if self._next and self._next > now:
            self.wait((self._next - now).total_seconds())
            now = self.clock.now()
        self._next = now + dt.timedelta(minutes=1 / self.per_minute) if self.per_minute else None

    def after(self, headers: Mapping[str, str]) -> None:
        """Note what a response says of the limit."""
        now = self.clock.now()
        waits = [budget.seconds for budget in self.limits(headers, now) if budget.left <= 0]
        if waits:
            until = now + dt.timedelta(seconds=max(waits))
            self._next = max(until, self._next or until)

    def wait(self, seconds: float) -> None:
        """Wait; QuotaUsed where that would be too long."""
        if seconds > _PATIENCE:
            raise QuotaUsed(
                f"{self.source}: the vendor's quota is used up for another {seconds / 60:,.0f} minutes. What was "
                "pulled is stored; the next night goes on from there."
            )
        if seconds > 0:
            self.clock.sleep(seconds)


class _Again(Exception):
    """A fault that asking again may mend; `wait` is what the vendor asks for, in seconds."""

    def __init__(self, message: str, wait: float | None = None) -> None:
        super().__init__(message)
        self.wait = wait


class Http:
    """One source's HTTP client.

    Statuses decide, never a parsed message. After 5xx, time-outs, cut connections and bodies that aren't JSON it waits
    2 s doubled up to 120 s, with jitter; after 429 what `Retry-After` says, else what the limit's headers say, where
    that is longer. After eight tries SourceError. 401 and 403 raise SourceError with what to check, other 4xx Refused.
    `advice` says which environment variables hold the credentials. URLs in messages have no query.
    """

    def __init__(
        self,
        source: str,
        base_url: str,
        *,
        auth: httpx.Auth | None = None,
        headers: Mapping[str, str] | None = None,
        advice: str = "",
        pace: Pace,
        timeout: float = 60.0,
    ) -> None:
        self.source = source
        self.advice = advice
        self.clock = pace.clock
        self._pace = pace
        pace.source = source
        self._client = httpx.Client(
            base_url=base_url,
            auth=auth,
            headers={"User-Agent": "cxnlp", "Accept": "application/json", **(headers or {})},
            timeout=timeout,
            follow_redirects=False,
        )

    def __enter__(self) -> Http:
        return self

    def __exit__(self, *raised: object) -> None:
        self._client.close()

    def get(self, path: str, params: Mapping[str, Any] | None = None, **options: Any) -> JSON:
        """Return the JSON of a GET; `path` is below the base, or a whole URL of the same host."""
        return self.ask("GET", path, params=params, **options).json

    def post(self, path: str, body: JSON, **options: Any) -> JSON:
        """Return the JSON of a POST with a JSON body."""
        return self.ask("POST", path, json=body, **options).json

    def ask(self, method: str, path: str, *, pace: Pace | None = None, **options: Any) -> Answer:
        """Return a whole answer, its body read as JSON; `pace` is that of an endpoint with a limit of its own."""
        if pace is None:
            return self._insist(method, path, options, json.loads)
        pace.before()
        answer = self._insist(method, path, options, json.loads)
        pace.after(answer.headers)
        return answer

    def content(self, path: str) -> bytes:
        """Return the bytes of a GET; TooLarge where there are more than 64 MB."""
        raw: bytes = self._insist("GET", path, {"headers": {"Accept": "*/*"}}, lambda body: body).json
        return raw

    def _insist(self, method: str, path: str, options: dict[str, Any], read: Callable[[bytes], Any]) -> Answer:
        url = self._client.base_url.join(path) if "://" in path else path
        base = self._client.base_url
        if isinstance(url, httpx.URL) and (url.scheme, url.netloc) != (base.scheme, base.netloc):
            raise SourceError(f"{self.source}: the vendor sent on to another host, {url.host}; it isn't followed.")
        retrying = tenacity.Retrying(
            retry=tenacity.retry_if_exception_type(_Again),
            stop=tenacity.stop_after_attempt(_TRIES),
            wait=_wait,
            sleep=self._pace.wait,
            reraise=True,
        )
        try:
            return retrying(self._once, method, url, options, read)
        except _Again as fault:
            raise SourceError(f"{self.source}: {fault}, {_TRIES} times; the next night goes on from here.") from None

    def _once(self, method: str, url: str | httpx.URL, options: dict[str, Any], read: Callable[[bytes], Any]) -> Answer:
        self._pace.before()
        try:
            with self._client.stream(method, url, **options) as response:
                body = self._body(response)
        except httpx.TimeoutException:
            raise _Again("the vendor did not answer in time") from None
        except httpx.TransportError as error:
            raise _Again(f"the connection failed ({type(error).__name__})") from None
        self._pace.after(response.headers)
        self._check(response)
        try:
            return Answer(read(body), response.headers)
        except ValueError:
            raise _Again(f"{_shown(response)} answered with a body that is cut short or not JSON") from None

    def _body(self, response: httpx.Response) -> bytes:
        parts, size = [], 0
        for part in response.iter_bytes():
            size += len(part)
            if size > _LARGEST:
                raise TooLarge(f"{self.source}: {_shown(response)} answered with more than {_LARGEST:,} bytes.")
            parts.append(part)
        return b"".join(parts)

    def _check(self, response: httpx.Response) -> None:
        status, shown = response.status_code, _shown(response)
        if status == 429:
            raise _Again(f"{shown} said too many requests (429)", self._asked_wait(response))
        if status in _RETRIED:
            raise _Again(f"{shown} failed with {status}", _retry_after(response.headers, self.clock.now()))
        if status == 401:
            raise Refused(f"{self.source}: {shown} refused the credentials (401). {self.advice}", status)
        if status == 403:
            raise Refused(f"{self.source}: {shown} is not permitted (403). {self.advice}", status)
        if not 200 <= status < 300:
            raise Refused(f"{self.source}: {shown} answered {status}.", status)

    def _asked_wait(self, response: httpx.Response) -> float | None:
        now = self.clock.now()
        asked = _retry_after(response.headers, now)
        if asked is not None:
            return asked
        waits = [budget.seconds for budget in self._pace.limits(response.headers, now) if budget.left <= 0]
        return max(waits) if waits else None


@dataclass(frozen=True, slots=True)
class Answer:
    """A response's body, read, and its headers."""

    json: JSON
    headers: httpx.Headers


def _wait(state: tenacity.RetryCallState) -> float:
    fault = state.outcome.exception() if state.outcome else None
    most: float = min(_LONGEST_WAIT, _FIRST_WAIT * 2 ** (state.attempt_number - 1))
    if isinstance(fault, _Again) and fault.wait is not None:
        return max(fault.wait, most / 2)  # a vendor that says 0 seconds eight times is still asked too often
    return random.uniform(most / 2, most)  # noqa: S311 - spreads retries, hides nothing


def _retry_after(headers: Mapping[str, str], now: dt.datetime) -> float | None:
    """Return the seconds of a Retry-After: a number or an HTTP date."""
    said = headers.get("retry-after", "").strip()
    if not said:
        return None
    with contextlib.suppress(ValueError):
        return max(0.0, float(said))
    with contextlib.suppress(ValueError, TypeError):
        return max(0.0, (email.utils.parsedate_to_datetime(said) - now).total_seconds())
    return None


def _shown(response: httpx.Response) -> str:
    """Return a request for a message: its query may hold a key or a customer."""
    url = response.request.url
    return f"{response.request.method} {url.host}{url.path}"
