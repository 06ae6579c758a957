"""Accuracy against speed of the ways to read with a transformer package; writes frontier.svg beside its card.

    python tests/benchmarks/bench_frontier.py models/minilm/1.2.0 GOLD [GOLD ...]

Accuracy is that of the dev split of the gold; speed is the median of rounds over distinct comments of it, in which the
ways take turns. The ways: the linear model, the lower half of the encoder alone, leaving early at several margins, all
layers.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path
from statistics import median

from cxnlp.analysis.base import Analyser
from cxnlp.analysis.packages import BASELINE, Package, load_analyser, open_package
from cxnlp.analysis.transformer import Calibration, Early, load_transformer
from cxnlp.evaluation.figures import evaluate
from cxnlp.evaluation.gold import Example, read_gold

ROUNDS = 3
TIMED = 400
MARGINS = (0.1, 0.25, 0.5, 1.0)
COLOURS = {"lower half alone": "#9c3a0b", "all layers": "#14507f"}


def ways(package: Package) -> dict[str, Analyser]:
    """Return the analysers to compare by name."""
    config = package.config
    ahead = Calibration(**config["early"])
    decisions = {"lower half alone": lambda _: True}
    for margin in sorted({*MARGINS, config["early_margin"] or 0.0} - {0.0}):
        decisions[f"margin {margin:g}"] = Early(ahead, margin).sure(config["labels"])
    decisions["all layers"] = lambda _: False
    read = {
        name: load_transformer(package.folder, config, model=package.model, sure=sure)
        for name, sure in decisions.items()
    }
    return {BASELINE: load_analyser(BASELINE), **read}


def measure(found: dict[str, Analyser], dev: list[Example]) -> dict[str, tuple[float, float, float]]:
    """Return (comments per second, F1, overall accuracy) of each way and print them."""
    distinct = list({(example.text, example.question): example for example in dev}.values())[:TIMED]
    texts, questions = [one.text for one in distinct], [one.question for one in distinct]
    seconds: dict[str, list[float]] = {name: [] for name in found}
    for _ in range(ROUNDS):
        for name, analyser in found.items():
            started = time.perf_counter()
            analyser.analyse(texts, questions)
            seconds[name].append(time.perf_counter() - started)
    points = {}
    for name, analyser in found.items():
        figures = evaluate(dev, analyser.analyse([one.text for one in dev], [one.question for one in dev]))
        points[name] = (len(texts) / median(seconds[name]), figures.micro.f1, figures.overall_accuracy)
        print(f"{name:18} {points[name][0]:8.1f} comments/s  F1 {points[name][1]:.3f}  overall {points[name][2]:.3f}")
    return points


def plot(points: dict[str, tuple[float, float, float]], served: str, path: Path) -> None:
    """Draw F1 against comments per second, of the ways to read with the encoder."""
    import matplotlib
    from matplotlib.figure import Figure

    figure = Figure(figsize=(6.4, 4.2), layout="constrained")
    axes = figure.add_subplot()
    drawn = {name: point for name, point in points.items() if name != BASELINE}  # far below the others
    axes.plot([one[0] for one in drawn.values()], [one[1] for one in drawn.values()], color="#dde2e6", zorder=0)
    for name, (speed, f1, _) in drawn.items():
        axes.scatter([speed], [f1], color=COLOURS.get(name, "#566069"), s=60 if name == served else 24)
        label = f"{name} (served)" if name == served else name
        axes.annotate(label, (speed, f1), xytext=(6, 5), textcoords="offset points", fontsize=8)
    axes.set(xlabel="comments per second, two cores", ylabel="F1 of findings, dev split")
    axes.margins(x=0.25)
    axes.spines[["top", "right"]].set_visible(False)
    with matplotlib.rc_context({"svg.hashsalt": "cxnlp"}):
        figure.savefig(path, metadata={"Date": None, "Creator": None})


def main() -> None:
    """Run what the command line says."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("package", type=Path)
    parser.add_argument("gold", type=Path, nargs="+")
    options = parser.parse_args()
    package = open_package(options.package)
    dev = [example for path in options.gold for example in read_gold(path) if example.dev]
    print(f"{len(dev):,} comments of the dev split")
    points = measure(ways(package), dev)
    margin = package.config["early_margin"]
    plot(points, "all layers" if margin is None else f"margin {margin:g}", options.package / "frontier.svg")


if __name__ == "__main__":
    main()
