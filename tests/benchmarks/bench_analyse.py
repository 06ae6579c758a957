"""Comments per second and peak memory of the live analyser against the usual ways to run the same encoder.

    python tests/benchmarks/bench_analyse.py ENCODER [DATA]

ENCODER is the folder of all-MiniLM-L6-v2 (needs the extra `train`), DATA a folder of public data sets; without it the
comments of the demo organisation are read. The ways take turns over the same comments, so that a busy machine slows all
of them; ratios are of one run. Nothing is read twice: identical comments are left out, ours would read them once.
"""

from __future__ import annotations

import argparse
import csv
import json
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from statistics import median
from typing import Any

from cxnlp.analysis.base import Analyser
from cxnlp.analysis.packages import load_analyser
from cxnlp.training.batches import all_labels

ROUNDS = 3
SAMPLE = 400
SEED = 20261126
Reader = Callable[[Sequence[str]], object]


def comments(data: Path | None) -> list[str]:
    """Return distinct comments in an order of chance that is always the same."""
    found = sorted(set(_public(data) if data else _demo()))
    random.Random(SEED).shuffle(found)
    return found


def _public(data: Path) -> Iterator[str]:
    csv.field_size_limit(10**8)
    for place, column in {
        "nhs_friends_and_family/comments.csv": "FFT answer",
        "cfpb_complaints/complaints.csv": "Consumer complaint narrative",
        "clothing_reviews/reviews.csv": "Review Text",
    }.items():
        with (data / place).open(encoding="utf-8-sig", newline="") as file:
            rows = csv.DictReader(file)
            yield from (row[column].strip() for row in rows if len(row[column].strip()) > 2)


def _demo() -> Iterator[str]:
    path = Path(__file__).parents[2] / "cxnlp/data/demo/reviews.jsonl"
    yield from (text for line in path.read_text("utf-8").splitlines() if (text := json.loads(line).get("body")))


def classifier(encoder: Path, folder: str) -> Any:
    """Return transformers' text classification on the encoder with as many labels as ours; its head is not trained."""
    from transformers import AutoModelForSequenceClassification, AutoTokenizer, pipeline

    labels = len(all_labels())
    model = AutoModelForSequenceClassification.from_pretrained(
        encoder, num_labels=labels, problem_type="multi_label_classification"
    )
    model.save_pretrained(folder)
    tokenizer = AutoTokenizer.from_pretrained(encoder)
    return pipeline("text-classification", model=model.eval(), tokenizer=tokenizer, top_k=None, truncation=True)


def torch_sorted(encoder: Path) -> Reader:
    """Return our network in PyTorch, full precision, batches of 32 sorted by length."""
    import numpy as np
    import torch

    from cxnlp.analysis.windows import Pieces
    from cxnlp.training.network import load_network

    network = load_network(encoder, len(all_labels())).eval()
    pieces = Pieces.from_json((encoder / "tokenizer.json").read_text("utf-8"))

    def read(texts: Sequence[str]) -> None:
        windows = sorted(
            (window for found in pieces.windows(texts, [None] * len(texts)) for window in found),
            key=lambda window: len(window.ids),
        )
        with torch.inference_mode():
            for at in range(0, len(windows), 32):
                batch = windows[at : at + 32]
                ids, mask, text = (np.zeros((len(batch), len(batch[-1].ids)), dtype=np.int64) for _ in range(3))
                for row, window in enumerate(batch):
                    ids[row, : len(window.ids)] = window.ids
                    mask[row, : len(window.ids)] = 1
                    text[row, window.first : window.first + len(window.places)] = 1
                network(*(torch.from_numpy(array) for array in (ids, mask, text)))

    return read


def per_second(read: Reader, texts: Sequence[str]) -> float:
    """Return comments per second of one reading."""
    started = time.perf_counter()
    read(texts)
    return len(texts) / (time.perf_counter() - started)


def compare(encoder: Path, texts: list[str], analyser: Analyser) -> None:
    """Print comments per second of each way, and ours as a multiple."""
    with tempfile.TemporaryDirectory() as folder:
        usual = classifier(encoder, folder)
        ways: dict[str, Reader] = {
            analyser.model: analyser.analyse,
            "transformers.pipeline, one by one": lambda texts: [usual(text) for text in texts],
            "transformers.pipeline, batches of 32": lambda texts: usual(list(texts), batch_size=32),
            "PyTorch, full precision, sorted batches of 32": torch_sorted(encoder),
        }
        for read in ways.values():
            read(texts[:40])
        speeds: dict[str, list[float]] = {name: [] for name in ways}
        size = min(SAMPLE, len(texts) // ROUNDS)
        for number in range(ROUNDS):
            part = texts[number * size : (number + 1) * size]
            for name, read in ways.items():
                speeds[name].append(per_second(read, part))
    ours = speeds[analyser.model]
    print(f"{'way':48} comments/s  ours is so many times as fast (each round)")
    for name, found in speeds.items():
        ratios = [mine / theirs for mine, theirs in zip(ours, found, strict=True)]
        print(f"{name:48} {median(found):10.1f}  {median(ratios):.2f}  ({', '.join(f'{one:.2f}' for one in ratios)})")


def by_length(texts: list[str], analyser: Analyser) -> None:
    """Print what a comment costs by its words."""
    for low, high in ((1, 5), (6, 15), (16, 40), (41, 80), (81, 160), (161, 10_000)):
        part = [text for text in texts if low <= len(text.split()) <= high][:300]
        if len(part) > 20:
            print(f"{low}-{high} words ({len(part)}): {1000 / per_second(analyser.analyse, part):.2f} ms a comment")


def by_number(texts: list[str], numbers: Sequence[int]) -> None:
    """Print comments per second and peak memory by number, each in a process of its own."""
    for number in numbers:
        with tempfile.NamedTemporaryFile("w", suffix=".json") as file:
            # More than there are get a number each, so that none is read twice.
            many = [f"{texts[at % len(texts)]} {at // len(texts) or ''}" for at in range(number)]
            json.dump(many, file)
            file.flush()
            subprocess.run([sys.executable, __file__, "--read", file.name], check=True)


def read_alone(path: Path) -> None:
    """Read a file of comments in batches of a thousand and print speed and peak memory."""
    texts = json.loads(path.read_text("utf-8"))
    analyser = load_analyser()
    started = time.perf_counter()
    for at in range(0, len(texts), 1_000):
        analyser.analyse(texts[at : at + 1_000])
    seconds = time.perf_counter() - started
    print(f"{len(texts):,} comments: {len(texts) / seconds:.1f} comments/s, peak memory {peak_memory()} MB")


def peak_memory() -> int:
    """Return this process's peak in MB; getrusage would tell that of the process that started it."""
    status = Path("/proc/self/status").read_text("utf-8").splitlines()
    return next(int(line.split()[1]) // 1024 for line in status if line.startswith("VmHWM"))


def main() -> None:
    """Run what the command line says."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("encoder", nargs="?", type=Path)
    parser.add_argument("data", nargs="?", type=Path)
    parser.add_argument("--numbers", type=int, nargs="*", default=[1_000, 10_000, 100_000])
    parser.add_argument("--read", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.read:
        read_alone(options.read)
        return
    if options.encoder is None:
        parser.error("name the folder of all-MiniLM-L6-v2")
    texts, analyser = comments(options.data), load_analyser()
    words = sum(len(text.split()) for text in texts) / len(texts)
    print(f"{len(texts):,} distinct comments, {words:.1f} words on average")
    compare(options.encoder, texts, analyser)
    by_length(texts, analyser)
    by_number(texts, options.numbers)


if __name__ == "__main__":
    main()
