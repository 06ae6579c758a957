"""The plots of an evaluation as SVG: calibration, and F1 by label with its interval."""

from __future__ import annotations

import base64
import io
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from cxnlp.analysis.rules import label_of
from cxnlp.evaluation.figures import Bin
from cxnlp.records import Polarity
from cxnlp.taxonomy import load_taxonomy

if TYPE_CHECKING:
    from cxnlp.evaluation.comparison import Reading

_COLOURS = {Polarity.NEGATIVE: "#9c3a0b", Polarity.NEUTRAL: "#8a939b", Polarity.POSITIVE: "#14507f"}
_LEAST = 5  # labelled comments from which an F1 is drawn


def calibration_plot(reading: Reading) -> str:
    """Return the calibration curves of sentiment and findings as the address (data:) of an image."""
    figure, axes = _figure(4.6, 4.0)
    axes.plot([0, 1], [0, 1], color="#dde2e6", linewidth=1)
    _curve(axes, reading.finding_curve, "findings", "#9c3a0b")
    _curve(axes, reading.sentiment_curve, "overall sentiment", "#14507f")
    axes.set(xlabel="probability given", ylabel="share that was right", xlim=(0, 1), ylim=(0, 1))
    axes.legend(frameon=False, loc="upper left")
    return _address(figure)


def _curve(axes: Any, bins: Sequence[Bin], name: str, colour: str) -> None:
    most = max((one.n for one in bins), default=1)
    axes.plot([one.probability for one in bins], [one.right for one in bins], color=colour, label=name)
    sizes = [10 + 60 * one.n / most for one in bins]
    axes.scatter([one.probability for one in bins], [one.right for one in bins], s=sizes, color=colour)


def label_plot(reading: Reading) -> str:
    """Return F1 with its 95 % interval by topic and polarity as the address (data:) of an image."""
    topics = load_taxonomy().topics
    figure, axes = _figure(7.4, 5.6)
    for shift, polarity in zip((-0.22, 0.0, 0.22), Polarity, strict=True):
        rows = [
            (at + shift, reading.evaluation.labels[label].f1, reading.intervals.labels[label].f1)
            for at, topic in enumerate(topics)
            if (label := label_of(topic.id, polarity)) in reading.evaluation.labels
            and reading.evaluation.labels[label].support >= _LEAST
        ]
        places, values = [row[0] for row in rows], [row[1] for row in rows]
        for place, _, interval in rows:
            if interval is not None:
                axes.hlines(place, *interval, color=_COLOURS[polarity], alpha=0.4)
        axes.scatter(values, places, s=22, color=_COLOURS[polarity], label=str(polarity))
    axes.set(xlim=(0, 1), ylim=(-0.6, len(topics) - 0.4), xlabel="F1")
    axes.set_yticks(range(len(topics)), [topic.name for topic in topics])
    axes.invert_yaxis()
    axes.grid(axis="x", color="#eef1f3")
    axes.legend(frameon=False, ncols=3, loc="lower center", bbox_to_anchor=(0.5, 1.0))
    return _address(figure)


def _figure(width: float, height: float) -> tuple[Any, Any]:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), layout="constrained")
    axes = figure.add_subplot()
    axes.spines[["top", "right"]].set_visible(False)
    return figure, axes


def _address(figure: Any) -> str:
    import matplotlib

    image = io.BytesIO()
    # Without a date and with a fixed salt for its ids, the same figures give the same bytes.
    with matplotlib.rc_context({"svg.hashsalt": "cxnlp"}):
        figure.savefig(image, format="svg", metadata={"Date": None, "Creator": None})
    return "data:image/svg+xml;base64," + base64.b64encode(image.getvalue()).decode()
