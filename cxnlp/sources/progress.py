"""How far the files of a source are read: what its cursor says."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

FORM = 1  # raise it when the same options would give other records


@dataclass(frozen=True, slots=True)
class Fingerprint:
    """What tells whether a file has changed: SHA-256 decides, size and modification time save computing it."""

    size: int
    mtime_ns: int
    sha256: str


@dataclass(frozen=True, slots=True)
class FileProgress:
    """How many rows of a file are done; `done` when that is all of them."""

    fingerprint: Fingerprint
    rows: int
    done: bool


@dataclass(frozen=True, slots=True)
class Progress:
    """How far each file is read, under one mapping of the columns."""

    options: str
    files: Mapping[str, FileProgress]

    @staticmethod
    def load(cursor: str | None, *, options: str, present: Collection[str]) -> Progress:
        """Return the progress of a cursor for the files that are `present`; none under other options."""
        said = json.loads(cursor) if cursor else {}
        if said.get("form") != FORM or said.get("options") != options:
            return Progress(options, {})
        files = {
            key: FileProgress(Fingerprint(**entry["fingerprint"]), entry["rows"], entry["done"])
            for key, entry in said["files"].items()
            if key in present
        }
        return Progress(options, files)

    def dump(self) -> str:
        """Return the cursor that `load` reads."""
        files = {key: asdict(entry) for key, entry in self.files.items()}
        return json.dumps({"form": FORM, "options": self.options, "files": files}, separators=(",", ":"))

    def at(self, key: str, fingerprint: Fingerprint, rows: int) -> Progress:
        """Return the progress with the first `rows` rows of a file done."""
        return Progress(self.options, {**self.files, key: FileProgress(fingerprint, rows, done=False)})

    def finished(self, key: str, fingerprint: Fingerprint, rows: int | None) -> Progress:
        """Return the progress with a file read to its end; `rows` is None where it already was."""
        if rows is None:
            rows = self.files[key].rows
        return Progress(self.options, {**self.files, key: FileProgress(fingerprint, rows, done=True)})

    def fingerprint(self, key: str, path: Path) -> Fingerprint:
        """Return the fingerprint of a file, reading it only where size or time differ from the known one."""
        stat = path.stat()
        known = self.files.get(key)
        if known and (known.fingerprint.size, known.fingerprint.mtime_ns) == (stat.st_size, stat.st_mtime_ns):
            return known.fingerprint
        with path.open("rb") as file:
            return Fingerprint(stat.st_size, stat.st_mtime_ns, hashlib.file_digest(file, "sha256").hexdigest())

    def rows_done(self, key: str, fingerprint: Fingerprint) -> int | None:
        """Return after how many rows to go on; None when the file is read to its end."""
        known = self.files.get(key)
        if known is None or known.fingerprint.sha256 != fingerprint.sha256:
            return 0
        return None if known.done else known.rows
