"""Set up and run cxnlp from a checkout with nothing but Python 3.11.

`python3.11 run.py demo` runs the main job, `python3.11 run.py test` the tests.

The first call makes a virtual environment in .venv from the pinned constraints; later calls reuse it until they change.
"""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import venv
from pathlib import Path

ROOT = Path(__file__).resolve().parent
VENV = ROOT / ".venv"
BIN = VENV / ("Scripts" if os.name == "nt" else "bin")
STAMP = VENV / "installed.sha256"
DEMO = ROOT / "demo"
DEMO_KEY = "the-demo-organisation-is-invented"  # not a secret: it keys hashes of invented customers only


def set_up() -> None:
    """Install cxnlp with its pinned dependencies, unless that is done."""
    pinned = b"".join((ROOT / name).read_bytes() for name in ("pyproject.toml", "constraints.txt"))
    digest = hashlib.sha256(pinned + sys.version.encode()).hexdigest()
    if STAMP.exists() and STAMP.read_text() == digest:
        return
    print("Setting up .venv (some minutes, once) ...", flush=True)
    venv.create(VENV, with_pip=True, clear=True)
    install = [BIN / "python", "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    subprocess.run([*install, "-c", ROOT / "constraints.txt", "-e", f"{ROOT}[dev]"], check=True)
    STAMP.write_text(digest)


def demo() -> int:
    """Write the demo organisation once and run a night of it through the Prefect flow."""
    environment = {**os.environ, "CXNLP_KEY": DEMO_KEY}
    if not (DEMO / "cxnlp.toml").exists():
        subprocess.run([BIN / "cxnlp", "demo", DEMO], check=True, env=environment)
    flow = [BIN / "python", "-m", "flows.nightly", DEMO / "cxnlp.toml"]
    return subprocess.run(flow, cwd=ROOT, env=environment, check=False).returncode


def test(arguments: list[str]) -> int:
    """Run the checks and the tests."""
    steps = [
        [BIN / "ruff", "check", "."],
        [BIN / "ruff", "format", "--check", "."],
        [BIN / "mypy"],
        [BIN / "python", "-m", "pytest", "-n", "auto", *arguments],
    ]
    return next((code for step in steps if (code := subprocess.run(step, cwd=ROOT, check=False).returncode)), 0)


def main() -> int:
    """Run what the command line says."""
    if sys.version_info[:2] != (3, 11) or sys.argv[1:2] not in (["demo"], ["test"]):
        print(f"usage: python3.11 run.py demo | test [pytest's options]  (this is Python {sys.version.split()[0]})")
        return 2
    set_up()
    return demo() if sys.argv[1] == "demo" else test(sys.argv[2:])


if __name__ == "__main__":
    sys.exit(main())
