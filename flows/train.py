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
def fit(gold: list[str], output: str, weak: str | None, encoder: str | None, work: str, texts: str | None) -> str:
    """Train and package a version; return where its card stands."""
    say = get_run_logger().info
    files, folder, sets = [Path(one) for one in gold], Path(output), Path(weak) if weak else None
    known = Path(texts) if texts else None
    if encoder is None:
        lines = train_linear(files, sets, folder, texts=known, progress=say)
    else:
        lines = train_transformer(
            files, sets, folder, encoder=Path(encoder), work=Path(work), texts=known, progress=say
        )
    for line in lines:
        say(line)
    return str(folder / "README.md")


@flow(name="cxnlp-train", persist_result=False)
def train(
    gold: list[str],
    output: str,
    weak: str | None = None,
    encoder: str | None = None,
    work: str = "training",
    texts: str | None = None,
) -> str:
    """Train a version from labelled comments; return its folder. `encoder` trains the transformer (cxnlp[train])."""
    card = fit(gold, output, weak, encoder, work, texts)
    text = Path(card).read_text("utf-8")
    create_markdown_artifact(text, key="cxnlp-model-card", description="What was trained, and how right it is")
    return output


def main() -> None:
    """Run the flow once from the command line."""
    parser = argparse.ArgumentParser(prog="python -m flows.train", description=main.__doc__)
    parser.add_argument("gold", nargs="+", help="labelled comments: JSON Lines with quotes")
    parser.add_argument("-o", "--output", required=True, help="the folder of the new version: models/linear/1.1.0")
    parser.add_argument("--weak", help="a folder of public data sets to learn from weakly")
    parser.add_argument("--encoder", help="the folder of all-MiniLM-L6-v2: trains the transformer")
    parser.add_argument("--work", default="training", help="where checkpoints stand, to go on from")
    parser.add_argument("--texts", help="a folder of public data sets, for labels that stand without their texts")
    train(**vars(parser.parse_args()))


if __name__ == "__main__":
    main()
