from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

COMMENTS = [
    {"id": 1, "text": "The staff were rude and we waited three hours."},
    {"id": "b", "text": "Waiting times", "question": "What could we do better?"},
    {"id": "c", "text": ""},
]


def cxnlp(*arguments: object, stdin: str = "") -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "cxnlp.cli", *map(str, arguments)]
    return subprocess.run(command, input=stdin, capture_output=True, text=True, check=False)


def as_lines(rows: list[dict[str, object]]) -> str:
    return "".join(json.dumps(row) + "\n" for row in rows)


def test_analyse_reads_and_writes_json_lines(tmp_path: Path) -> None:
    (tmp_path / "in.jsonl").write_text(as_lines(COMMENTS))
    done = cxnlp("analyse", tmp_path / "in.jsonl", "-o", tmp_path / "out.jsonl")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    results = [json.loads(line) for line in (tmp_path / "out.jsonl").read_text().splitlines()]
    assert [result["id"] for result in results] == [1, "b", "c"]
    assert set(results[0]) == {"id", "overall", "overall_probability", "churn", "findings"}
    assert results[0]["overall"] == "negative"
    spans = {one["topic"]: COMMENTS[0]["text"][one["start"] : one["end"]] for one in results[0]["findings"]}  # type: ignore[index]
    assert "rude" in spans["staff_attitude"] and "three hours" in spans["wait_time"]
    assert results[2]["findings"] == []


def test_analyse_takes_standard_input_and_csv() -> None:
    done = cxnlp("analyse", "--csv", stdin='id,text\n7,"Rude, rude staff"\n')
    assert done.returncode == 0 and json.loads(done.stdout)["id"] == "7"


def test_analyse_names_bad_lines_and_goes_on() -> None:
    done = cxnlp("analyse", stdin='{"id": 1, "text": "fine"}\nnot json\n')
    assert done.returncode == 1 and json.loads(done.stdout)["id"] == 1
    assert "standard input, line 2" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["analyse", "nowhere.jsonl"], "nowhere.jsonl can't be read: No such file"),
        (["analyse", "--model", "linear/9.9.9", "-"], "can't be read"),
        (["nightly", "-c", "nowhere.toml"], "There is no file nowhere.toml"),
        (["check", "-c", "nowhere.toml"], "There is no file nowhere.toml"),
    ],
)
def test_an_error_is_one_line_and_exit_code_2(arguments: list[str], message: str) -> None:
    done = cxnlp(*arguments)
    assert done.returncode == 2 and message in done.stderr and "Traceback" not in done.stderr


def test_help_names_every_command() -> None:
    text = cxnlp("--help").stdout
    assert all(name in text for name in ("init", "check", "nightly", "reanalyse", "analyse", "train", "demo"))


def test_nightly_prints_the_receipt_and_where_the_pages_are(organisation: Callable[..., Path]) -> None:
    config = organisation(comments=20)
    done = cxnlp("nightly", "-c", config)
    assert done.returncode == 0 and done.stderr == ""
    assert "survey" in done.stdout and str(config.parent / "published/current/index.html") in done.stdout


def test_a_night_with_a_failed_source_exits_with_1(organisation: Callable[..., Path]) -> None:
    config = organisation(comments=4)
    (config.parent / "survey/2.csv").write_text("id,comment\n1,x\n")
    done = cxnlp("nightly", "-c", config)
    assert done.returncode == 1 and "no column 'date'" in done.stdout


def test_init_with_a_file_gives_a_configuration_that_works(tmp_path: Path, survey: Callable[[int, int], str]) -> None:
    (tmp_path / "export.csv").write_text(survey(0, 60), "utf-8")
    assert cxnlp("init", tmp_path / "mine", "--from", tmp_path / "export.csv").returncode == 0
    checked = cxnlp("check", "-c", tmp_path / "mine/cxnlp.toml")
    assert checked.returncode == 0, checked.stderr + checked.stdout
    assert cxnlp("nightly", "-c", tmp_path / "mine/cxnlp.toml").returncode == 0


def test_init_writes_a_valid_start_and_never_overwrites(tmp_path: Path) -> None:
    assert cxnlp("init", tmp_path).returncode == 0
    again = cxnlp("init", tmp_path)
    assert again.returncode == 2 and "is there already" in again.stderr
    checked = cxnlp("check", "-c", tmp_path / "cxnlp.toml")
    assert checked.returncode == 1 and "exports" in checked.stderr


def test_reanalyse_reads_again_only_what_another_model_read(organisation: Callable[..., Path]) -> None:
    config = organisation(comments=20)
    assert cxnlp("nightly", "-c", config).returncode == 0
    done = cxnlp("reanalyse", "-c", config)
    assert done.returncode == 0 and "Analysed 0" in done.stdout


GOLD = {
    "id": "4",  # of the dev tenth
    "text": "The staff were rude and we waited three hours.",
    "overall": "negative",
    "churn": False,
    "findings": [{"topic": "wait_time", "polarity": "negative", "quote": "waited three hours", "start": 27, "end": 45}],
}


def test_evaluate_measures_beside_baselines_and_writes_a_page(tmp_path: Path) -> None:
    (tmp_path / "gold.jsonl").write_text(as_lines([GOLD, {**GOLD, "id": "5"}]))
    pairs = tmp_path / "pairs.jsonl"
    member = {"text": "Rude!", "overall": "negative", "there": [], "absent": []}
    pairs.write_text(as_lines([{"id": "1", "kind": "swap", "pair": [member, {**member, "text": "Kind!"}]}]))
    done = cxnlp("evaluate", tmp_path / "gold.jsonl", "--pairs", pairs, "-o", tmp_path / "out")
    assert (done.returncode, done.stderr) == (0, "")
    assert "2 labelled comments, 1 of them in the tenth that is never trained on" in done.stdout
    rows = {line.split()[0]: line for line in done.stdout.splitlines() if line.strip()}
    assert {"linear/1.0.0", "VADER", "majority", "wait_time:negative", "swap"} <= rows.keys()
    assert "1.000 (1.00-1.00)" in rows["wait_time:negative"]
    assert (tmp_path / "out/evaluation.html").exists()
    assert json.loads((tmp_path / "out/evaluation.json").read_text())["pairs"]["swap"]["pairs"] == 1


def test_evaluate_keeps_to_the_dev_tenth(tmp_path: Path) -> None:
    (tmp_path / "gold.jsonl").write_text(as_lines([GOLD, {**GOLD, "id": "5"}]))
    done = cxnlp("evaluate", tmp_path / "gold.jsonl", "--dev", "--no-baselines")
    assert done.stdout.startswith("1 labelled comments") and "VADER" not in done.stdout


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "name files of labelled comments"),
        (["missing.jsonl"], "missing.jsonl can't be read"),
        (["gold.jsonl", "--dev"], "no labelled comments in the dev tenth"),
        (["gold.jsonl", "--model", "minilm"], "No model called 'minilm'. Known: linear/1.0.0"),
    ],
)
def test_evaluate_says_what_is_wrong(tmp_path: Path, arguments: list[str], message: str) -> None:
    (tmp_path / "gold.jsonl").write_text(as_lines([{**GOLD, "id": "5"}]))
    paths = [str(tmp_path / one) if one.endswith(".jsonl") else one for one in arguments]
    done = cxnlp("evaluate", *paths)
    assert done.returncode == 2 and message in done.stderr and "Traceback" not in done.stderr
