from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

from cxnlp.analysis.packages import models_folder

ROOT = Path(__file__).parents[2]


def test_the_flow_trains_measures_and_leaves_a_package(tmp_path: Path) -> None:
    lines = (models_folder() / "gold/own.jsonl").read_text("utf-8").splitlines()[:700]
    gold, output = tmp_path / "gold.jsonl", tmp_path / "models/linear/9.0.0"
    gold.write_text("\n".join(lines), "utf-8")
    command = [sys.executable, "-m", "flows.train", str(gold), "-o", str(output)]
    env = {**os.environ, "PREFECT_HOME": str(tmp_path / "prefect")}
    done = subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, timeout=400, check=False)
    assert done.returncode == 0, done.stderr[-3_000:]
    assert "dev split: findings F1" in done.stdout + done.stderr
    assert json.loads((output / "config.json").read_text())["version"] == "9.0.0"
    assert (output / "README.md").exists()
