"""The pages in a real browser: nothing is requested, and a phone shows them without sideways scrolling."""

import html
import json
import re
import shutil
import subprocess

import pytest

from cxnlp.reports import write_site

BROWSER = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
pytestmark = pytest.mark.skipif(BROWSER is None, reason="no chromium or google-chrome on the PATH")

PHONE = 375
FLAGS = (
    "--headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking "
    "--disable-component-update --disable-sync --virtual-time-budget=4000"
).split()

# A frame is as wide as a phone, where a window has a least width; srcdoc lets the outer page look into it.
PROBE = """<!doctype html><body><iframe width="{width}" height="800" srcdoc="{page}"></iframe><pre></pre><script>
addEventListener("load", () => {{
  const frame = document.querySelector("iframe").contentWindow;
  document.querySelector("pre").textContent = JSON.stringify({{
    width: frame.document.documentElement.scrollWidth,
    requests: frame.performance.getEntriesByType("resource").map(entry => entry.name),
  }});
}});
</script></body>"""


def probe(folder, page):
    """Return the page's width on a phone and what it requested, with its own policy taken away so that it could."""
    policy = '<meta http-equiv="Content-Security-Policy"[^>]*>'
    page, found = re.subn(policy, "", page)
    assert found == 1
    file = folder / "probe.html"
    file.write_text(PROBE.format(width=PHONE, page=html.escape(page)), "utf-8")
    command = [BROWSER, *FLAGS, f"--user-data-dir={folder / 'profile'}", "--dump-dom", file.as_uri()]
    out = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True).stdout
    return json.loads(html.unescape(re.search(r"<pre>(.*?)</pre>", out)[1]))


@pytest.mark.parametrize("name", ["index.html", "service.html", "phone.html"])
def test_a_page_fits_a_phone_and_requests_nothing(report, without, tmp_path, name):
    quote = report.quotes["phone"][0]
    long = type(quote)(**{**{f: getattr(quote, f) for f in quote.__dataclass_fields__}, "text": "x" * 5000, "end": 900})
    shown = without(quotes={**report.quotes, "phone": (long, *report.quotes["phone"])})
    page = next(path for path in write_site(tmp_path / "site", shown) if path.name == name).read_text("utf-8")
    seen = probe(tmp_path, page)
    assert seen["requests"] == []
    assert seen["width"] <= PHONE


def test_the_probe_would_see_a_request_and_a_page_too_wide(tmp_path):
    page = (
        '<!doctype html><html><head><meta http-equiv="Content-Security-Policy" content="x"></head><body>'
        '<img src="http://127.0.0.1:9/x.png"><p style="width: 900px">wide</p></body></html>'
    )
    seen = probe(tmp_path, page)
    assert seen["requests"] == ["http://127.0.0.1:9/x.png"]
    assert seen["width"] > PHONE
