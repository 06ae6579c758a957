"""Fine-tune the network: AdamW, warm-up and linear decay, a checkpoint after each epoch (PyTorch; extra `train`)."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from cxnlp.analysis.windows import Pieces
from cxnlp.errors import InputError
from cxnlp.evaluation.gold import Example
from cxnlp.training.batches import UNKNOWN, Batch, batches
from cxnlp.training.network import Network, loss_of

_SHOW_EVERY = 50


@dataclass(frozen=True, slots=True)
class Recipe:
    """How to fine-tune: learning rates of the encoder and of the heads rise to these and fall to nothing."""

    epochs: int = 5
    batch: int = 16
    encoder_rate: float = 1.5e-4
    head_rate: float = 1e-3
    warm_up: float = 0.1
    decay: float = 0.01
    seed: int = 20261124


def rate_at(step: int, *, steps: int, warm_up: float) -> float:
    """Return the share of the highest learning rate at a step: up within the share `warm_up` of steps, then down to 0.

    >>> [round(rate_at(step, steps=10, warm_up=0.2), 2) for step in (0, 1, 2, 9)]
    [0.5, 1.0, 1.0, 0.12]
    """
    rising = max(1.0, warm_up * steps)
    return min((step + 1) / rising, (steps - step) / max(1.0, steps - rising), 1.0)


def fine_tune(
    network: Network,
    examples: Sequence[Example],
    pieces: Pieces,
    labels: Sequence[str],
    *,
    recipe: Recipe,
    folder: Path,
    measure: Callable[[Network], str],
    progress: Callable[[str], None],
) -> None:
    """Fine-tune in place; goes on after the last epoch that a checkpoint of the same run in `folder` holds.

    Order, augmentation and dropout of an epoch depend on the seed and its number alone, so a resumed run equals an
    unbroken one. InputError when the folder holds a run of another recipe or other data.
    """
    optimiser = _optimiser(network, recipe)
    run = {"recipe": asdict(recipe), "data": _data_digest(network, examples, labels)}
    done = _resume(folder, network, optimiser, run)
    each = -(-len(examples) // recipe.batch)
    steps = recipe.epochs * each
    for epoch in range(done, recipe.epochs):
        torch.manual_seed(recipe.seed + epoch)
        network.train()
        step, started, losses = epoch * each, time.monotonic(), []
        for batch in batches(examples, pieces, labels, size=recipe.batch, seed=recipe.seed + epoch):
            rate = rate_at(step, steps=steps, warm_up=recipe.warm_up)
            losses.append(_step(network, optimiser, batch, rate=rate))
            step += 1
            if step % _SHOW_EVERY == 0:
                spent = time.monotonic() - started
                progress(f"step {step} of {steps}, loss {np.mean(losses[-_SHOW_EVERY:]):.3f}, {spent:.0f} s")
        progress(f"epoch {epoch + 1} of {recipe.epochs}: {measure(network)}")
        _save(folder, network, optimiser, run, epoch + 1)


def _step(network: Network, optimiser: torch.optim.AdamW, batch: Batch, *, rate: float) -> float:
    for group in optimiser.param_groups:
        group["lr"] = group["highest"] * rate
    loss = loss_of(network, batch)
    optimiser.zero_grad()
    loss.backward()
    torch.nn.utils.clip_grad_norm_(network.parameters(), 1.0)
    optimiser.step()
    return float(loss.item())


def _optimiser(network: Network, recipe: Recipe) -> torch.optim.AdamW:
    encoder = [parameter for parameter in network.encoder.parameters() if parameter.requires_grad]
    heads = [parameter for name, parameter in network.named_parameters() if not name.startswith("encoder.")]
    groups: list[dict[str, Any]] = [
        {"params": encoder, "highest": recipe.encoder_rate},
        {"params": heads, "highest": recipe.head_rate},
    ]
    return torch.optim.AdamW(groups, lr=recipe.encoder_rate, weight_decay=recipe.decay, fused=True)


def _data_digest(network: Network, examples: Sequence[Example], labels: Sequence[str]) -> str:
    """Return a digest of what a run learns from and into: comments with their labels, names and shapes of weights."""
    shapes = [(name, tuple(value.shape)) for name, value in network.state_dict().items()]
    rows = [
        (one.id, one.text, one.question, one.overall, one.churn, one.findings, one.known and sorted(one.known))
        for one in examples
    ]
    return hashlib.sha256(repr((rows, list(labels), shapes)).encode()).hexdigest()


def _save(folder: Path, network: Network, optimiser: torch.optim.AdamW, run: dict[str, Any], epoch: int) -> None:
    from safetensors.torch import save_file

    whole = folder / f"epoch-{epoch}"
    whole.mkdir(parents=True, exist_ok=True)
    moments = {
        f"{number}.{name}": value
        for number, state in optimiser.state_dict()["state"].items()
        for name, value in state.items()
    }
    save_file({name: value.contiguous() for name, value in network.state_dict().items()}, whole / "network.safetensors")
    save_file(moments, whole / "optimiser.safetensors")
    # Swapped in when everything of the epoch stands: a run killed here goes on from the one before.
    (folder / "progress.new").write_text(json.dumps({"epoch": epoch, **run}), "utf-8")
    os.replace(folder / "progress.new", folder / "progress.json")
    shutil.rmtree(folder / f"epoch-{epoch - 1}", ignore_errors=True)


def _resume(folder: Path, network: Network, optimiser: torch.optim.AdamW, run: dict[str, Any]) -> int:
    from safetensors.torch import load_file

    try:
        done = json.loads((folder / "progress.json").read_text("utf-8"))
    except FileNotFoundError:
        return 0
    if {key: done.get(key) for key in run} != run:
        raise InputError(f"{folder} holds the training of another recipe or other data; name another --work.")
    whole = folder / f"epoch-{done['epoch']}"
    network.load_state_dict(load_file(whole / "network.safetensors"))
    states: dict[int, dict[str, torch.Tensor]] = {}
    for key, value in load_file(whole / "optimiser.safetensors").items():
        number, name = key.split(".")
        states.setdefault(int(number), {})[name] = value
    optimiser.load_state_dict({**optimiser.state_dict(), "state": states})
    return int(done["epoch"])


def quick_figures(network: Network, examples: Sequence[Example], pieces: Pieces, labels: Sequence[str]) -> str:
    """Return F1 of the labels at an even chance and the accuracy of the overall sentiment, in words."""
    network.eval()
    right = given = there = agreed = judged = 0.0
    with torch.inference_mode():
        for batch in batches(examples, pieces, labels, size=64, seed=None):
            _, comment, overall, _ = network(*(torch.from_numpy(a) for a in (batch.ids, batch.mask, batch.text)))
            found = comment.numpy() > 0
            right += (found * batch.labels).sum()
            given, there = given + found.sum(), there + batch.labels.sum()
            agreed += (overall.argmax(dim=1).numpy() == batch.overall).sum()
            judged += (batch.overall != UNKNOWN).sum()
    return f"dev F1 {2 * right / max(given + there, 1):.3f}, overall {agreed / max(judged, 1):.3f}"
