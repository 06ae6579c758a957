"""Train the transformer analyser: fine-tune, export, calibrate, measure, package (extra `train`)."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cxnlp.analysis.packages import file_digest, models_folder
from cxnlp.analysis.transformer import HALVES, Calibration, Early, Encoder, TransformerAnalyser, open_session
from cxnlp.analysis.windows import Pieces
from cxnlp.errors import InputError, did_you_mean
from cxnlp.evaluation.figures import Evaluation, Mistake, evaluate, worst
from cxnlp.evaluation.gold import Example, read_gold
from cxnlp.evaluation.pairs import Tally, judge, read_pairs, tally
from cxnlp.evaluation.sectors import sector_names, sector_of
from cxnlp.taxonomy import load_taxonomy
from cxnlp.training.batches import all_labels
from cxnlp.training.calibrate import best_margin, calibrate
from cxnlp.training.linear import usable
from cxnlp.training.package import building, lines_of, name_and_version, write_card, write_package
from cxnlp.training.weak import read_weak, texts_of, without_texts_of

if TYPE_CHECKING:
    from cxnlp.training.finetune import Recipe

ENCODER_DIGEST = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
"""SHA-256 of the weights of all-MiniLM-L6-v2 (model.safetensors)."""

_TUNING = 1  # the tenth that gives temperatures and thresholds; the dev split gives nothing
_LEAST_FOR_A_ROW = 15
_FAILURES = 20
_SHOWN = 200  # characters


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
    left = [one for one in examples if _is_of(one, leave_out)]
    gone = {example.id for example in left}
    kept = [example for example in examples if example.id not in gone]
    dev = tuple(example for example in kept if example.dev)
    tuning = tuple(example for example in kept if example.tenth == _TUNING)
    taught = [example for example in kept if not example.dev and example.tenth != _TUNING]
    rest = tuple(without_texts_of(taught, [*dev, *tuning, *left]))
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
    texts: Path | None = None,
    leave_out: Sequence[str] = (),
    beside: Sequence[Path] = (),
    progress: Callable[[str], None] = lambda _: None,
) -> Iterator[str]:
    """Train on gold files and perhaps a folder of weak data sets, write the package, yield the figures in lines.

    `encoder` is the folder of all-MiniLM-L6-v2. `work` keeps a checkpoint of each epoch, from which the same call goes
    on, and the network in full precision. `texts` is a folder of public data sets, for gold without texts. Data sets
    and sectors of `leave_out` are not trained on but measured; `beside` are the packages of other runs, whose left-out
    figures the metrics repeat. InputError when the encoder is another one or the gold has too little.
    """
    from cxnlp.training.finetune import Recipe

    name, version = name_and_version(folder)
    _check_encoder(encoder)
    elsewhere, pairs = _left_out_elsewhere(beside), read_pairs(models_folder() / "gold/pairs.jsonl")
    known = texts_of(texts)
    parts = split([example for path in gold for example in read_gold(path, known)], leave_out)
    weakly = _weak_for(parts, weak, leave_out)
    recipe = Recipe() if epochs is None else Recipe(epochs=epochs)
    pieces = Pieces.from_json((encoder / "tokenizer.json").read_text("utf-8"))
    _fit([*parts.rest, *weakly], parts.dev, pieces, recipe, encoder=encoder, work=work, progress=progress)
    progress("calibrating")
    served = _served(work, pieces, parts, model=f"{name}/{version}")
    progress("none leaves early" if served.early.margin is None else f"margin to leave early: {served.early.margin}")
    progress("measuring")
    evaluations = _evaluations(served.analyser, served.others, parts, leave_out)
    metrics = _joined({key: one.as_json() for key, one in evaluations.items()}, elsewhere)
    tallies = tally(judge(pairs, served.analyser))
    with building(folder) as package:
        for half in HALVES:
            shutil.copyfile(work / f"eight_bits_{half}.onnx", package / f"{half}.onnx")
        shutil.copyfile(encoder / "tokenizer.json", package / "tokenizer.json")
        write_package(
            package,
            name=name,
            version=version,
            kind="transformer",
            files=[*(f"{half}.onnx" for half in HALVES), "tokenizer.json"],
            config=served.config() | {"encoder": ENCODER_DIGEST, "recipe": asdict(recipe)},
            metrics={**metrics, "minimal pairs": {kind: one.as_json() for kind, one in tallies.items()}},
        )
        facts = {"data": "\n".join(_sources(gold, len(weakly))), "pairs": "\n".join(_pair_rows(tallies))}
        write_card(package, "transformer", metrics=metrics, facts=facts | _facts(served, recipe, parts.dev))
    yield from _told(evaluations, tallies["all"])
    yield f"Written to {folder}"


def _sources(gold: Sequence[Path], weakly: int) -> Iterator[str]:
    yield from (f"| {path.name} | {file_digest(path)} | {lines_of(path)} |" for path in gold)
    if weakly:
        yield f"| weakly labelled | see the sources below | {weakly} |"


def _facts(served: _Served, recipe: Recipe, dev: Sequence[Example]) -> dict[str, str]:
    return {
        "model": served.analyser.model,
        "encoder": ENCODER_DIGEST,
        "recipe": ", ".join(f"{key.replace('_', ' ')} {value}" for key, value in asdict(recipe).items()),
        "taxonomy": load_taxonomy().version,
        "margin": "none leaves early" if served.early.margin is None else f"{served.early.margin:g}",
        "failures": "\n".join(_failures(dev, served.analyser)),
    }


def _told(evaluations: Mapping[str, Evaluation], both: Tally) -> Iterator[str]:
    for key, one in evaluations.items():
        yield (
            f"{key}: findings F1 {one.micro.f1:.3f}, macro {one.macro_f1:.3f}, six factors {one.factors.f1:.3f}, "
            f"overall {one.overall_accuracy:.3f} on {one.comments} comments"
        )
    yield f"minimal pairs: {both.right} of {both.pairs} right, {both.members_right} of {2 * both.pairs} members"


@dataclass(frozen=True, slots=True)
class _Served:
    """A calibrated analyser as it will be served, and `others` that read in other ways, by name."""

    analyser: TransformerAnalyser
    others: Mapping[str, TransformerAnalyser]
    whole: Calibration
    early: Early

    def config(self) -> dict[str, Any]:
        """Return what the config.json says of it."""
        return {
            "labels": list(all_labels()),
            "calibration": self.whole.as_json(),
            "early": self.early.calibration.as_json(),
            "early_margin": self.early.margin,
        }


def _served(work: Path, pieces: Pieces, parts: Split, *, model: str) -> _Served:
    """Calibrate the exported network of `work` on the tuning tenth."""
    labels = all_labels()
    halves, exact = ([open_session(work / f"{bits}_{half}.onnx") for half in HALVES] for bits in ("eight_bits", "full"))
    late = list(Encoder(halves, pieces).scores(*_asked(parts.tuning)))
    soon = list(Encoder(halves, pieces, sure=lambda _: True).scores(*_asked(parts.tuning)))
    whole, ahead = calibrate(parts.tuning, late, labels), calibrate(parts.tuning, soon, labels)
    early = Early(ahead, best_margin(parts.tuning, soon, late, labels, calibrations=(ahead, whole)))
    others = {
        "all layers": Encoder(halves, pieces),
        "lower half": Encoder(halves, pieces, sure=lambda _: True),
        "all layers, full precision": Encoder(exact, pieces),
    }
    return _Served(
        _analyser(Encoder(halves, pieces, sure=early.sure(labels)), whole, ahead, model=model),
        {way: _analyser(one, whole, ahead, model=model) for way, one in others.items()},
        whole,
        early,
    )


def _check_encoder(encoder: Path) -> None:
    """Refuse a folder that isn't all-MiniLM-L6-v2 before anything is read."""
    for file in ("config.json", "model.safetensors", "tokenizer.json"):
        if not (encoder / file).is_file():
            raise InputError(f"{encoder} lacks {file}; name the folder of all-MiniLM-L6-v2.")
    if file_digest(encoder / "model.safetensors") != ENCODER_DIGEST:
        raise InputError(f"{encoder / 'model.safetensors'} is not all-MiniLM-L6-v2 (SHA-256 {ENCODER_DIGEST}).")


