"""The commands on sources, as a person at a terminal sees them."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from cxnlp.sources import BUILTIN, LIVE, kinds, needs

from .serving import Fault
from .test_night import configuration


def cxnlp(*arguments: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "cxnlp.cli", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_the_list_has_every_type_with_what_it_needs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.setenv("CXNLP_ZENDESK_TOKEN", "s3cret")
    done = cxnlp("sources")
    assert done.returncode == 0 and done.stderr == ""
    for name in (*BUILTIN, *LIVE):
        assert name in done.stdout
        assert [variable for variable in needs(kinds()[name]) if variable not in done.stdout] == []
    assert "CXNLP_ZENDESK_TOKEN (set)" in done.stdout and "s3cret" not in done.stdout


def test_the_page_of_a_type_is_shown() -> None:
    done = cxnlp("sources", "show", "zendesk")
    assert done.returncode == 0 and 'type = "zendesk"' in done.stdout and "CXNLP_ZENDESK_TOKEN" in done.stdout


def test_init_offers_the_types_and_writes_their_examples(tmp_path: Path) -> None:
    assert "cxnlp init --source TYPE" in cxnlp("init", tmp_path / "plain").stdout
    done = cxnlp("init", tmp_path / "live", "--source", "zendesk", "--source", "app_store")
    assert done.returncode == 0 and "cxnlp sources show zendesk" in done.stdout
    checked = cxnlp("check", "-c", tmp_path / "live/cxnlp.toml")
    said = checked.stdout + checked.stderr
    assert checked.returncode == 1 and "CXNLP_ZENDESK_TOKEN is not set" in said and "zendesk: zendesk" not in said


def test_init_refuses_a_type_that_there_is_not(tmp_path: Path) -> None:
    done = cxnlp("init", tmp_path / "live", "--source", "zendsk")
    assert done.returncode == 2 and "Did you mean 'zendesk'?" in done.stderr and not (tmp_path / "live").exists()


def test_trying_a_source_shows_three_redacted_records_and_stores_nothing(
    serve_fake: Callable[[str], Any], tmp_path: Path
) -> None:
    fake = serve_fake("zendesk")
    for at in range(9):
        fake.add(f"Call me on 020 7946 0018 or kim{at}@example.org, <b>please</b>")
    done = cxnlp("sources", "check", "zendesk", "-c", configuration(tmp_path, {"zendesk": fake}))
    assert done.returncode == 0 and done.stdout.count("  text: ") == 3
    assert "7946" not in done.stdout and "@example.org" not in done.stdout and "<b>" not in done.stdout
    assert not [secret for secret in fake.secrets if secret in done.stdout + done.stderr]
    assert len([one for one in fake.requests if one.url.path.endswith("/comments.json")]) == 3
    assert not (tmp_path / "cxnlp.db").exists()


def test_trying_a_source_with_wrong_credentials_says_what_to_check(
    serve_fake: Callable[[str], Any], tmp_path: Path
) -> None:
    fake = serve_fake("typeform")
    fake.faults += [Fault(401)] * 5
    done = cxnlp("sources", "check", "typeform", "-c", configuration(tmp_path, {"typeform": fake}))
    assert done.returncode == 2 and "Check CXNLP_TYPEFORM_TOKEN" in done.stderr and "Traceback" not in done.stderr


def test_trying_a_source_of_another_name_names_the_nearest(serve_fake: Callable[[str], Any], tmp_path: Path) -> None:
    done = cxnlp("sources", "check", "typefrom", "-c", configuration(tmp_path, {"typeform": serve_fake("typeform")}))
    assert done.returncode == 2 and "Did you mean 'typeform'?" in done.stderr
