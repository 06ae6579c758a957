import datetime as dt
import random
from pathlib import Path

import pytest

from cxnlp.config import load_config
from cxnlp.errors import InputError
from cxnlp.records import Channel
from cxnlp.sources import load_source
from cxnlp.sources.guess import guess_mapping, render_source, source_name

WORDS = "the staff were slow kind rude and helpful on my last visit to your shop when queue till moved".split()


def sentence(random: random.Random) -> str:
    return " ".join(random.choices(WORDS, k=random.randint(6, 15))) + f" {random.random():.6f}"


@pytest.fixture
def survey(write_csv) -> Path:
    dice = random.Random(3)
    start = dt.date(2024, 1, 1)
    rows = [
        [f"R-{n}", f"{start + dt.timedelta(days=n):%d/%m/%Y}", dice.randint(0, 10), sentence(dice), sentence(dice),
         dice.choice(["Shops", "Online", "Delivery"]), f"c{n}@mail.example", dice.choice(["en", "en-GB"]), n % 90 + 18]
        for n in range(60)
    ]  # fmt: skip
    header = ["Response ID", "Submitted", "How likely are you to recommend us?", "Why?", "What could we do better?",
              "Department", "Email", "UserLanguage", "Age"]  # fmt: skip
    return write_csv([header, *rows], name="NPS Survey.csv", delimiter=";")


def test_each_part_is_guessed_with_a_reason(survey: Path) -> None:
    guess = guess_mapping(survey)
    assert guess.columns == {
        "id": "Response ID",
        "text": ["Why?", "What could we do better?"],
        "date": {"column": "Submitted", "formats": ["%d/%m/%Y"]},
        "score": {"column": "How likely are you to recommend us?", "scale": "nps"},
        "language": "UserLanguage",
        "customer": "Email",
        "department": "Department",
    }
    assert set(guess.reasons) == set(guess.columns)
    assert "fit %d/%m/%Y alone, 0 fit %m/%d/%Y alone" in guess.reasons["date"]
    assert guess.unused == ("Age",)
    assert guess.channel is Channel.SURVEY


def test_the_block_that_is_written_pulls_the_file(tmp_path: Path, survey: Path, pull) -> None:
    path = tmp_path / "cxnlp.toml"
    block = render_source(guess_mapping(survey), path=survey.name)
    path.write_text(f'[organisation]\nname = "Fernhill"\n\n{block}')
    config = load_config(path)
    source = load_source(config.sources[0], config_path=path, config_text=config.text, index=0, root=config.root)
    page = pull(source)
    assert (source.name, len(page.records), page.rejects) == ("nps-survey", 120, ())
    assert page.records[0].question == "Why?"
    assert page.records[0].created_at == dt.datetime(2024, 1, 1, tzinfo=dt.UTC)
    assert '# attributes = ["Age"]' in block


def test_odd_names_and_values_survive_in_toml(tmp_path: Path, write_csv, pull) -> None:
    header = ["case \\ id", 'say "why"?\nplease', "tab\there"]
    rows = [[f"id{n}", f"{n} words that are free text", "x"] for n in range(5)]
    file = write_csv([header, *rows], name="odd 'file'.csv")
    path = tmp_path / "cxnlp.toml"
    block = render_source(guess_mapping(file), path=file.name, name="odd", channel=Channel.TICKET)
    path.write_text(f'[organisation]\nname = "Fernhill"\n\n{block}')
    config = load_config(path)
    source = load_source(config.sources[0], config_path=path, config_text=config.text, index=0, root=config.root)
    assert len(pull(source).records) == 5
    assert source.channel is Channel.TICKET


def test_tickets_are_known_by_their_columns(write_csv) -> None:
    dice = random.Random(5)
    header = ["Ticket No", "Created", "First reply", "Resolved", "Queue", "Message", "CSAT", "Reopened"]
    rows = [
        [n, f"2024-03-{n % 28 + 1:02} 10:00", f"2024-03-{n % 28 + 1:02} 11:00", "", dice.choice(["Billing", "Returns"]),
         sentence(dice), dice.randint(1, 5), 0]
        for n in range(40)
    ]  # fmt: skip
    guess = guess_mapping(write_csv([header, *rows]))
    assert guess.channel is Channel.TICKET
    assert guess.columns["id"] == "Ticket No"
    assert guess.columns["text"] == ["Message"]
    assert guess.columns["date"] == {"column": "Created", "formats": ["iso"]}
    assert guess.columns["first_reply"]["column"] == "First reply"
    assert guess.columns["score"] == {"column": "CSAT", "scale": "csat"}
    assert guess.columns["queue"] == "Queue"


@pytest.mark.parametrize(
    ("values", "formats", "said"),
    [
        (["13/01/2024", "02/03/2024"], ["%d/%m/%Y"], "1 fit %d/%m/%Y alone, 0 fit"),
        (["01/13/2024", "02/03/2024"], ["%m/%d/%Y"], "0 fit %d/%m/%Y alone, 1 fit"),
        (["13/01/2024", "1/30/2024", "14/02/2024"], ["%d/%m/%Y", "%m/%d/%Y"], "2 fit %d/%m/%Y alone, 1 fit"),
        (["01/02/2024", "02/03/2024"], ["%d/%m/%Y"], "no value tells day from month"),
        (["31 Jan 2024", "1 Feb 2024"], ["%d %b %Y"], "its values are dates"),
        (["2024-01-31T10:00:00Z"], ["iso"], "its values are dates"),
    ],
)
def test_day_and_month_are_told_by_the_values(write_csv, values: list[str], formats: list[str], said: str) -> None:
    rows = [[f"id{n}", value, f"{n} words that are free text"] for n, value in enumerate(values)]
    guess = guess_mapping(write_csv([["id", "when", "comment"], *rows]))
    assert guess.columns["date"] == {"column": "when", "formats": formats}
    assert said in guess.reasons["date"]


@pytest.mark.parametrize(
    ("name", "values", "scale"),
    [
        ("NPS", range(11), "nps"), ("NPS score", range(1, 6), "csat"), ("stars", range(1, 6), "stars"),
        ("Customer effort", range(1, 8), "ces"), ("rating", range(1, 8), None), ("age", range(1, 6), None),
    ],
)  # fmt: skip
def test_a_scale_needs_a_name_and_values_that_fit(write_csv, name: str, values: range, scale: str | None) -> None:
    rows = [[f"id{n}", value, f"{n} words that are free text"] for n, value in enumerate([*values, *values])]
    guess = guess_mapping(write_csv([["id", name, "comment"], *rows]))
    assert guess.columns.get("score") == (None if scale is None else {"column": name, "scale": scale})


def test_without_an_id_rows_are_counted(write_csv) -> None:
    guess = guess_mapping(write_csv([["kind", "comment"], *(["a", f"{n} words that are free text"] for n in range(5))]))
    assert guess.columns["id"] == "@row"


def test_a_file_without_text_is_refused(write_csv) -> None:
    path = write_csv([["id", "amount"], ["1", "5"], ["2", "6"]])
    with pytest.raises(InputError, match=r"survey\.csv has no column with text"):
        guess_mapping(path)


def test_a_name_is_made_from_the_files() -> None:
    assert source_name(Path("in/NPS Survey 2024 (final).csv")) == "nps-survey-2024-final"
    assert source_name(Path("???.csv")) == "source"
