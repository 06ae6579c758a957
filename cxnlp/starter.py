"""Write what a newcomer starts from: a commented configuration, or the demo organisation."""

from __future__ import annotations

import os
from collections.abc import Sequence
from importlib import resources
from pathlib import Path

from cxnlp.config import KEY_VARIABLE
from cxnlp.errors import InputError
from cxnlp.sources import example
from cxnlp.sources.guess import guess_mapping, render_source

_FIRST_STEP = "Edit [[sources]] for your own files; for a vendor's system: cxnlp sources, cxnlp init --source TYPE."

DEMO = ("cxnlp.toml", "departments.toml", "survey.csv", "reviews.jsonl", "tickets.xlsx")


def write_starter(folder: Path, table: Path | None = None, *, kinds: Sequence[str] = ()) -> list[str]:
    """Write cxnlp.toml and departments.toml into a folder.

    With a table its columns are guessed, with types of sources the examples of their pages are written. Return what to
    do next, in lines. InputError when one of the files is there already or a type is unknown.
    """
    read = resources.files("cxnlp").joinpath("data/starter")
    source, reasons = (read.joinpath("source.toml").read_text("utf-8"), [_FIRST_STEP])
    if kinds:
        source = "\n".join(example(kind) for kind in dict.fromkeys(kinds))
        reasons = [f"cxnlp sources show {kind} tells what {kind} needs." for kind in dict.fromkeys(kinds)]
    if table is not None:
        reasons = reasons if kinds else []
        guess = guess_mapping(table)
        guessed = render_source(guess, path=Path(os.path.relpath(table, folder)).as_posix())
        source = f"{source}\n{guessed}" if kinds else guessed
        reasons += [f"{role}: {reason}" for role, reason in guess.reasons.items()]
    config = read.joinpath("cxnlp.toml").read_text("utf-8") + "\n" + source
    _refuse_to_overwrite(folder, ("cxnlp.toml", "departments.toml"))
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "cxnlp.toml").write_text(config, "utf-8")
    (folder / "departments.toml").write_text(read.joinpath("departments.toml").read_text("utf-8"), "utf-8")
    return [
        *reasons,
        f"Wrote {folder / 'cxnlp.toml'} and {folder / 'departments.toml'}.",
        "Next: edit them, make a secret key and keep it, and see what a night would do:",
        f'  export {KEY_VARIABLE}=$(python -c "import secrets; print(secrets.token_hex(32))")',
        f"  cxnlp check -c {folder / 'cxnlp.toml'}",
    ]


def write_demo(folder: Path) -> list[str]:
    """Write the demo organisation into a folder; InputError when it is there already."""
    _refuse_to_overwrite(folder, DEMO)
    folder.mkdir(parents=True, exist_ok=True)
    data = resources.files("cxnlp").joinpath("data/demo")
    for name in DEMO:
        (folder / name).write_bytes(data.joinpath(name).read_bytes())
    return [
        f"Wrote the demo organisation to {folder}. It is invented, and so are its customers.",
        f"Next: export {KEY_VARIABLE}=the-demo-organisation-is-invented; cxnlp nightly -c {folder / 'cxnlp.toml'}",
    ]


def _refuse_to_overwrite(folder: Path, names: tuple[str, ...]) -> None:
    there = [name for name in names if (folder / name).exists()]
    if there:
        raise InputError(f"{folder / there[0]} is there already; remove it or choose another folder.")