def _weak_for(parts: Split, weak: Path | None, leave_out: Sequence[str]) -> list[Example]:
    """Return the weak examples to train on: none of what is left out, nor of what is held out."""
    if weak is None:
        return []
    kept = [one for one in read_weak(weak) if not _is_of(one, leave_out)]
    return usable(kept, parts.rest, [*parts.dev, *parts.tuning, *parts.left_out])


def _is_of(example: Example, names: Sequence[str]) -> bool:
    return example.dataset in names or sector_of(example) in names


def _failures(dev: Sequence[Example], analyser: TransformerAnalyser) -> Iterator[str]:
    """Yield the comments read worst, of those that may be shown: the project's own."""
    own = [example for example in dev if example.dataset == "own" and len(example.text) < _SHOWN]
    for one in worst(own, analyser.analyse(*_asked(own)), most=_FAILURES):
        yield f"- {json.dumps(one.example.text, ensure_ascii=False)}: " + "; ".join(_faults(one))


def _faults(one: Mistake) -> Iterator[str]:
    if one.missed:
        yield "misses " + ", ".join(sorted(one.missed))
    if one.wrong:
        yield "gives " + ", ".join(sorted(one.wrong))
    if one.analysis.overall is not one.example.overall:
        yield f"overall {one.analysis.overall}, not {one.example.overall}"


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
    """Fine-tune and export both halves to full_*.onnx and eight_bits_*.onnx in `work`."""
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
    export_onnx(network, *(work / f"full_{half}.onnx" for half in HALVES))
    for half in HALVES:
        quantise(work / f"full_{half}.onnx", work / f"eight_bits_{half}.onnx")


