"""An evaluation as people read it: a table on the terminal, a page with plots, a file of figures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from cxnlp.analysis.rules import CHURN
from cxnlp.errors import InputError
from cxnlp.evaluation.comparison import Reading, to_json
from cxnlp.evaluation.figures import Counts
from cxnlp.evaluation.intervals import Range, Ranges
from cxnlp.evaluation.pairs import Tally

_SHOWN = 700  # characters of a comment that is read badly
Rows = list[tuple[str, ...]]


def overview(readings: Sequence[Reading]) -> Rows:
    """Return a head and a row for each analyser, as texts, with 95 % intervals in brackets.

    What an analyser doesn't give, findings or their spans, is left empty.
    """
    head = ("model", "findings F1", "P", "R", "macro F1", "six factors", "overall", "span", "ECE", "comments/s")
    return [head, *(_overview_row(one) for one in readings)]


def _overview_row(one: Reading) -> tuple[str, ...]:
    figures, intervals = one.evaluation, one.intervals
    found = any(counts.right + counts.wrong for counts in figures.labels.values())
    cells = (
        _with(figures.micro.f1, intervals.micro.f1),
        f"{figures.micro.precision:.3f}",
        f"{figures.micro.recall:.3f}",
        _with(figures.macro_f1, intervals.macro),
        _with(figures.factors.f1, intervals.factors.f1),
    )
    return (
        one.model,
        *(cells if found else [""] * len(cells)),
        _with(figures.overall_accuracy, intervals.overall),
        "" if figures.span_overlap is None else f"{figures.span_overlap:.3f}",
        f"{figures.ece:.3f}",
        f"{figures.comments / max(one.seconds, 1e-9):,.0f}",
    )


def _with(value: float, interval: Range) -> str:
    return f"{value:.3f}" if interval is None else f"{value:.3f} ({interval[0]:.2f}-{interval[1]:.2f})"


def by_label(reading: Reading) -> Rows:
    """Return a head and a row for each label and for churn: precision, recall, F1 with intervals, support."""
    head = ("label", "precision", "recall", "F1", "support")
    evaluation, intervals = reading.evaluation, reading.intervals
    rows = [_label_row(label, counts, intervals.labels[label]) for label, counts in sorted(evaluation.labels.items())]
    return [head, *rows, _label_row(CHURN, evaluation.churn, intervals.churn)]


def _label_row(label: str, counts: Counts, ranges: Ranges) -> tuple[str, ...]:
    cells = (_with(getattr(counts, name), getattr(ranges, name)) for name in ("precision", "recall", "f1"))
    return label, *cells, str(counts.support)


def confusion(reading: Reading) -> Rows:
    """Return a head and a row for each labelled sentiment: how often which was given."""
    head = ("labelled / given", *reading.confusion)
    return [head, *((labelled, *map(str, given.values())) for labelled, given in reading.confusion.items())]


def calibration(reading: Reading) -> Rows:
    """Return a head and a row for each bin of the calibration curves: probability given, share right, number."""
    curves = {"findings": reading.finding_curve, "overall sentiment": reading.sentiment_curve}
    rows = [(name, f"{b.probability:.2f}", f"{b.right:.2f}", str(b.n)) for name, bins in curves.items() for b in bins]
    return [("calibration of", "probability", "right", "n"), *rows]


def pair_rows(tallies: Mapping[str, Tally]) -> Rows:
    """Return a head and a row for each kind of minimal pairs: how many pairs and members were read rightly."""
    head = ("kind", "pairs", "both right", "members right")
    return [
        head,
        *(
            (kind, str(one.pairs), _share(one.right, one.pairs), _share(one.members_right, 2 * one.pairs))
            for kind, one in tallies.items()
        ),
    ]


def _share(right: int, of: int) -> str:
    return f"{right} ({right / of:.0%})" if of else "0"


def _shown(text: str) -> str:
    return text if len(text) <= _SHOWN else text[:_SHOWN].rstrip() + " …"


def write_evaluation(
    folder: Path, readings: Sequence[Reading], *, gold: Sequence[str], pairs: Mapping[str, Tally] | None = None
) -> list[Path]:
    """Write evaluation.json and evaluation.html, which shows the first reading in full, and return their paths.

    The texts of the comments read worst are in both: keep them where the comments may be kept. InputError when the
    folder can't be written.
    """
    from cxnlp.evaluation.plots import calibration_plot, label_plot
    from cxnlp.reports.pages import page_environment

    template = page_environment().get_template("evaluation.html.j2")
    html = template.render(
        reading=readings[0],
        mistakes=[(one, _shown(one.example.text)) for one in readings[0].mistakes],
        gold=gold,
        tables={
            "overview": overview(readings),
            "labels": by_label(readings[0]),
            "confusion": confusion(readings[0]),
            "pairs": pair_rows(pairs) if pairs else [],
        },
        plots={"calibration": calibration_plot(readings[0]), "labels": label_plot(readings[0])},
    )
    files = {folder / "evaluation.json": to_json(readings, pairs or {}), folder / "evaluation.html": html}
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for path, text in files.items():
            path.write_text(text, "utf-8", errors="replace")
    except OSError as error:
        raise InputError(f"{folder} can't be written: {error.strerror}.") from None
    return list(files)
