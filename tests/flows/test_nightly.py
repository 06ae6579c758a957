from __future__ import annotations

import json
import os
import re
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
BIN = Path(sys.executable).parent


def environment(home: Path, **more: str) -> dict[str, str]:
    quiet = {"PREFECT_LOGGING_TO_API_WHEN_MISSING_FLOW": "ignore", "NO_COLOR": "1", "PREFECT_CLI_COLORS": "false"}
    return {**os.environ, **quiet, "PREFECT_HOME": str(home), "CXNLP_PROJECT": str(ROOT), **more}


def night(config: Path, env: dict[str, str]) -> str:
    command = [sys.executable, "-m", "flows.nightly", str(config)]
    done = subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr[-3_000:]
    return done.stdout + done.stderr


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("prefect")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Start a Prefect server on a free port of this machine; give the address of its API."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [BIN / "prefect", "server", "start", "--host", "127.0.0.1", "--port", str(port)]
    own = tmp_path_factory.mktemp("server")
    env = environment(own, PREFECT_SERVER_ANALYTICS_ENABLED="false", DO_NOT_TRACK="1")
    process = subprocess.Popen(command, env=env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    api = f"http://127.0.0.1:{port}/api"
    try:
        for _ in range(120):
            try:
                with urllib.request.urlopen(f"{api}/health", timeout=2):  # noqa: S310 - this machine's server
                    break
            except OSError:
                assert process.poll() is None, "the Prefect server did not start"
                time.sleep(1)
        yield api
    finally:
        process.terminate()
        process.wait(30)


def post(api: str, path: str, body: dict[str, object]) -> list[dict[str, object]]:
    request = urllib.request.Request(  # noqa: S310 - this machine's server
        f"{api}/{path}", json.dumps(body).encode(), {"Content-Type": "application/json"}
    )
    with urllib.request.urlopen(request, timeout=20) as answer:  # noqa: S310 - this machine's server
        found: list[dict[str, object]] = json.load(answer)
    return found


def test_the_flow_runs_without_a_server(organisation: Callable[..., Path], home: Path) -> None:
    config = organisation(comments=120)
    said = night(config, environment(home))
    assert "complete" in said and str(config.parent / "published/current/index.html") in said
    assert re.search(r"survey\s+120\s+120\s+0\s+0", said)
    assert "Traceback" not in said


def test_the_flow_runs_with_a_server_and_leaves_its_receipt_there(
    organisation: Callable[..., Path], home: Path, server: str
) -> None:
    config = organisation(comments=120)
    env = environment(home, PREFECT_API_URL=server)
    night(config, env)
    night(config, env)
    runs = post(server, "flow_runs/filter", {"flows": {"name": {"any_": ["cxnlp-nightly"]}}})
    assert [run["state_type"] for run in runs] == ["COMPLETED", "COMPLETED"]
    tasks = {str(run["name"]).split()[0] for run in post(server, "task_runs/filter", {})}
    assert {"pull", "analyse", "link"} <= tasks and any(name.startswith("publish") for name in tasks)
    first, second = sorted(post(server, "artifacts/filter", {}), key=lambda artifact: str(artifact["created"]))
    assert first["key"] == "cxnlp-receipt"
    assert "| survey | 120 | 120 | 0 | 0 |" in str(first["data"])
    assert "Analysed 0" in str(second["data"])


def test_the_deployment_runs_on_a_schedule_and_never_beside_itself(home: Path, server: str) -> None:
    env = environment(home, PREFECT_API_URL=server)
    for command in (
        ["work-pool", "create", "nights", "--type", "process"],
        ["--no-prompt", "deploy", "--all"],
    ):
        done = subprocess.run(
            [BIN / "prefect", *command], cwd=ROOT, env=env, capture_output=True, text=True, timeout=120, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr
    (deployment,) = post(server, "deployments/filter", {})
    assert deployment["name"] == "nightly" and deployment["entrypoint"] == "flows/nightly.py:nightly"
    assert deployment["schedules"][0]["schedule"]["cron"] == "0 2 * * *"  # type: ignore[index]
    assert deployment["global_concurrency_limit"]["limit"] == 1  # type: ignore[index]
    assert deployment["concurrency_options"]["collision_strategy"] == "CANCEL_NEW"  # type: ignore[index]