def _asked(examples: Sequence[Example]) -> tuple[list[str], list[str | None]]:
    return [example.text for example in examples], [example.question for example in examples]


def _analyser(encoder: Encoder, whole: Calibration, ahead: Calibration, *, model: str) -> TransformerAnalyser:
    taxonomy = load_taxonomy().version
    return TransformerAnalyser(encoder, all_labels(), whole, early=ahead, model=model, taxonomy=taxonomy)


def _evaluations(
    analyser: TransformerAnalyser, others: Mapping[str, TransformerAnalyser], parts: Split, leave_out: Sequence[str]
) -> dict[str, Evaluation]:
    """Return the figures on the dev split, as served, in other ways, and by part; and on what was left out."""
    analyses = analyser.analyse(*_asked(parts.dev))
    figures = {"dev split": evaluate(parts.dev, analyses)}
    for way, other in others.items():
        figures[f"dev split, {way}"] = evaluate(parts.dev, other.analyse(*_asked(parts.dev)))
    for name, rows in groups(parts.dev).items():
        figures[f"dev split of {name}"] = evaluate([parts.dev[at] for at in rows], [analyses[at] for at in rows])
    if parts.left_out:
        apart = analyser.analyse(*_asked(parts.left_out))
        taught = {example.dataset for example in (*parts.rest, *parts.tuning, *parts.dev)}
        sectors = {f"{name}{_WRITTEN}" for name in leave_out}
        for name, rows in groups(parts.left_out).items():
            # Of the others only a part was left out.
            if name in sectors or not (name.endswith(_WRITTEN) or name in taught):
                given = [apart[at] for at in rows]
                figures[f"{name}{_LEFT_OUT}"] = evaluate([parts.left_out[at] for at in rows], given)
    return figures


_WRITTEN = " (written)"
_LEFT_OUT = ", trained without it"


def groups(examples: Sequence[Example]) -> dict[str, list[int]]:
    """Return the places of the examples of each data set and of each sector of written comments, 15 or more of each."""
    found: dict[str, list[int]] = {}
    for at, example in enumerate(examples):
        for name in (example.dataset, *([sector_of(example) + _WRITTEN] if example.industry else [])):
            found.setdefault(name, []).append(at)
    return {name: rows for name, rows in sorted(found.items()) if len(rows) >= _LEAST_FOR_A_ROW}


def _left_out_elsewhere(packages: Sequence[Path]) -> dict[str, Any]:
    """Return the figures that other packages have of what they were trained without."""
    metrics: dict[str, Any] = {}
    for folder in packages:
        try:
            read = json.loads((folder / "metrics.json").read_text("utf-8"))
        except (OSError, ValueError) as error:
            raise InputError(f"{folder / 'metrics.json'} can't be read: {error}") from None
        metrics = _joined(metrics, {name: one for name, one in read.items() if name.endswith(_LEFT_OUT)})
    return metrics


def _joined(one: dict[str, Any], other: dict[str, Any]) -> dict[str, Any]:
    for name in one.keys() & other.keys():
        raise InputError(f"Two runs measured '{name}'; name one of them with --beside.")
    return one | other
