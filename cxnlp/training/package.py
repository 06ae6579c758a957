"""Write a model package: the model's files, config.json with their digests, metrics.json and a card."""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib import resources
from pathlib import Path
from typing import Any

from cxnlp.analysis.packages import file_digest
from cxnlp.errors import InputError
from cxnlp.taxonomy import load_taxonomy


def name_and_version(folder: Path) -> tuple[str, str]:
    """Return ("linear", "1.0.0") of models/linear/1.0.0. InputError when the folder is not empty."""
    if folder.exists() and any(folder.iterdir()):
        raise InputError(f"{folder} is not empty; a version is never overwritten, name a new one.")
    return folder.resolve().parent.name, folder.resolve().name


def lines_of(path: Path) -> int:
    """Return how many lines of a file hold something."""
    return sum(bool(line.strip()) for line in path.read_text("utf-8").split("\n"))


@contextmanager
def building(folder: Path) -> Iterator[Path]:
    """Yield where a package is put together; it becomes `folder` when it is whole, and nothing is left if it fails."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    place = Path(tempfile.mkdtemp(dir=folder.parent, prefix=f".{folder.name}."))
    try:
        yield place
        place.chmod(0o755)
        if folder.exists():
            folder.rmdir()  # empty, or it would have been refused
        place.rename(folder)
    except BaseException:
        shutil.rmtree(place, ignore_errors=True)
        raise


def write_package(
    folder: Path,
    *,
    name: str,
    version: str,
    kind: str,
    files: Sequence[str],
    config: Mapping[str, Any],
    metrics: Mapping[str, object],
) -> None:
    """Complete a package whose model files already stand in `folder`."""
    whole = {
        "name": name,
        "version": version,
        "kind": kind,
        "taxonomy": load_taxonomy().version,
        **config,
        "files": {file: file_digest(folder / file) for file in files},
    }
    (folder / "config.json").write_text(json.dumps(whole, indent=1) + "\n", "utf-8")
    (folder / "metrics.json").write_text(json.dumps(metrics, indent=1) + "\n", "utf-8")


def write_card(
    folder: Path, template: str, *, metrics: Mapping[str, Any], facts: Mapping[str, str], by_label: str = "dev split"
) -> None:
    """Write README.md from a card template of cxnlp/data/cards: {facts} are filled in, then tables of the figures.

    `metrics` are what metrics.json holds: an Evaluation's JSON by the name of the data; `by_label` names the one whose
    labels have a table.
    """
    text = resources.files("cxnlp").joinpath(f"data/cards/{template}.md").read_text("utf-8")
    for key, value in facts.items():
        text = text.replace("{" + key + "}", value)
    tables = "\n".join([*_overview(metrics), "", *_by_label(metrics[by_label])])
    (folder / "README.md").write_text(text.replace("{tables}", tables), "utf-8")


def _overview(metrics: Mapping[str, Any]) -> list[str]:
    rows = [
        "| data | comments | findings F1 (P / R) | macro F1 | six factors, negative F1 | overall accuracy | ECE "
        "| span overlap |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for name, one in metrics.items():
        micro = one["micro"]
        spans = "" if one["span_overlap"] is None else f"{one['span_overlap']:.3f}"
        rows.append(
            f"| {name} | {one['comments']} | {micro['f1']:.3f} ({micro['precision']:.3f} / {micro['recall']:.3f}) | "
            f"{one['macro_f1']:.3f} | {one['factors_negative']['f1']:.3f} | {one['overall_accuracy']:.3f} | "
            f"{one['overall_ece']:.3f} | {spans} |"
        )
    return rows


def _by_label(evaluation: Mapping[str, Any]) -> list[str]:
    rows = ["| label | precision | recall | F1 | support |", "|---|---|---|---|---|"]
    for label, counts in [*evaluation["labels"].items(), ("churn", evaluation["churn"])]:
        figures = " | ".join(f"{counts[name]:.3f}" for name in ("precision", "recall", "f1"))
        rows.append(f"| {label} | {figures} | {counts['support']} |")
    return rows
