from __future__ import annotations

import json
import shutil
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

from cxnlp import pipeline
from cxnlp.analysis.packages import live_model, models_folder
from cxnlp.errors import ConfigError, RunLocked, StoreError
from cxnlp.records import Receipt


def counts(receipt: Receipt) -> tuple[int, int, int, int]:
    (source,) = receipt.sources
    return source.pulled, source.new, source.updated, source.unchanged


def tables(config: Path) -> dict[str, list[tuple[object, ...]]]:
    """Return what the store holds, without runs and times."""
    queries = {
        "feedback": "select source, source_record_id, version, current, text, status from feedback",
        "finding": 'select f.source_record_id, n.topic, n.polarity, n.start, n."end" from finding n '
        "join analysis a on a.id = n.analysis_id join feedback f on f.id = a.feedback_id",
        "assignment": "select f.source_record_id, s.finding, s.department, s.rule from assignment s "
        "join feedback f on f.id = s.feedback_id",
    }
    with sqlite3.connect(config.parent / "cxnlp.db") as connection:
        return {name: sorted(connection.execute(query).fetchall(), key=repr) for name, query in queries.items()}


def published(config: Path, name: str) -> Path:
    return config.parent / "published/current" / name


def test_a_night_goes_from_files_to_pages(organisation: Callable[..., Path]) -> None:
    config = organisation(comments=120)
    receipt = pipeline.nightly(config)
    assert (receipt.status, receipt.balances, counts(receipt)) == ("complete", True, (120, 120, 0, 0))
    assert receipt.comments == {"no_answer": 30, "opinion": 90}
    assert receipt.analysed == 90 and receipt.linked == 120 and receipt.findings > 90
    page = published(config, "index.html").read_text("utf-8")
    assert "Small &amp; Sons" in page and "Delivery" in page
    assert published(config, "departments/delivery.html").exists() and published(config, "report.xlsx").exists()
    feedback = pd.read_parquet(published(config, "feedback.parquet"))
    summaries = pd.read_parquet(published(config, "summaries.parquet"))
    assert len(feedback) == 120 and {"delivery", "service", "organisation"} <= set(summaries["department"])


def test_the_second_night_changes_nothing(organisation: Callable[..., Path]) -> None:
    config = organisation()
    pipeline.nightly(config)
    before, page = tables(config), published(config, "index.html").resolve()
    receipt = pipeline.nightly(config)
    assert (receipt.analysed, receipt.linked, receipt.status) == (0, 0, "complete")
    assert tables(config) == before and published(config, "index.html").resolve() == page


def test_new_and_edited_comments_are_taken_in(
    organisation: Callable[..., Path], survey: Callable[[int, int], str]
) -> None:
    config = organisation(comments=60)
    pipeline.nightly(config)
    edited = survey(0, 60).replace("never arrived (number 7)", "arrived after all (number 7)")
    (config.parent / "survey/1.csv").write_text(edited, "utf-8")
    (config.parent / "survey/2.csv").write_text(survey(60, 100), "utf-8")
    receipt = pipeline.nightly(config)
    assert counts(receipt) == (100, 40, 1, 59)
    versions = [row for row in tables(config)["feedback"] if row[1] == "7"]
    assert [(row[2], bool(row[3])) for row in versions] == [(1, False), (2, True)]
    feedback = pd.read_parquet(published(config, "feedback.parquet"))
    assert feedback.loc[feedback["source_record_id"] == "7", "text"].tolist() == [
        "The parcel arrived after all (number 7)"
    ]


