from __future__ import annotations

import os
from html.parser import HTMLParser
from pathlib import Path

import nbformat
import openpyxl
import pandas as pd
import pytest
from nbclient import NotebookClient

from cxnlp import pipeline
from cxnlp.errors import InputError
from cxnlp.records import Receipt
from cxnlp.starter import write_demo

NOTEBOOKS = sorted((Path(__file__).parents[1] / "notebooks").glob("*.ipynb"))


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Receipt]:
    """Give the folder of a demo organisation after its first night, and the night's receipt."""
    folder = tmp_path_factory.mktemp("demo") / "demo"
    write_demo(folder)
    before = os.environ.get("CXNLP_KEY")
    os.environ["CXNLP_KEY"] = "the-demo-organisation-is-invented"
    try:
        receipt = pipeline.nightly(folder / "cxnlp.toml")
    finally:
        os.environ.pop("CXNLP_KEY") if before is None else os.environ.update(CXNLP_KEY=before)
    return folder / "published/current", receipt


def texts(folder: Path) -> str:
    return "\n".join(pd.read_parquet(folder / "feedback.parquet")["text"])


def test_every_comment_is_accounted_for(demo: tuple[Path, Receipt]) -> None:
    folder, receipt = demo
    pulled = {source.source: source.pulled for source in receipt.sources}
    assert receipt.status == "complete" and receipt.balances
    assert list(pulled) == ["reviews", "survey", "ticket_csat", "tickets"]
    assert sum(receipt.comments.values()) == sum(pulled.values()) == len(pd.read_parquet(folder / "feedback.parquet"))
    assert receipt.comments["opinion"] > 700 and receipt.comments["other_language"] >= 8
    assert receipt.comments["no_answer"] >= 20 and receipt.comments["blank"] > 50


def test_personal_data_is_gone_and_what_matters_stays(demo: tuple[Path, Receipt]) -> None:
    said = texts(demo[0])
    for private in ("@example.com", "07700", "4111 1111", "5555 5555", "GB82", "GB29", "QQ123456C", "Terence Oddie"):
        assert private not in said
    for placeholder in ("[EMAIL]", "[PHONE]", "[CARD]", "[IBAN]", "[NAME]"):
        assert placeholder in said
    assert all(word in said for word in ("Leeds", "Quickhare", "Marlow wardrobe", "an hour"))
    assert pd.read_parquet(demo[0] / "feedback.parquet")["customer_ref"].dropna().str.fullmatch("[0-9a-f]{16,64}").all()


def test_the_story_is_told(demo: tuple[Path, Receipt]) -> None:
    """Delivery gets worse in the last weeks, Customer Service better."""
    summaries = pd.read_parquet(demo[0] / "summaries.parquet")
    recent = summaries[summaries["period"] == "recent"].sort_values("start").groupby(["department", "topic"]).last()
    delivery, service = recent.loc["delivery"], recent.loc["customer_service"]
    assert "worse" in set(delivery["verdict"]) and "better" not in set(delivery["verdict"])
    monthly = summaries[(summaries["period"] == "month") & (summaries["topic"] == "human_contact")]
    trend = monthly[monthly["department"] == "customer_service"].sort_values("start")["problem_share"].tolist()
    assert trend[3] < trend[0] / 2
    assert "worse" not in set(service["verdict"])


class Tags(HTMLParser):
    """Collects the elements of a page and everything that it would load."""

    def __init__(self) -> None:
        super().__init__()
        self.names: set[str] = set()
        self.loads: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.names.add(tag)
        self.loads += [
            str(value) for name, value in attrs if name in ("src", "srcset", "data") or name.startswith("on")
        ]


def test_hostile_comments_do_nothing_on_the_pages(demo: tuple[Path, Receipt]) -> None:
    pages = [demo[0] / "index.html", *(demo[0] / "departments").glob("*.html")]
    assert len(pages) == 9
    for page in pages:
        tags = Tags()
        tags.feed(page.read_text("utf-8"))
        assert not tags.names & {"script", "img", "iframe", "object", "embed"} and not tags.loads


def test_formulas_in_comments_stay_text(demo: tuple[Path, Receipt]) -> None:
    book = openpyxl.load_workbook(demo[0] / "report.xlsx", read_only=True)
    cells = [cell for sheet in book for row in sheet.iter_rows() for cell in row if cell.value is not None]
    assert len(cells) > 1_000 and not [cell for cell in cells if cell.data_type == "f"]


def test_it_is_never_written_over(tmp_path: Path) -> None:
    write_demo(tmp_path)
    with pytest.raises(InputError, match="is there already"):
        write_demo(tmp_path)


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
@pytest.mark.filterwarnings("default")
def test_notebooks_run_from_top_to_bottom(
    path: Path, demo: tuple[Path, Receipt], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CXNLP_PUBLISHED", str(demo[0]))
    notebook = nbformat.read(path, as_version=4)
    NotebookClient(notebook, timeout=120, resources={"metadata": {"path": str(path.parent)}}).execute()
    outputs = [output for cell in notebook.cells if cell.cell_type == "code" for output in cell.outputs]
    shown = [kind for output in outputs for kind in output.get("data", {})]
    assert shown.count("text/html") >= 3
    assert "image/png" in shown or path.stem != "01_first_look"
    assert not [output for output in outputs if output.get("name") == "stderr"]


def test_notebooks_are_committed_without_outputs() -> None:
    for path in NOTEBOOKS:
        assert all(not cell.get("outputs") for cell in nbformat.read(path, as_version=4).cells)
