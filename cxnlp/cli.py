"""The command line: cxnlp init, sources, check, nightly, reanalyse, analyse, evaluate, train, demo."""

from __future__ import annotations

import logging
import os
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console

from cxnlp.errors import CxnlpError, InputError

if TYPE_CHECKING:
    from cxnlp.analysis.base import Analyser
    from cxnlp.evaluation.gold import Example
    from cxnlp.pipeline import Progress

app = typer.Typer(
    help="Reads what customers write and tells each department what to fix.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"max_content_width": 120},
)
out = Console(highlight=False, markup=False, soft_wrap=True)
err = Console(stderr=True, highlight=False, markup=False, soft_wrap=True)

ConfigOption = Annotated[Path, typer.Option("--config", "-c", help="The organisation's configuration.")]


def main() -> None:
    """Run the command line. Exit codes: 0 done, 1 some input was set aside or a source failed, 2 nothing was done."""
    logging.basicConfig(level=logging.WARNING, format="%(levelname)s %(name)s: %(message)s")
    try:
        app()
    except CxnlpError as error:
        err.print(f"cxnlp: {error}")
        sys.exit(2)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)


@app.command()
def init(
    folder: Annotated[Path, typer.Argument(help="Where to write cxnlp.toml and departments.toml.")] = Path("."),
    table: Annotated[
        Path | None,
        typer.Option("--from", help="A feedback file (CSV, Excel, JSON Lines, Parquet) to guess columns from."),
    ] = None,
    source: Annotated[
        list[str] | None,
        typer.Option("--source", help="A type of source to pull from (see cxnlp sources); repeatable."),
    ] = None,
) -> None:
    """Write a configuration for a new organisation."""
    from cxnlp.starter import write_starter

    for line in write_starter(folder, table, kinds=source or ()):
        out.print(line)


sources_app = typer.Typer(help="The types of sources, and trying the configured ones.", rich_markup_mode=None)
app.add_typer(sources_app, name="sources")


@sources_app.callback(invoke_without_command=True)
def sources(context: typer.Context) -> None:
    """List the types of sources with what each needs."""
    from rich.table import Table

    from cxnlp.sources import kinds, needs

    if context.invoked_subcommand:
        return
    table = Table("type", "reads", "environment variables", box=None, pad_edge=False)
    for name, kind in kinds().items():
        first = (kind.__doc__ or "").strip().splitlines()[0]
        wanted = [f"{variable}{' (set)' if os.environ.get(variable) else ''}" for variable in needs(kind)]
        table.add_row(name, first, ", ".join(wanted) or "none")
    out.print(table)
    out.print()
    out.print(
        "cxnlp sources show TYPE tells how to set one up; cxnlp init --source TYPE begins a configuration with it."
    )


@sources_app.command()
def show(kind: Annotated[str, typer.Argument(metavar="TYPE", help="A type of source.")]) -> None:
    """Show how to set up a type of source: rights, variables, an example, what becomes what."""
    from cxnlp.sources import page

    out.print(page(kind))


@sources_app.command("check")
def check_source(
    name: Annotated[str, typer.Argument(help="The name of a configured source.")],
    config: ConfigOption = Path("cxnlp.toml"),
) -> None:
    """Try a configured source: its credentials, and three records as they would be stored. Nothing is stored."""
    from cxnlp import pipeline
    from cxnlp.reports.terminal import record_lines

    found = pipeline.sample(config, name)
    if not (found.records or found.rejects):
        out.print(f"{name} answers; there is nothing to pull yet.")
    for record in found.records:
        out.print("\n".join(record_lines(record)))
    for reject in found.rejects:
        err.print(f"Set aside: {reject.place}: {reject.reason}, {reject.detail}")


@app.command()
def check(config: ConfigOption = Path("cxnlp.toml")) -> None:
    """Validate everything; say what a night would do."""
    from cxnlp import pipeline

    failed = False
    for line in pipeline.check(config):
        failed |= line.failed
        (err if line.failed else out).print(line.text)
    if failed:
        raise typer.Exit(1)


@app.command()
def nightly(config: ConfigOption = Path("cxnlp.toml")) -> None:
    """Run a night: pull, analyse, link, publish."""
    _run(config, again=False, pulling=True)


@app.command()
def reanalyse(config: ConfigOption = Path("cxnlp.toml")) -> None:
    """Read again what another model read.

    Comments that another model or taxonomy read are analysed by the live one; old findings are kept with their version.
    """
    _run(config, again=True, pulling=False)


def _run(config: Path, *, again: bool, pulling: bool) -> None:
    from cxnlp import pipeline

    with _progress() as progress:
        receipt = pipeline.nightly(config, again=again, pulling=pulling, progress=progress)
    pipeline.show(config, receipt)
    if receipt.status != "complete":
        raise typer.Exit(1)


