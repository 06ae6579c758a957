"""Train the transformer analyser: fine-tune, export, calibrate, measure, package (extra `train`)."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cxnlp.analysis.packages import file_digest, models_folder
from cxnlp.analysis.transformer import Calibration, Encoder, TransformerAnalyser, open_session
from cxnlp.analysis.windows import Pieces
from cxnlp.errors import InputError, did_you_mean
from cxnlp.evaluation.figures import Evaluation, evaluate
from cxnlp.evaluation.gold import Example, read_gold
from cxnlp.evaluation.pairs import Tally, judge, read_pairs, tally
from cxnlp.evaluation.sectors import sector_names, sector_of
from cxnlp.taxonomy import load_taxonomy
from cxnlp.training.batches import all_labels
from cxnlp.training.calibrate import calibrate
from cxnlp.training.linear import usable
from cxnlp.training.package import name_and_version, write_card, write_package
from cxnlp.training.weak import read_weak

if TYPE_CHECKING:
    from cxnlp.training.finetune import Recipe

ENCODER_DIGEST = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
"""SHA-256 of the weights of all-MiniLM-L6-v2 (model.safetensors)."""

_TUNING = 1  # the tenth that gives temperatures and thresholds; the dev split gives nothing
_LEAST_FOR_A_ROW = 15


@dataclass(frozen=True, slots=True)
class Split:
    """Gold by what it is for: `rest` is trained on, `tuning` calibrates, `dev` and what is `left_out` only measure."""

    rest: tuple[Example, ...]
    tuning: tuple[Example, ...]
    dev: tuple[Example, ...]
    left_out: tuple[Example, ...]


def split(examples: Sequence[Example], leave_out: Sequence[str] = ()) -> Split:
    """Return the split of gold; `leave_out` are names of data sets and sectors.

    InputError when a name is unknown or too little is left: 200 comments and two tenths.
    """
    known = sorted({example.dataset for example in examples}) + list(sector_names())
    for name in leave_out:
        if name not in known:
            raise InputError(f"No data set or sector is called '{name}'.{did_you_mean(name, known)}")
    left = [one for one in examples if one.dataset in leave_out or sector_of(one) in leave_out]
    gone = {example.id for example in left}
    kept = [example for example in examples if example.id not in gone]
    dev = tuple(example for example in kept if example.dev)
    tuning = tuple(example for example in kept if example.tenth == _TUNING)
    rest = tuple(example for example in kept if not example.dev and example.tenth != _TUNING)
    if not dev or not tuning or len(rest) < 200:
        raise InputError(f"{len(kept)} labelled comments are too few: 200 and two tenths held out are needed.")
    return Split(rest, tuning, dev, tuple(left))


def train_transformer(
    gold: Sequence[Path],
    weak: Path | None,
    folder: Path,
    *,
    encoder: Path,
    work: Path,
    epochs: int | None = None,
    leave_out: Sequence[str] = (),
    beside: Sequence[Path] = (),
    progress: Callable[[str], None] = lambda _: None,
) -> Iterator[str]:
    """Train on gold files and perhaps a folder of weak data sets, write the package, yield the figures in lines.

    `encoder` is the folder of all-MiniLM-L6-v2. `work` keeps a checkpoint of each epoch, from which the same call goes
    on, and the network in full precision. Data sets and sectors of `leave_out` are not trained on but measured;
    `beside` are the packages of other runs, whose left-out figures the metrics repeat. InputError when the encoder is
    another one or the gold has too little.
    """
    from cxnlp.training.finetune import Recipe

    name, version = name_and_version(folder)
    if file_digest(encoder / "model.safetensors") != ENCODER_DIGEST:
        raise InputError(f"{encoder / 'model.safetensors'} is not all-MiniLM-L6-v2 (SHA-256 {ENCODER_DIGEST}).")
    parts = split([example for path in gold for example in read_gold(path)], leave_out)
    held_out = [*parts.dev, *parts.tuning, *parts.left_out]
    weakly = usable(list(read_weak(weak)), parts.rest, held_out) if weak else []
    recipe = Recipe() if epochs is None else Recipe(epochs=epochs)
    tokenizer = (encoder / "tokenizer.json").read_text("utf-8")
    pieces = Pieces.from_json(tokenizer)
    _fit([*parts.rest, *weakly], parts.dev, pieces, recipe, encoder=encoder, work=work, progress=progress)
    folder.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(work / "eight_bits.onnx", folder / "model.onnx")
    shutil.copyfile(encoder / "tokenizer.json", folder / "tokenizer.json")
    progress("calibrating")
    served = Encoder(open_session(folder / "model.onnx"), pieces)
    calibration = calibrate(parts.tuning, list(served.scores(*_asked(parts.tuning))), all_labels())
    progress("measuring")
    analyser = _analyser(served, calibration, model=f"{name}/{version}")
    full = _analyser(Encoder(open_session(work / "full.onnx"), pieces), calibration, model=analyser.model)
    evaluations = _evaluations(analyser, full, parts)
    metrics = {key: one.as_json() for key, one in evaluations.items()} | _left_out_elsewhere(beside)
    tallies = tally(judge(read_pairs(models_folder() / "gold/pairs.jsonl"), analyser))
    write_package(
        folder,
        kind="transformer",
        files=["model.onnx", "tokenizer.json"],
        config={
            "labels": list(all_labels()),
            "temperatures": calibration.temperatures,
            "thresholds": calibration.thresholds,
            "overall_temperature": calibration.overall,
            "span_fraction": calibration.fraction,
            "encoder": ENCODER_DIGEST,
            "recipe": asdict(recipe),
        },
        metrics={**metrics, "minimal pairs": {kind: one.as_json() for kind, one in tallies.items()}},
    )
    digests = [f"| {path.name} | {file_digest(path)} | {sum(1 for _ in read_gold(path))} |" for path in gold]
    if weak:
        digests.append(f"| weakly labelled | see the sources below | {len(weakly)} |")
    facts = {
        "model": analyser.model,
        "encoder": ENCODER_DIGEST,
        "recipe": ", ".join(f"{key.replace('_', ' ')} {value}" for key, value in asdict(recipe).items()),
        "data": "\n".join(digests),
        "taxonomy": load_taxonomy().version,
        "pairs": "\n".join(_pair_rows(tallies)),
    }
    write_card(folder, "transformer", metrics=metrics, facts=facts)
    for key, one in evaluations.items():
        yield (
            f"{key}: findings F1 {one.micro.f1:.3f}, macro {one.macro_f1:.3f}, six factors {one.factors.f1:.3f}, "
            f"overall {one.overall_accuracy:.3f} on {one.comments} comments"
        )
    both = tallies["all"]
    yield f"minimal pairs: {both.right} of {both.pairs} right, {both.members_right} of {2 * both.pairs} members"
    yield f"Written to {folder}"


def _pair_rows(tallies: Mapping[str, Tally]) -> Iterator[str]:
    yield "| kind | pairs | both right | members right |"
    yield "|---|---|---|---|"
    for kind, one in tallies.items():
        yield f"| {kind} | {one.pairs} | {one.right} | {one.members_right} |"


def _fit(
    examples: Sequence[Example],
    dev: Sequence[Example],
    pieces: Pieces,
    recipe: Recipe,
    *,
    encoder: Path,
    work: Path,
    progress: Callable[[str], None],
) -> None:
    """Fine-tune and export to full.onnx and eight_bits.onnx in `work`."""
    import torch

    from cxnlp.training.export import export_onnx, quantise
    from cxnlp.training.finetune import fine_tune, quick_figures
    from cxnlp.training.network import load_network

    labels = all_labels()
    torch.manual_seed(recipe.seed)
    network = load_network(encoder, len(labels))
    fine_tune(
        network,
        examples,
        pieces,
        labels,
        recipe=recipe,
        folder=work,
        measure=lambda fitted: quick_figures(fitted, dev, pieces, labels),
        progress=progress,
    )
    progress("exporting")
    export_onnx(network, work / "full.onnx")
    quantise(work / "full.onnx", work / "eight_bits.onnx")


def _asked(examples: Sequence[Example]) -> tuple[list[str], list[str | None]]:
    return [example.text for example in examples], [example.question for example in examples]


def _analyser(encoder: Encoder, calibration: Calibration, *, model: str) -> TransformerAnalyser:
    return TransformerAnalyser(encoder, all_labels(), calibration, model=model, taxonomy=load_taxonomy().version)


def _evaluations(analyser: TransformerAnalyser, full: TransformerAnalyser, parts: Split) -> dict[str, Evaluation]:
    """Return the figures on the dev split, as served and in full precision, by part; and on what was left out."""
    analyses = analyser.analyse(*_asked(parts.dev))
    figures = {
        "dev split": evaluate(parts.dev, analyses),
        "dev split, full precision": evaluate(parts.dev, full.analyse(*_asked(parts.dev))),
    }
    for name, rows in _groups(parts.dev).items():
        figures[f"dev split of {name}"] = evaluate([parts.dev[at] for at in rows], [analyses[at] for at in rows])
    if parts.left_out:
        apart = analyser.analyse(*_asked(parts.left_out))
        for name, rows in _groups(parts.left_out).items():
            given = [apart[at] for at in rows]
            figures[f"{name}{_LEFT_OUT}"] = evaluate([parts.left_out[at] for at in rows], given)
    return figures


_LEFT_OUT = ", trained without it"


def _groups(examples: Sequence[Example]) -> dict[str, list[int]]:
    """Return the places of the examples of each data set and of each sector of written comments, if enough."""
    groups: dict[str, list[int]] = {}
    for at, example in enumerate(examples):
        for name in (example.dataset, *([f"{sector_of(example)} (written)"] if example.industry else [])):
            groups.setdefault(name, []).append(at)
    return {name: rows for name, rows in sorted(groups.items()) if len(rows) >= _LEAST_FOR_A_ROW}


def _left_out_elsewhere(packages: Sequence[Path]) -> dict[str, Any]:
    read = [json.loads((folder / "metrics.json").read_text("utf-8")) for folder in packages]
    return {name: one for metrics in read for name, one in metrics.items() if name.endswith(_LEFT_OUT)}
