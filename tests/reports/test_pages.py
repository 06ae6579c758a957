import base64
import hashlib
import re
from collections import Counter
from dataclasses import replace
from html.parser import HTMLParser

import pytest

from cxnlp.records import Channel, Period, Polarity, Quote, Rule, SourceReceipt, TextStatus
from cxnlp.reports import Department, StatusCount, write_site
from cxnlp.reports.wording import SPACE

APART = {"td", "th", "dt", "dd", "p", "li", "h1", "h2", "h3", "h4", "summary"}
VOID = {"meta", "link", "br", "rect", "line", "circle", "polyline"}


class Page(HTMLParser):
    """What a browser would find in a page."""

    def __init__(self, path):
        super().__init__()
        self.elements, self.attributes, self.text, self.marked, self.ids = Counter(), [], [], [], []
        self.open = []
        self.feed(path.read_text("utf-8"))
        self.close()

    def handle_starttag(self, tag, attrs):
        self.elements[tag] += 1
        self.attributes += [(tag, name, value) for name, value in attrs]
        self.ids += [value for name, value in attrs if name == "id"]
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.elements[tag] += 1
        self.attributes += [(tag, name, value) for name, value in attrs]

    def handle_endtag(self, tag):
        assert self.open.pop() == tag
        if tag in APART:
            self.text.append(" ")

    def handle_data(self, data):
        self.text.append(data)
        if self.open and self.open[-1] == "mark":
            self.marked.append(data)

    @property
    def said(self):
        return re.sub(r"\s+", " ", "".join(self.text).replace(SPACE, " "))

    def values(self, name):
        return [value for _, key, value in self.attributes if key == name]


@pytest.fixture(scope="session")
def site(report, tmp_path_factory):
    folder = tmp_path_factory.mktemp("site")
    return {path.name: Page(path) for path in write_site(folder, report)}


def render(folder, report, name="index.html"):
    return Page(next(path for path in write_site(folder, report) if path.name == name))


def test_there_is_a_page_for_the_organisation_and_each_department(report, tmp_path):
    paths = write_site(tmp_path, report)
    wanted = ["index.html", *(f"departments/{department.id}.html" for department in report.departments)]
    assert [str(path.relative_to(tmp_path)) for path in paths] == wanted
    assert (tmp_path / "departments/unassigned.html").exists()


def test_pages_are_whole_html(site):
    for page in site.values():
        assert page.open == []
        assert page.elements["h1"] == page.elements["title"] - page.elements["svg"] == page.elements["main"] == 1
        assert len(page.ids) == len(set(page.ids))


def test_links_lead_somewhere(site, tmp_path):
    for name, page in site.items():
        for target in page.values("href"):
            if target.startswith("#"):
                assert target[1:] in page.ids
            elif target != "data:,":
                prefix = "departments/" if name == "index.html" else "../"
                assert re.fullmatch(
                    rf"{re.escape(prefix)}(departments/[a-z_]+|index)\.html|{prefix}[a-z_]+\.html", target
                )
                assert target.rsplit("/", 1)[-1] in site


def test_pages_load_nothing_and_run_nothing(site):
    for page in site.values():
        assert not page.elements.keys() & {
            "script",
            "iframe",
            "object",
            "embed",
            "img",
            "form",
            "base",
            "audio",
            "video",
        }
        assert not page.values("src") and not page.values("style")
        assert not [name for _, name, _ in page.attributes if name.startswith("on")]
        assert "url(" not in page.said and "@import" not in page.said


def test_the_policy_lets_through_only_the_page_s_own_style(site, report, tmp_path):
    policy = next(value for value in site["index.html"].values("content") if "default-src" in value)
    assert policy.startswith("default-src 'none';")
    assert "unsafe" not in policy and "script-src" not in policy
    style = re.search(r"<style>(.*?)</style>", write_site(tmp_path, report)[0].read_text("utf-8"), re.S)[1]
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    assert f"style-src 'sha256-{digest}'" in policy


def test_the_organisation_s_page_says_what_changed(site):
    said = site["index.html"].said
    worse, better = said.index("Got worse"), said.index("Got better")
    assert worse < said.index("Long waits · Phone Line") < better
    assert better < said.index("Long waits · Installation and Repairs")
    assert re.search(r"\d+ figures were compared", said)


def test_the_heatmap_is_a_table_that_can_be_read_aloud(site):
    page = site["index.html"]
    scopes = Counter(page.values("scope"))
    assert scopes["rowgroup"] == 4 and scopes["row"] == 2 * 15 + 3
    assert page.elements["caption"] == page.elements["table"] == 3
    assert " worse" in page.said and "too few" in page.said


def test_what_was_not_read_is_counted(site):
    said = site["index.html"].said
    assert "relationship 2,104 311 96 0 41 2,552 2 bad date, 1 score out of scale" in said
    assert "other languages (es 41, pl 12)" in said


def test_the_foot_tells_the_receipt_and_the_versions(site):
    for page in site.values():
        assert "120 pulled = 100 new + 4 updated + 12 unchanged + 1 duplicate + 3 set aside" in page.said
        assert "linear/1" in page.said and "4f2a91c03b77" in page.said
        assert "do not add up" not in page.said


def test_a_department_s_page_says_who_what_and_why(site):
    page = site["phone.html"]
    assert "Jonas Weber" in page.said
    assert "on hold for fifty minutes" in page.marked
    assert "Why this is yours: it came in through your group or queue: ticket queue = First line" in page.said
    assert "Survey, 3 Oct 2026" in page.said and "Asked: “What could we have done better?”" in page.said
    assert "../departments/service.html" in page.values("href")