@contextmanager
def _progress() -> Iterator[Progress]:
    """Show running counts on a terminal; nothing elsewhere."""
    from cxnlp.pipeline import quiet

    if not err.is_terminal:
        yield quiet
        return
    from rich.progress import MofNCompleteColumn, SpinnerColumn, TextColumn, TimeElapsedColumn
    from rich.progress import Progress as Bars

    columns = (SpinnerColumn(), TextColumn("{task.description}"), MofNCompleteColumn(), TimeElapsedColumn())
    with Bars(*columns, console=err, transient=True) as bars:
        tasks: dict[str, Any] = {}

        def progress(verb: str, done: int) -> None:
            if verb not in tasks:
                tasks[verb] = bars.add_task(verb, total=None)
            bars.advance(tasks[verb], done)

        yield progress


@app.command()
def analyse(
    source: Annotated[
        Path | None, typer.Argument(metavar="[IN]", help="JSON Lines or CSV; standard input by default.")
    ] = None,
    output: Annotated[
        Path | None, typer.Option("-o", "--output", help="JSON Lines; standard output by default.")
    ] = None,
    model: Annotated[str, typer.Option(help='The model: "live" or "name/version".')] = "live",
    as_csv: Annotated[bool, typer.Option("--csv", help="The input is CSV (told by the name .csv otherwise).")] = False,
) -> None:
    """Analyse comments of a file or standard input.

    A line in is {"id", "text", "question"?} (or a CSV row with these columns); a line out is {"id", "overall",
    "overall_probability", "churn", "findings": [{"topic", "polarity", "score", "start", "end"}]}.
    """
    from cxnlp.analysis.lines import analyse_lines, read_csv, read_jsonl
    from cxnlp.analysis.packages import load_analyser

    faults: list[str] = []
    name = str(source) if source else "standard input"
    is_csv = as_csv or (source is not None and source.suffix.lower() == ".csv")
    with _reading(source) as lines, _writing(output) as sink:
        comments = (read_csv if is_csv else read_jsonl)(lines, name=name, bad=faults.append)
        for line in analyse_lines(comments, load_analyser(model)):
            sink.write(line + "\n")
    for fault in faults:
        err.print(f"cxnlp: {fault}")
    if faults:
        err.print(f"cxnlp: {len(faults)} lines could not be read and have no result.")
        raise typer.Exit(1)


@contextmanager
def _reading(path: Path | None) -> Iterator[IO[str]]:
    if path is None:
        with open(sys.stdin.fileno(), encoding="utf-8", errors="surrogateescape", newline="", closefd=False) as stream:
            yield stream
        return
    try:
        stream = path.open(encoding="utf-8", errors="surrogateescape", newline="")
    except OSError as error:
        raise InputError(f"{path} can't be read: {error.strerror}.") from None
    with stream:
        yield stream


@contextmanager
def _writing(path: Path | None) -> Iterator[IO[str]]:
    """Yield where results go; a file appears under its name only when it is whole."""
    if path is None:
        yield sys.stdout
        return
    try:
        handle = tempfile.NamedTemporaryFile(
            "w", encoding="utf-8", dir=path.parent, prefix=f".{path.name}.", delete=False
        )
    except OSError as error:
        raise InputError(f"{path} can't be written: {error.strerror}.") from None
    try:
        with handle:
            yield handle
        Path(handle.name).chmod(0o644)
        os.replace(handle.name, path)
    except BaseException:
        Path(handle.name).unlink(missing_ok=True)
        raise


@app.command()
def evaluate(
    gold: Annotated[list[Path] | None, typer.Argument(help="Labelled comments: JSON Lines with quotes.")] = None,
    output: Annotated[
        Path | None, typer.Option("-o", "--output", help="A folder for evaluation.html and evaluation.json.")
    ] = None,
    model: Annotated[str, typer.Option(help='The model: "live" or "name/version".')] = "live",
    dev: Annotated[bool, typer.Option("--dev", help="Only the tenth that is never trained on.")] = False,
    baselines: Annotated[bool, typer.Option(help="Also the majority, VADER and the linear model.")] = True,
    pairs: Annotated[Path | None, typer.Option(help="A file of minimal pairs to read as well.")] = None,
    texts: Annotated[
        Path | None, typer.Option(help="A folder of public data sets, for labels that stand without their texts.")
    ] = None,
) -> None:
    """Measure a model on labelled comments.

    Precision, recall and F1 of findings with 95 % intervals, overall sentiment, spans, calibration, minimal pairs by
    kind, and with -o a page with plots and the comments read worst.
    """
    from cxnlp.analysis.packages import load_analyser
    from cxnlp.evaluation import page
    from cxnlp.evaluation.comparison import read
    from cxnlp.evaluation.pairs import judge, read_pairs, tally
    from cxnlp.reports.terminal import show_table

    if not gold and (pairs is None or output is not None):
        raise InputError("Nothing to evaluate: name files of labelled comments.")
    if output is not None:
        _check_plots()
    analyser = load_analyser(model)
    tallies = tally(judge(read_pairs(pairs), analyser)) if pairs is not None else {}
    if gold:
        examples = _labelled(gold, texts, dev=dev)
        readings = [read(examples, one) for one in (analyser, *_baselines(baselines, examples, analyser.model))]
        for table in (page.overview(readings), page.by_label(readings[0]), page.confusion(readings[0])):
            show_table(table)
            out.print()
        show_table(page.calibration(readings[0]))
        if output is not None:
            names = [path.name for path in gold]
            for path in page.write_evaluation(output, readings, gold=names, pairs=tallies):
                out.print(f"Written: {path}")
    if tallies:
        out.print()
        show_table(page.pair_rows(tallies))


