import os
from collections import Counter
from pathlib import Path

import pytest

from cxnlp.sources import FileSource
from cxnlp.sources.guess import guess_mapping

DATA = Path(os.environ.get("CXNLP_REAL_DATA") or Path(__file__).parents[2].parent / "shared" / "data")

SURVEY = {
    "id": "Comment ID",
    "response": "Respondent ID",
    "text": "FFT answer",
    "question": {"column": "FFT question"},
    "date": {"column": "Date", "formats": ["%d/%m/%Y", "%m/%d/%Y"], "timezone": "Europe/London"},
    "score": {"column": "FFT categorical answer", "scale": "likert5", "reverse": True, "missing": [6, 7]},
    "department": ["Service type 1", "Service type 2"],
}
REVIEWS = {
    "id": "column 1",
    "text": "Review Text",
    "score": {"column": "Rating", "scale": "stars"},
    "department": "Department Name",
    "class": "Class Name",
}
COMPLAINTS = {
    "id": "Complaint ID",
    "text": "Consumer complaint narrative",
    "date": {"column": "Date received", "formats": "%Y/%m/%d"},
    "product": "Product",
    "attributes": "rest",
}
FILES = {
    "survey": ("nhs_friends_and_family/comments.csv", SURVEY),
    "review": ("clothing_reviews/reviews.csv", REVIEWS),
    "ticket": ("cfpb_complaints/complaints.csv", COMPLAINTS),
}


@pytest.mark.parametrize(
    ("channel", "comments", "blank", "responses"),
    [("survey", 5_583, 363, 3_164), ("review", 23_486, 845, 23_486), ("ticket", 6_623, 5_091, 6_623)],
)
def test_real_files_are_read_whole(pull, channel: str, comments: int, blank: int, responses: int) -> None:
    name, columns = FILES[channel]
    if not (DATA / name).exists():
        pytest.skip("the real files are not here")
    page = pull(
        FileSource.model_validate({"name": "real", "channel": channel, "path": name, "root": DATA, "columns": columns})
    )
    assert (len(page.records), len(page.rejects), page.duplicates) == (comments, 0, 0)
    assert sum(not record.text.strip() for record in page.records) == blank
    assert len({record.response_id for record in page.records}) == responses
    if channel == "survey":
        assert "1,631 dates of 'Date' fit" in page.warnings[0]
        assert Counter(record.score.value for record in page.records if record.score)[5] == 3_590


def test_the_guess_for_a_real_file_finds_both_date_formats() -> None:
    path = DATA / FILES["survey"][0]
    if not path.exists():
        pytest.skip("the real files are not here")
    found = guess_mapping(path).columns
    assert (found["id"], found["text"]) == ("Comment ID", ["FFT answer"])
    assert found["date"] == {"column": "Date", "formats": ["%d/%m/%Y", "%m/%d/%Y"]}