def test_bad_rows_are_set_aside_and_counted(organisation: Callable[..., Path]) -> None:
    config = organisation(comments=10)
    with (config.parent / "survey/1.csv").open("a", encoding="utf-8") as file:
        file.write("a,2026-10-01,11,Delivery,Score too high\n")
        file.write("b,someday,5,Delivery,When was it? write to jo@example.com\n")
        file.write("c,2199-01-01,5,Delivery,From the future\n")
        file.write(",2026-10-01,5,Delivery,Nobody\n")
        file.write("d,2026-10-01,5,Delivery,first\nd,2026-10-01,5,Delivery,second\nd,2026-10-01,5,Delivery,first\n")
        file.write("e,2026-10-01,5,Delivery," + "long " * 60_000 + "\n")
    receipt = pipeline.nightly(config)
    (source,) = receipt.sources
    assert receipt.balances and receipt.status == "complete"
    assert source.rejected == {
        "score_out_of_scale": 1,
        "unreadable_date": 1,
        "date_in_future": 1,
        "missing_id": 1,
        "duplicate_id": 1,
        "text_too_long": 1,
    }
    assert (source.new, source.duplicate, source.pulled) == (11, 1, 18)
    rejects = list(pipeline.open_session(config).store.rejects(receipt.run))
    assert all(reject.place.startswith("1.csv, line") and reject.detail for reject in rejects)
    assert "jo@example.com" not in str(rejects)
    listed = pd.read_csv(published(config, "rejects.csv"))
    assert sorted(listed["reason"]) == sorted(reject.reason for reject in rejects)


def test_an_unknown_department_is_told_and_the_comment_kept(organisation: Callable[..., Path]) -> None:
    config = organisation(comments=8)
    with (config.parent / "survey/1.csv").open("a", encoding="utf-8") as file:
        file.write("x,2026-10-01,5,Catering,Cold soup again\n")
    receipt = pipeline.nightly(config)
    assert any("Catering" in note and "(1 comment" in note for note in receipt.notes)


BROKEN = """
[[sources]]
name = "reviews"
channel = "review"
path = "nowhere/*.jsonl"
[sources.columns]
id = "id"
text = "body"
"""


def test_a_source_that_fails_fails_alone(organisation: Callable[..., Path]) -> None:
    config = organisation(more=BROKEN)
    receipt = pipeline.nightly(config)
    assert receipt.status == "incomplete"
    failed = {source.source: source.error for source in receipt.sources if source.error}
    assert list(failed) == ["reviews"] and "nowhere" in str(failed["reviews"])
    assert receipt.analysed == 90
    assert "reviews" in published(config, "index.html").read_text("utf-8")


@pytest.mark.parametrize(
    ("right", "wrong", "message"),
    [
        ("min_comments = 3", "min_coments = 3", r"line 6: unknown key 'min_coments'\. Did you mean 'min_comments'\?"),
        ('name = "Small & Sons"', "", r"'organisation\.name' is missing"),
        ('scale = "nps"', 'scale = "npx"', "npx"),
        ('id = "id"', 'id = "id"\nidd = 3', "unknown key 'idd'"),
    ],
)
def test_a_wrong_configuration_stops_before_anything_is_pulled(
    organisation: Callable[..., Path], right: str, wrong: str, message: str
) -> None:
    config = organisation()
    config.write_text(config.read_text().replace(right, wrong))
    with pytest.raises(ConfigError, match=message):
        pipeline.nightly(config)
    assert not (config.parent / "cxnlp.db").exists()


def test_a_rule_for_a_source_that_is_not_there_stops_the_night(organisation: Callable[..., Path]) -> None:
    config = organisation()
    chart = config.parent / "departments.toml"
    rule = '\n[[rules]]\nfield = "queue"\nvalue = "x"\ndepartment = "delivery"\nsource = "survy"\n'
    chart.write_text(chart.read_text() + rule)
    with pytest.raises(ConfigError, match=r"source 'survy'.*Did you mean 'survey'"):
        pipeline.nightly(config)


