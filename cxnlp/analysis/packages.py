"""Model packages: models/<name>/<version>/ with a config.json that lists every file's SHA-256.

A package that is damaged, foreign or made for another taxonomy is refused. `models/live.toml` says which version
serves.
"""

from __future__ import annotations

import functools
import hashlib
import json
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cxnlp.analysis.base import Analyser
from cxnlp.errors import ModelError
from cxnlp.taxonomy import load_taxonomy

LIVE = "live"
BASELINE = "linear/1.0.0"
"""What others are compared with, and what serves where they can't."""


@dataclass(frozen=True, slots=True)
class Package:
    """A verified model folder."""

    folder: Path
    config: dict[str, Any]

    @property
    def model(self) -> str:
        """The reference that analyses carry, "linear/1.0.0"."""
        return f"{self.config['name']}/{self.config['version']}"

    @property
    def metrics(self) -> dict[str, Any]:
        """The figures of metrics.json: by data, "dev split" first."""
        try:
            return dict(json.loads((self.folder / "metrics.json").read_text("utf-8")))
        except (OSError, ValueError) as error:
            raise ModelError(f"{self.folder / 'metrics.json'} can't be read: {error!r}") from None


def models_folder() -> Path:
    """Return the folder of the models that ship with cxnlp: inside an installed package, else beside a checkout."""
    package = Path(__file__).resolve().parents[1]
    inside = package / "_models"
    return inside if inside.is_dir() else package.parent / "models"


def live_model(folder: Path) -> str:
    """Return the reference of the model that live.toml says serves."""
    try:
        return str(tomllib.loads((folder / "live.toml").read_text("utf-8"))["model"])
    except (OSError, KeyError, tomllib.TOMLDecodeError) as error:
        raise ModelError(f'{folder / "live.toml"} does not say model = "name/version": {error}') from None


def open_package(folder: Path) -> Package:
    """Return the package in `folder` after checking every file's digest and the taxonomy's version.

    ModelError says which file is missing or differs, or which taxonomy the model was made for.
    """
    try:
        config = json.loads((folder / "config.json").read_text("utf-8"))
        files, taxonomy = dict(config["files"]), config["taxonomy"]
    except FileNotFoundError:
        raise ModelError(f"{folder} is not a model package: it has no config.json.") from None
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ModelError(f"{folder / 'config.json'} is damaged: {error!r}") from None
    for name, digest in files.items():
        path = folder / name
        if Path(name).name != name or not path.is_file():
            raise ModelError(f"{folder} lacks its file '{name}'; get the package again.")
        if file_digest(path) != digest:
            raise ModelError(f"{path} is damaged or was changed: its SHA-256 is not the one in config.json.")
    if taxonomy != load_taxonomy().version:
        raise ModelError(f"{folder} is for taxonomy {taxonomy}; this cxnlp has taxonomy {load_taxonomy().version}.")
    return Package(folder, config)


def file_digest(path: Path) -> str:
    """Return a file's SHA-256 in hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@functools.lru_cache(maxsize=4)
def load_analyser(model: str = LIVE, folder: Path | None = None) -> Analyser:
    """Return the analyser of a model reference ("live", "linear/1.0.0"), loaded once a process.

    ModelError when there is none, or its package is damaged or foreign.
    """
    folder = folder or models_folder()
    name = live_model(folder) if model == LIVE else model
    if name not in known_models(folder):
        raise ModelError(f"No model called '{name}'. Known: {', '.join(known_models(folder))}.")
    package = open_package(folder / name)
    kind = package.config.get("kind")
    if kind not in LOADERS:
        raise ModelError(f"{package.folder} is a model of kind '{kind}'. Known: {', '.join(sorted(LOADERS))}.")
    missing = NEEDS[kind] - package.config.keys()
    if missing:
        raise ModelError(f"{package.folder / 'config.json'} lacks '{sorted(missing)[0]}': it is of another cxnlp.")
    return LOADERS[kind](package)


def known_models(folder: Path) -> list[str]:
    """Return the references of the packages in a models folder."""
    return sorted(f"{path.parent.parent.name}/{path.parent.name}" for path in folder.glob("*/*/config.json"))


def _linear(package: Package) -> Analyser:
    import numpy as np
    import skops.io

    from cxnlp.analysis.linear import LinearAnalyser, Scorer, Weights, char_vectoriser, word_vectoriser

    path = package.folder / "model.skops"
    foreign = skops.io.get_untrusted_types(file=path)
    if foreign:
        raise ModelError(f"{path} holds types that cxnlp does not trust: {', '.join(foreign)}.")
    parts = skops.io.load(path)
    terms = json.loads((package.folder / "vocabulary.json").read_text("utf-8"))
    word, char = word_vectoriser(vocabulary=terms["word"]), char_vectoriser(vocabulary=terms["char"])
    word.idf_, char.idf_ = parts["word_idf"], parts["char_idf"]
    scorer = Scorer(tuple(package.config["labels"]), word, char, parts["coef"], parts["intercept"])
    weights = Weights(
        np.asarray(package.config["finding_weights"], dtype=np.float32),
        np.asarray(package.config["overall_weights"], dtype=np.float32),
        package.config["thresholds"],
    )
    return LinearAnalyser(scorer, weights, model=package.model, taxonomy=package.config["taxonomy"])


def _transformer(package: Package) -> Analyser:
    from cxnlp.analysis.transformer import load_transformer

    return load_transformer(package.folder, package.config, model=package.model)


LOADERS = {"linear": _linear, "transformer": _transformer}
NEEDS = {
    "linear": {"labels", "finding_weights", "overall_weights", "thresholds"},
    "transformer": {"labels", "calibration", "early", "early_margin"},
}
"""What a config.json must say, by kind."""