def _check_plots() -> None:
    """Say that matplotlib is missing before anything is read."""
    from importlib.util import find_spec

    if find_spec("matplotlib") is None:
        raise InputError("The page's plots need matplotlib: pip install 'cxnlp[evaluate]'.")


def _labelled(gold: list[Path], texts: Path | None, *, dev: bool) -> list[Example]:
    from cxnlp.evaluation.gold import read_gold
    from cxnlp.training.weak import texts_of

    known = texts_of(texts)
    everything = [example for path in gold for example in read_gold(path, known)]
    examples = [example for example in everything if example.dev or not dev]
    if not examples:
        raise InputError(f"{', '.join(map(str, gold))}: no labelled comments{' in the dev tenth' if dev else ''}.")
    apart = sum(example.dev for example in examples)
    out.print(
        f"{len(examples):,} labelled comments, {apart:,} of them in the tenth that is never trained on"
        + ("" if apart == len(examples) else "; the models that ship may have learned from the others (see --dev)")
    )
    return examples


def _baselines(wanted: bool, examples: Sequence[Example], model: str) -> Iterator[Analyser]:
    from cxnlp.analysis.packages import BASELINE, load_analyser
    from cxnlp.evaluation.baselines import Majority, Vader

    if wanted:
        if model != BASELINE:
            yield load_analyser(BASELINE)
        yield Vader()
        yield Majority(examples)


@app.command()
def train(
    gold: Annotated[list[Path], typer.Argument(help="Labelled comments: JSON Lines with quotes.")],
    output: Annotated[Path, typer.Option("-o", "--output", help="The folder of the new version: models/linear/1.0.0.")],
    weak: Annotated[Path | None, typer.Option(help="A folder of public data sets to learn from weakly.")] = None,
    encoder: Annotated[
        Path | None, typer.Option(help="The folder of all-MiniLM-L6-v2: trains the transformer (cxnlp[train]).")
    ] = None,
    work: Annotated[Path, typer.Option(help="Where the transformer's checkpoints stand, to go on from.")] = Path(
        "training"
    ),
    texts: Annotated[
        Path | None, typer.Option(help="A folder of public data sets, for labels that stand without their texts.")
    ] = None,
    epochs: Annotated[int | None, typer.Option(min=1, help="How often the transformer sees the data.")] = None,
    leave_out: Annotated[
        list[str] | None, typer.Option(help="A data set or sector not to train on, to measure on instead.")
    ] = None,
    beside: Annotated[
        list[Path] | None, typer.Option(help="A package trained with --leave-out; its figures are told too.")
    ] = None,
) -> None:
    """Train, measure and package a model.

    The linear one, or with --encoder the transformer.
    """
    options = {"epochs": epochs, "leave_out": leave_out or [], "beside": beside or []}
    for line in _trained(gold, weak, output, encoder, work, texts, **options):
        out.print(line)


def _trained(
    gold: list[Path],
    weak: Path | None,
    output: Path,
    encoder: Path | None,
    work: Path,
    texts: Path | None,
    **options: Any,
) -> Iterator[str]:
    from cxnlp.training.linear import train_linear
    from cxnlp.training.transformer import train_transformer

    def progress(step: str) -> None:
        err.print(f"  {step}")

    if encoder is None:
        if any(options.values()):
            raise InputError("--epochs, --leave-out and --beside are for the transformer: name its --encoder.")
        return train_linear(gold, weak, output, texts=texts, progress=progress)
    return train_transformer(gold, weak, output, encoder=encoder, work=work, texts=texts, progress=progress, **options)


@app.command()
def demo(folder: Annotated[Path, typer.Argument(help="Where to write the demo organisation.")] = Path("demo")) -> None:
    """Write the demo organisation, ready for a night."""
    from cxnlp.starter import write_demo

    for line in write_demo(folder):
        out.print(line)


if __name__ == "__main__":
    main()