def test_without_a_key_nothing_runs(organisation: Callable[..., Path], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CXNLP_KEY")
    with pytest.raises(ConfigError, match="CXNLP_KEY is not set"):
        pipeline.nightly(organisation())


def test_another_key_is_refused(organisation: Callable[..., Path], monkeypatch: pytest.MonkeyPatch) -> None:
    config = organisation(comments=4)
    pipeline.nightly(config)
    monkeypatch.setenv("CXNLP_KEY", "another-key-0123456789")
    with pytest.raises(StoreError, match="CXNLP_KEY"):
        pipeline.nightly(config)


def test_two_runs_do_not_overlap(organisation: Callable[..., Path]) -> None:
    config = organisation(comments=4)
    with pipeline.run(config), pytest.raises(RunLocked):
        pipeline.nightly(config)


def test_a_changed_chart_links_again(organisation: Callable[..., Path]) -> None:
    config = organisation(comments=40)
    pipeline.nightly(config)
    chart = config.parent / "departments.toml"
    chart.write_text(chart.read_text().replace('aliases = ["driver"]', 'aliases = ["driver", "parcel"]'))
    receipt = pipeline.nightly(config)
    assert (receipt.analysed, receipt.linked) == (0, 40)


def test_another_model_reads_again_on_demand_and_old_findings_are_kept(organisation: Callable[..., Path]) -> None:
    config = organisation(comments=40)
    pipeline.nightly(config)
    other = config.parent / "models/linear/1.0.1"
    shutil.copytree(models_folder() / "linear/1.0.0", other)
    package = json.loads((other / "config.json").read_text())
    (other / "config.json").write_text(json.dumps({**package, "version": "1.0.1"}))
    wanted = '[analysis]\nmodel = "linear/1.0.1"\nmodels = "models"\n\n[publish]'
    config.write_text(config.read_text().replace("[publish]", wanted))
    assert pipeline.nightly(config).analysed == 0
    receipt = pipeline.nightly(config, again=True, pulling=False)
    assert (receipt.analysed, receipt.linked, receipt.versions["model"]) == (30, 30, "linear/1.0.1")
    with sqlite3.connect(config.parent / "cxnlp.db") as connection:
        kept = connection.execute("select model, current, count(*) from analysis group by 1, 2 order by 1").fetchall()
    assert kept == [("linear/1.0.1", 1, 30), (live_model(models_folder()), 0, 30)]
    assert set(pd.read_parquet(published(config, "findings.parquet"))["model"]) == {"linear/1.0.1"}


def test_a_failed_run_says_so(organisation: Callable[..., Path], monkeypatch: pytest.MonkeyPatch) -> None:
    config = organisation(comments=4)
    with pytest.raises(ZeroDivisionError), pipeline.run(config) as night:
        _ = 1 / 0
    (receipt,) = pipeline.open_session(config).store.receipts()
    assert (receipt.run, receipt.status) == (night.id, "failed")
    assert receipt.notes == ("ZeroDivisionError: division by zero",)


def test_a_night_killed_anywhere_is_finished_by_the_next(organisation: Callable[..., Path]) -> None:
    whole, config = organisation(comments=400, name="whole"), organisation(comments=400, name="killed")
    command = [sys.executable, "-m", "cxnlp.cli", "nightly", "-c"]
    started = time.monotonic()
    subprocess.run([*command, whole], check=True, stdout=subprocess.DEVNULL)
    seconds = time.monotonic() - started
    killed = 0
    for part in (0.5, 0.6, 0.7, 0.75, 0.8, 0.85, 0.9):
        process = subprocess.Popen([*command, config], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            process.wait(seconds * part)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            killed += 1
    receipt = pipeline.nightly(config)
    assert killed >= 2 and receipt.status == "complete"
    assert tables(config) == tables(whole)
    assert len(pd.read_parquet(published(config, "feedback.parquet"))) == 400


def test_check_says_what_a_night_would_do_and_writes_nothing(organisation: Callable[..., Path]) -> None:
    config = organisation(more=BROKEN)
    lines = list(pipeline.check(config))
    text = "\n".join(line.text for line in lines)
    assert "Small & Sons" in text and "1.csv" in text and "No department owns" in text
    assert [line.text for line in lines if line.failed and "nowhere" in line.text]
    assert not (config.parent / "cxnlp.db").exists() and not (config.parent / "published").exists()
