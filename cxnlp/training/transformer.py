"""Train the transformer analyser: fine-tune, export, calibrate, measure, package (extra `train`)."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict
from pathlib import Path

from cxnlp.analysis.packages import file_digest
from cxnlp.analysis.transformer import Calibration, Encoder, TransformerAnalyser, open_session
from cxnlp.analysis.windows import Pieces
from cxnlp.errors import InputError
from cxnlp.evaluation.figures import Evaluation, evaluate
from cxnlp.evaluation.gold import Example, read_gold
from cxnlp.taxonomy import load_taxonomy
from cxnlp.training.batches import all_labels
from cxnlp.training.calibrate import calibrate
from cxnlp.training.linear import usable
from cxnlp.training.package import name_and_version, write_card, write_package
from cxnlp.training.weak import read_weak

ENCODER_DIGEST = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
"""SHA-256 of the weights of all-MiniLM-L6-v2 (model.safetensors)."""

_TUNING = 1  # the tenth that gives temperatures and thresholds; the dev split gives nothing
_LEAST_FOR_A_ROW = 15


def train_transformer(
    gold: Sequence[Path],
    weak: Path | None,
    folder: Path,
    *,
    encoder: Path,
    work: Path,
    progress: Callable[[str], None] = lambda _: None,
) -> Iterator[str]:
    """Train on gold files and perhaps a folder of weak data sets, write the package, yield the figures in lines.

    `encoder` is the folder of all-MiniLM-L6-v2. `work` keeps a checkpoint of each epoch, from which the same call goes
    on, and the network in full precision. InputError when the encoder is another one or the gold has too little.
    """
    name, version = name_and_version(folder)
    if file_digest(encoder / "model.safetensors") != ENCODER_DIGEST:
        raise InputError(f"{encoder / 'model.safetensors'} is not all-MiniLM-L6-v2 (SHA-256 {ENCODER_DIGEST}).")
    examples = [example for path in gold for example in read_gold(path)]
    dev = [example for example in examples if example.dev]
    tuning = [example for example in examples if example.tenth == _TUNING]
    rest = [example for example in examples if not example.dev and example.tenth != _TUNING]
    if not dev or not tuning or len(rest) < 200:
        raise InputError(f"{len(examples)} labelled comments are too few: 200 and two tenths held out are needed.")
    weakly = usable(list(read_weak(weak)), rest, [*dev, *tuning]) if weak else []
    tokenizer = (encoder / "tokenizer.json").read_text("utf-8")
    recipe = _fit([*rest, *weakly], dev, Pieces.from_json(tokenizer), encoder=encoder, work=work, progress=progress)
    folder.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(work / "eight_bits.onnx", folder / "model.onnx")
    shutil.copyfile(encoder / "tokenizer.json", folder / "tokenizer.json")
    progress("calibrating")
    served = Encoder(open_session(folder / "model.onnx"), Pieces.from_json(tokenizer))
    calibration = calibrate(tuning, list(served.scores(*_asked(tuning))), all_labels())
    progress("measuring")
    full = Encoder(open_session(work / "full.onnx"), Pieces.from_json(tokenizer))
    evaluations = _evaluations(served, full, calibration, dev, model=f"{name}/{version}")
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
            "recipe": recipe,
        },
        metrics={key: one.as_json() for key, one in evaluations.items()},
    )
    digests = [f"| {path.name} | {file_digest(path)} | {sum(1 for _ in read_gold(path))} |" for path in gold]
    if weak:
        digests.append(f"| weakly labelled | see the sources below | {len(weakly)} |")
    facts = {
        "model": f"{name}/{version}",
        "encoder": ENCODER_DIGEST,
        "recipe": ", ".join(f"{key.replace('_', ' ')} {value}" for key, value in recipe.items()),
        "data": "\n".join(digests),
        "taxonomy": load_taxonomy().version,
    }
    write_card(folder, "transformer", evaluations=evaluations, facts=facts)
    for key, one in evaluations.items():
        yield (
            f"{key}: findings F1 {one.micro.f1:.3f}, macro {one.macro_f1:.3f}, six factors {one.factors.f1:.3f}, "
            f"overall {one.overall_accuracy:.3f} on {one.comments} comments"
        )
    yield f"Written to {folder}"


def _fit(
    examples: Sequence[Example],
    dev: Sequence[Example],
    pieces: Pieces,
    *,
    encoder: Path,
    work: Path,
    progress: Callable[[str], None],
) -> dict[str, float]:
    """Fine-tune and export to full.onnx and eight_bits.onnx in `work`; return the recipe."""
    import torch

    from cxnlp.training.export import export_onnx, quantise
    from cxnlp.training.finetune import Recipe, fine_tune, quick_figures
    from cxnlp.training.network import load_network

    recipe, labels = Recipe(), all_labels()
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
    return asdict(recipe)


def _asked(examples: Sequence[Example]) -> tuple[list[str], list[str | None]]:
    return [example.text for example in examples], [example.question for example in examples]


def _evaluations(
    served: Encoder, full: Encoder, calibration: Calibration, dev: Sequence[Example], *, model: str
) -> dict[str, Evaluation]:
    """Return the figures on the dev split as served and in full precision, and as served by data set."""
    pairs = {}
    for name, encoder in (("dev split", served), ("dev split, full precision", full)):
        analyser = TransformerAnalyser(
            encoder, all_labels(), calibration, model=model, taxonomy=load_taxonomy().version
        )
        pairs[name] = analyser.analyse(*_asked(dev))
    figures = {name: evaluate(dev, analyses) for name, analyses in pairs.items()}
    for dataset in sorted({example.dataset for example in dev}):
        rows = [at for at, example in enumerate(dev) if example.dataset == dataset]
        if len(rows) >= _LEAST_FOR_A_ROW:
            figures[f"dev split of {dataset}"] = evaluate(
                [dev[at] for at in rows], [pairs["dev split"][at] for at in rows]
            )
    return figures
