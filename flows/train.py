"""The training flow: train a model version, measure it, leave its card as an artifact.

One task trains; the transformer goes on from its last checkpoint when the task runs again.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from prefect import flow, get_run_logger, task
from prefect.artifacts import create_markdown_artifact

from cxnlp.training.linear import train_linear
from cxnlp.training.transformer import train_transformer


@task(task_run_name="train {output}", retries=1, retry_delay_seconds=10, persist_result=False)
def fit(gold: list[str], output: str, weak: str | None, encoder: str | None, work: str) -> str:
    """Train and package a version; return its card."""
    say = get_run_logger().info
    files, folder, sets = [Path(one) for one in gold], Path(output), Path(weak) if weak else None
    if encoder is None:
        lines = train_linear(files, sets, folder, progress=say)
    else:
        lines = train_transformer(files, sets, folder, encoder=Path(encoder), work=Path(work), progress=say)
    for line in lines:
        say(line)
    return (folder / "README.md").read_text("utf-8")


@flow(name="cxnlp-train", persist_result=False)
def train(
    gold: list[str], output: str, weak: str | None = None, encoder: str | None = None, work: str = "training"
) -> str:
    """Train a version from labelled comments; return its folder. `encoder` trains the transformer (cxnlp[train])."""
    card = fit(gold, output, weak, encoder, work)
    create_markdown_artifact(card, key="cxnlp-model-card", description="What was trained, and how right it is")
    return output


def main() -> None:
    """Run the flow once from the command line."""
    parser = argparse.ArgumentParser(prog="python -m flows.train", description=main.__doc__)
    parser.add_argument("gold", nargs="+", help="labelled comments: JSON Lines with quotes")
    parser.add_argument("-o", "--output", required=True, help="the folder of the new version: models/linear/1.1.0")
    parser.add_argument("--weak", help="a folder of public data sets to learn from weakly")
    parser.add_argument("--encoder", help="the folder of all-MiniLM-L6-v2: trains the transformer")
    parser.add_argument("--work", default="training", help="where checkpoints stand, to go on from")
    train(**vars(parser.parse_args()))


if __name__ == "__main__":
    main()
