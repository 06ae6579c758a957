"""How fast a vendor's records are pulled, mapped, prepared and stored, and in how much memory.

    python tests/benchmarks/bench_sources.py 10000 100000

A stand-in on loopback sends pages of 1,000 tickets without any limit, in a process of its own; `pull` is the asking and
mapping alone, `night` the whole of pipeline.pull into SQLite. Each size is a process of its own; peak memory is its.
"""

from __future__ import annotations

import json
import multiprocessing
import os
import resource
import socket
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

PAGE = 1_000
WORDS = "The parcel came late and nobody on the phone could tell me where it was, I had to ring three times"


def serve(port: int, many: int) -> None:
    import uvicorn

    def ticket(number: int) -> dict[str, Any]:
        return {
            "id": number,
            "status": "open",
            "description": f"{WORDS}, case {number}.",
            "created_at": "2026-03-01T08:00:00Z",
            "updated_at": "2026-03-01T09:00:00Z",
            "requester_id": 1,
            "submitter_id": 1,
            "tags": ["delivery"],
            "via": {"channel": "email"},
            "metric_set": {"reopens": 0},
        }

    async def app(scope: Any, receive: Any, send: Any) -> None:
        query = dict(part.split("=", 1) for part in scope["query_string"].decode().split("&"))
        at = int(query.get("cursor", 0))
        end = min(at + PAGE, many)
        body = {
            "tickets": [ticket(n) for n in range(at, end)],
            "users": [{"id": 1, "role": "end-user"}],
            "after_cursor": str(end),
        }
        data = json.dumps(body | {"end_of_stream": end == many}).encode()
        headers = [(b"content-type", b"application/json"), (b"content-length", str(len(data)).encode())]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": data})

    uvicorn.run(app, port=port, log_level="critical", lifespan="off")


def measure(what: str, many: int, port: int) -> None:
    os.environ |= {"CXNLP_KEY": "a key that is long enough", "CXNLP_ZENDESK_TOKEN": "token"}
    from cxnlp import pipeline

    with tempfile.TemporaryDirectory() as folder:
        config = Path(folder, "cxnlp.toml")
        config.write_text(
            f"""organisation = {{ name = "Acme" }}
[[sources]]
name = "zendesk"
type = "zendesk"
channel = "ticket"
subdomain = "acme"
base_url = "http://127.0.0.1:{port}"
start = 2026-01-01
per_page = 1000
comments = false
satisfaction = false
exports_per_minute = 1000000
""",
            "utf-8",
        )
        Path(folder, "departments.toml").write_text('[[departments]]\nid = "care"\nname = "Care"\n', "utf-8")
        session = pipeline.open_session(config)
        started = time.perf_counter()
        if what == "pull":
            got = sum(len(page.records) for page in session.sources["zendesk"].pull(None, page_size=PAGE))
        else:
            with pipeline.run(config) as night:
                got = pipeline.pull(config, night.id, "zendesk").new
        spent = time.perf_counter() - started
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
        assert got == many
        print(f"{what:5} {many:>8,}: {many / spent:8,.0f} records/s, peak {peak} MB", flush=True)


def main() -> None:
    for many in [int(each) for each in sys.argv[1:]] or [10_000, 100_000]:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        context = multiprocessing.get_context("spawn")
        server = context.Process(target=serve, args=(port, many), daemon=True)
        server.start()
        time.sleep(3)
        for what in ("pull", "night"):
            one = context.Process(target=measure, args=(what, many, port))
            one.start()
            one.join()
        server.terminate()


if __name__ == "__main__":
    main()