def test_a_department_shows_those_below_it_and_whose_a_comment_is(site):
    page = site["service.html"]
    assert {"../departments/phone.html", "../departments/chat.html"} <= set(page.values("href"))
    assert "For Phone Line: it came in" in page.said
    assert page.elements["table"] == 1


def test_what_nobody_owns_has_its_page(site):
    assert "Comments and findings that nothing points to a department for" in site["unassigned.html"].said


def test_complete_runs_have_no_banner(site):
    assert all("status" not in page.values("role") for page in site.values())


def test_a_missing_source_is_announced_on_every_page(report, without, tmp_path):
    failed = SourceReceipt("shop_reviews", error="shop.csv has no column 'verbatim'")
    receipt = replace(report.receipt, status="incomplete", sources=(*report.receipt.sources, failed))
    for path in write_site(tmp_path, without(receipt=receipt)):
        page = Page(path)
        assert "status" in page.values("role")
        assert "This source could not be read in this run" in page.said and "shop_reviews" in page.said
    assert "shop.csv has no column 'verbatim'" in Page(tmp_path / "index.html").said


@pytest.mark.parametrize("status", ["failed", "interrupted"])
def test_an_unfinished_run_is_announced(report, without, tmp_path, status):
    page = render(tmp_path, without(receipt=replace(report.receipt, status=status, finished_at=None)))
    assert f"{status.capitalize()}. The last run did not end as it should" in page.said
    assert "not finished" in page.said


def test_records_that_do_not_add_up_are_pointed_out(report, without, tmp_path):
    receipt = replace(report.receipt, sources=(SourceReceipt("helpdesk", pulled=3, new=2),))
    assert "these do not add up" in render(tmp_path, without(receipt=receipt)).said


def test_comments_without_dates_are_shown_without_changes(report, without, tmp_path):
    totals = tuple(row for row in report.topics if row.period is Period.ALL)
    scores = tuple(row for row in report.scores if row.period is Period.ALL)
    undated = without(day=None, topics=totals, scores=scores)
    page = render(tmp_path, undated)
    assert "none of them dated" in page.said and "no change can be told" in page.said
    assert page.elements["details"] == 0
    phone = render(tmp_path, undated, "phone.html")
    assert "Long waits" in phone.said and phone.elements["rect"] == 0


def test_an_empty_store_has_pages_that_say_so(without, tmp_path):
    empty = without(day=None, topics=(), scores=(), quotes={}, statuses=())
    page = render(tmp_path, empty, "billing.html")
    assert "No comments have been read yet." in page.said and "No comments to show." in page.said
    assert "0 comments, none of them dated" in render(tmp_path, empty).said


def test_pages_are_a_pure_function_of_the_report(report, tmp_path):
    first, second = write_site(tmp_path / "a", report), write_site(tmp_path / "b", report)
    assert [a.read_bytes() for a in first] == [b.read_bytes() for b in second]


HOSTILE = [
    "<script>alert(1)</script>",
    "</mark></blockquote></style><img src=x onerror=alert(1)>",
    "javascript:alert(1) <a href='javascript:alert(1)'>x</a>",
    '" onmouseover="alert(1)" \' autofocus onfocus=\'alert(1)',
    "{{ 7 * 7 }}{% raw %} {0} {text} %s &lt;b&gt; &#60;i&#62;",
    "<!-- --><![CDATA[ ]]> <svg/onload=alert(1)>",
    "🙈" * 500,
    "x" * 20_000,
]


@pytest.mark.parametrize("text", HOSTILE, ids=lambda text: text[:12])
def test_hostile_text_stays_text_wherever_it_stands(report, without, tmp_path, text):
    harmless = poisoned(report, without, "plain words")
    hostile = poisoned(report, without, text)
    for harmless_path, path in zip(
        write_site(tmp_path / "a", harmless), write_site(tmp_path / "b", hostile), strict=True
    ):
        safe, page = Page(harmless_path), Page(path)
        assert page.elements == safe.elements
        assert [(tag, name) for tag, name, _ in page.attributes] == [(tag, name) for tag, name, _ in safe.attributes]
        assert page.values("href") == safe.values("href")
        assert page.marked == [part.replace("plain words", text) for part in safe.marked]
        assert text[:100] in "".join(page.text)


def poisoned(report, without, text):
    """Put a text everywhere that people or sources can write."""
    quote = Quote(1, text, Channel.REVIEW, text, text, None, "wait_time", Polarity.NEGATIVE, 0.9, 0, len(text), "phone",
                  Rule.MENTION, text)  # fmt: skip
    departments = tuple(Department(d.id, text, text, d.parent) for d in report.departments)
    source = SourceReceipt(text, pulled=1, rejected={text: 1}, error=text)
    versions = {"model": text, "routing": text}
    return without(
        organisation=text,
        departments=departments,
        quotes={department.id: (quote,) for department in departments},
        statuses=(StatusCount(text, TextStatus.OTHER_LANGUAGE, text, 1),),
        receipt=replace(report.receipt, run=text, sources=(source,), versions=versions, notes=(text,)),
        model_note=text,
    )


def test_text_can_not_turn_the_page_round(report, without, tmp_path):
    page = render(tmp_path, poisoned(report, without, "abc \u202e def \u2066 ghi"), "phone.html")
    assert not set("".join(page.text)) & set("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
    assert page.elements["blockquote"] == page.values("dir").count("auto") == 1


def test_a_long_comment_is_shown_around_its_span(report, without, tmp_path):
    text = "before " * 1500 + "THE SPAN" + " after" * 1500
    start = text.index("THE SPAN")
    quote = replace(report.quotes["phone"][0], text=text, start=start, end=start + 8)
    page = render(tmp_path, without(quotes={"phone": (quote,)}), "phone.html")
    assert page.marked == ["THE SPAN"]
    assert 50 < "".join(page.text).count("before ") < 100
