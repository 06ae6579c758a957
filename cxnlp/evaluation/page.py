"""An evaluation as people read it: a table on the terminal, a page with plots, a file of figures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from cxnlp.errors import InputError
from cxnlp.evaluation.comparison import Reading, to_json
from cxnlp.evaluation.figures import Counts
from cxnlp.evaluation.pairs import Tally

Rows = list[tuple[str, ...]]


def overview(readings: Sequence[Reading]) -> Rows:
    """Return a head and a row for each analyser, as texts; F1 and accuracy with their 95 % intervals."""
    head = ("model", "findings F1", "P", "R", "macro F1", "six factors", "overall", "span", "ECE", "comments/s")
    return [head, *(_overview_row(one) for one in readings)]


def _overview_row(one: Reading) -> tuple[str, ...]:
    figures, intervals = one.evaluation, one.intervals
    span = "" if figures.span_overlap is None else f"{figures.span_overlap:.3f}"
    return (
        one.model,
        _with(figures.micro.f1, intervals.micro),
        f"{figures.micro.precision:.3f}",
        f"{figures.micro.recall:.3f}",
        f"{figures.macro_f1:.3f}",
        _with(figures.factors.f1, intervals.factors),
        _with(figures.overall_accuracy, intervals.overall),
        span,
        f"{figures.ece:.3f}",
        f"{figures.comments / max(one.seconds, 1e-9):,.0f}",
    )


def _with(value: float, interval: tuple[float, float]) -> str:
    return f"{value:.3f} ({interval[0]:.3f}-{interval[1]:.3f})"


def by_label(reading: Reading) -> Rows:
    """Return a head and a row for each label and for churn: precision, recall, F1 with interval, support."""
    head = ("label", "precision", "recall", "F1", "support")
    evaluation, intervals = reading.evaluation, reading.intervals.labels
    rows = [_label_row(label, counts, intervals[label]) for label, counts in sorted(evaluation.labels.items())]
    return [head, *rows, _label_row("churn", evaluation.churn, None)]


def _label_row(label: str, counts: Counts, interval: tuple[float, float] | None) -> tuple[str, ...]:
    f1 = f"{counts.f1:.3f}" if interval is None else _with(counts.f1, interval)
    return label, f"{counts.precision:.3f}", f"{counts.recall:.3f}", f1, str(counts.support)


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


def write_evaluation(folder: Path, readings: Sequence[Reading], *, gold: Sequence[str]) -> list[Path]:
    """Write evaluation.json and evaluation.html, which shows the first reading in full, and return their paths.

    The texts of the comments read worst are in both: keep them where the comments may be kept.
    InputError when the plots can't be drawn.
    """
    from cxnlp.reports.pages import page_environment

    try:
        from cxnlp.evaluation.plots import calibration_plot, label_plot

        plots = {"calibration": calibration_plot(readings[0]), "labels": label_plot(readings[0])}
    except ImportError:
        raise InputError("The plots need matplotlib: pip install 'cxnlp[evaluate]'.") from None
    folder.mkdir(parents=True, exist_ok=True)
    figures, page = folder / "evaluation.json", folder / "evaluation.html"
    figures.write_text(to_json(readings), "utf-8")
    template = page_environment().get_template("evaluation.html.j2")
    tables = {"overview": overview(readings), "labels": by_label(readings[0])}
    page.write_text(template.render(reading=readings[0], gold=gold, tables=tables, plots=plots), "utf-8")
    return [figures, page]
