"""A vendor's stand-in on loopback: an ASGI app with records that tests edit, and faults that they order."""

from __future__ import annotations

import contextlib
import datetime as dt
import json
import socket
import threading
import time
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import uvicorn
from starlette.requests import Request
from starlette.responses import Response


@dataclass
class Fault:
    """What a coming request gets instead of its answer; `after` requests are answered rightly first."""

    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b"<html>not JSON</html>"
    cut: bool = False  # the connection ends in the middle of the right answer
    truncated: bool = False  # the right answer's JSON ends early, with a length that fits
    after: int = 0


class Fake:
    """The base of a vendor's stand-in.

    `answer` returns the right answer of a request: JSON, or a Response. `requests` has what came, `exchanges` what was
    rightly answered, with the bodies of both; `now` is the time of the vendor. Records are added by `add`, changed by
    `edit` and deleted by `delete`, each by number.
    """

    secrets: tuple[str, ...] = ()
    """Credentials that must never be seen in a log, an error or a stored row."""

    edits = True  # the vendor lets a record be changed and sends it again
    deletes = True  # the vendor tells of deletions
    resumes = True  # the vendor lets a walk go on at the page that failed

    def __init__(self) -> None:
        self.faults: deque[Fault] = deque()
        self.requests: list[Request] = []
        self.times: list[float] = []  # of the machine, at which they came
        self.exchanges: list[tuple[Request, bytes, Response]] = []
        self.now = dt.datetime(2026, 3, 1, tzinfo=dt.UTC)
        self.url = ""
        self.stuck = False  # every page points to the same next one

    def answer(self, request: Request, body: bytes) -> Any:
        raise NotImplementedError

    def authorised(self, request: Request) -> bool:
        raise NotImplementedError

    def tick(self, **delta: float) -> dt.datetime:
        """Let time pass; return the vendor's time."""
        self.now += dt.timedelta(**(delta or {"minutes": 1}))
        return self.now

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            return
        request = Request(scope, receive)
        body = await request.body()
        self.requests.append(request)
        self.times.append(time.monotonic())
        fault = self._fault()
        if fault and not (fault.cut or fault.truncated):
            await Response(fault.body, fault.status, fault.headers)(scope, receive, send)
            return
        response = self._response(request, body)
        self.exchanges.append((request, body, response))
        if fault and fault.truncated:
            response = Response(response.body[: len(response.body) // 2], media_type="application/json")
        if fault and fault.cut:
            headers = [(b"content-length", str(len(response.body)).encode())]
            await send({"type": "http.response.start", "status": 200, "headers": headers})
            await send({"type": "http.response.body", "body": response.body[: len(response.body) // 2]})
            return
        await response(scope, receive, send)

    def _fault(self) -> Fault | None:
        if not self.faults:
            return None
        if self.faults[0].after:
            self.faults[0].after -= 1
            return None
        return self.faults.popleft()

    def _response(self, request: Request, body: bytes) -> Response:
        if not self.authorised(request):
            return Response(b"<html>who are you?</html>", 401)
        answer = self.answer(request, body)
        if isinstance(answer, Response):
            return answer
        return Response(json.dumps(answer).encode(), media_type="application/json", headers=self.headers(request))

    def headers(self, request: Request) -> dict[str, str]:
        """Return the headers that go with a right answer."""
        return {}


class FakeClock:
    """The time that a connector sees: the fake's vendor's, a day later; sleeping only counts."""

    def __init__(self) -> None:
        self.slept: list[float] = []
        self.at = dt.datetime(2026, 6, 1, tzinfo=dt.UTC)

    def now(self) -> dt.datetime:
        return self.at

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.at += dt.timedelta(seconds=seconds)


@contextlib.contextmanager
def serve(fake: Fake) -> Iterator[Fake]:
    """Serve a fake on a free port of loopback."""
    # The protocol must be named: asyncio sends small answers at once (TCP_NODELAY) only where it is.
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.bind(("127.0.0.1", 0))
    fake.url = f"http://127.0.0.1:{listener.getsockname()[1]}"
    server = uvicorn.Server(uvicorn.Config(fake, log_level="critical", lifespan="off"))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
    thread.start()
    until = time.monotonic() + 10
    while not server.started and time.monotonic() < until:
        time.sleep(0.005)
    try:
        yield fake
    finally:
        server.should_exit = True
        thread.join(timeout=10)
        listener.close()
