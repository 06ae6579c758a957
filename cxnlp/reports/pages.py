"""The HTML pages: one for the organisation, one for each department; each stands alone and loads nothing."""

from __future__ import annotations

import base64
import hashlib
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cxnlp.records import ORGANISATION, TextStatus
from cxnlp.reports.figures import Figures
from cxnlp.reports.passages import visible
from cxnlp.reports.report import Report
from cxnlp.reports.views import SHOWN, department_page, organisation_page
from cxnlp.reports.wording import date, moment, whole, words

if TYPE_CHECKING:
    from jinja2 import Environment


def write_site(folder: Path, report: Report) -> list[Path]:
    """Write index.html and departments/<id>.html into a folder and return their paths.

    The pages need no script and no network: the style is inside, and the Content-Security-Policy allows nothing else.
    """
    figures, environment = Figures.of(report), page_environment()
    (folder / "departments").mkdir(parents=True, exist_ok=True)
    index = folder / "index.html"
    _write(index, environment, "index.html.j2", page=organisation_page(figures), home="")
    paths = [index]
    for department in report.departments:
        path = folder / "departments" / f"{department.id}.html"
        _write(path, environment, "department.html.j2", page=department_page(figures, department), home="../")
        paths.append(path)
    return paths


def _write(path: Path, environment: Environment, template: str, **values: Any) -> None:
    path.write_text(environment.get_template(template).render(values), "utf-8")


def page_environment() -> Environment:
    """Return what renders the templates of data/reports: autoescaped, with the one style that the policy allows."""
    from jinja2 import Environment, PackageLoader, StrictUndefined
    from markupsafe import Markup

    environment = Environment(
        loader=PackageLoader("cxnlp", "data/reports"),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=_shown,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    assert environment.loader is not None  # noqa: S101  # given above; tells the type checker
    style = environment.loader.get_source(environment, "style.css")[0]
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    # The style is our own file; its hash in the policy lets this one style through and no other.
    environment.globals.update(style=Markup(style), style_hash=digest, words=words(), shown=SHOWN)  # noqa: S704
    environment.globals.update(statuses=tuple(TextStatus), organisation_id=ORGANISATION)
    environment.filters.update(date=date, moment=moment, whole=whole)
    return environment


def _shown(value: Any) -> Any:
    """Return what a template prints without characters that could turn or break the page; our own markup as it is."""
    return visible(value) if type(value) is str else value
