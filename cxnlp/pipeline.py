"""The verbs of a night: pull, analyse, link, summarise, publish. Each is restartable on its own.

What a verb still has to do is what the store says is missing, so that a crash anywhere costs at most the batch in hand.
A verb takes the path of the configuration and plain ids, so that a scheduler can run it anywhere.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
import functools
import hashlib
import hmac
import logging
import secrets
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

from cxnlp import publication
from cxnlp.analysis.base import Analyser
from cxnlp.analysis.packages import load_analyser, models_folder, open_package
from cxnlp.config import Config, load_config, organisation_key
from cxnlp.departments import Chart, load_chart
from cxnlp.errors import ConfigError, CxnlpError, InputError, SourceError, StoreError, did_you_mean
from cxnlp.linking.link import Linker
from cxnlp.records import Feedback, Page, Receipt, Reject, SourceReceipt
from cxnlp.reports import terminal
from cxnlp.sources import load_source
from cxnlp.sources.base import Source
from cxnlp.storage.store import Store, open_store
from cxnlp.taxonomy import load_taxonomy
from cxnlp.text.prepare import Preparer
from cxnlp.text.redact import redact_patterns

log = logging.getLogger(__name__)

Partition = tuple[int, int]
Progress = Callable[[str, int], None]
"""Called with the verb and the number of comments just done."""

PULLS = 8
"""How many sources are pulled at once: they wait for their vendors, not for this machine."""

_BATCH = 1_000
_preparing = threading.Lock()  # spaCy pipelines are not safe to share between threads


def quiet(verb: str, done: int) -> None:
    """Show no progress."""


@dataclass(frozen=True, slots=True)
class Session:
    """A validated configuration and everything that it names."""

    config: Config
    chart: Chart
    linker: Linker
    sources: Mapping[str, Source]
    preparer: Preparer
    key: bytes

    def digest(self, feedback: Feedback) -> str:
        """Return the keyed digest that tells whether a record changed."""
        return feedback.digest(self.key)

    @property
    def models(self) -> Path:
        """The folder of model packages."""
        models = self.config.analysis.models
        return self.config.path(models) if models else models_folder()

    @property
    def analyser(self) -> Analyser:
        """The configured model, loaded once a process."""
        return load_analyser(self.config.analysis.model, self.models)

    @property
    def store(self) -> Store:
        """The configured store, opened once a process."""
        return _store(self.config.store_url)

    @property
    def versions(self) -> dict[str, str]:
        """What decided a run's results."""
        analyser = self.analyser
        return {
            "cxnlp": metadata.version("cxnlp"),
            "model": analyser.model,
            "taxonomy": analyser.taxonomy,
            "routing": self.linker.version,
            "configuration": self.config.version,
        }


_store = functools.lru_cache(maxsize=4)(open_store)


def open_session(path: str | Path) -> Session:
    """Validate a configuration, its chart, sources, model and key. Nothing is pulled or written.

    The same files give the same session. ConfigError or ModelError says what is wrong and what would be right.
    """
    config = load_config(path)
    chart = load_chart(config.path(config.organisation.departments))
    key = organisation_key()
    known = (str(path), config.text, chart.version, key)
    if known not in _sessions:
        _sessions.clear()
        _sessions[known] = _session(Path(path), config, chart, key)
    return _sessions[known]


_sessions: dict[tuple[str, str, str, bytes], Session] = {}


def _session(path: Path, config: Config, chart: Chart, key: bytes) -> Session:
    sources = {
        section.name: load_source(
            section,
            config_path=path,
            config_text=config.text,
            index=index,
            root=config.root,
            max_characters=config.prepare.max_characters,
        )
        for index, section in enumerate(config.sources)
    }
    for rule in chart.rules:
        if rule.source is not None and rule.source not in sources:
            chart_path = config.path(config.organisation.departments)
            raise ConfigError(
                f"{chart_path}: a rule is for the source '{rule.source}', which {path} doesn't have."
                f"{did_you_mean(rule.source, sources)}"
            )
    preparer = Preparer(
        key=key,
        languages=config.prepare.languages,
        redact_names=config.prepare.redact_names,
        keep=(*config.prepare.keep, *chart.names(), config.organisation.name),
    )
    session = Session(config, chart, Linker(chart), sources, preparer, key)
    _ = session.analyser
    return session


@dataclass(frozen=True, slots=True)
class Night:
    """A run that holds the store. `finish` writes its receipt."""

    path: str | Path
    id: str
    interrupted: tuple[str, ...]

    def finish(self, *, unknown: Mapping[str, int], published: str) -> Receipt:
        """Store the run's receipt and return it. `unknown` is what the chart did not know, with counts."""
        notes = [f"Run {earlier} was interrupted; this run went on from there." for earlier in self.interrupted]
        notes += [f"{note} ({count} comments)" for note, count in Counter(unknown).most_common(20)]
        return self._write(published=published, notes=tuple(notes))

    def fail(self, error: Exception) -> None:
        """Store the receipt of a run that an error ended."""
        self._write(status="failed", notes=(f"{type(error).__name__}: {error}"[:500],))

    def _write(self, **values: object) -> Receipt:
        session = open_session(self.path)
        so_far = _receipt_so_far(session, self.id)
        receipt = dataclasses.replace(so_far, finished_at=dt.datetime.now(dt.UTC), **values)  # type: ignore[arg-type]
        session.store.finish_run(receipt)
        return receipt


@contextmanager
def run(path: str | Path) -> Iterator[Night]:
    """Begin a run that holds the store until the block ends; RunLocked when another run holds it.

    Everything is validated before anything is pulled. An error in the block marks the run as failed and goes on up.
    """
    session = open_session(path)
    with session.store.lock():
        session.store.check_key(hmac.new(session.key, b"cxnlp", hashlib.sha256).hexdigest()[:16])
        now = dt.datetime.now(dt.UTC)
        night_id = f"{now:%Y%m%dT%H%M%S}-{secrets.token_hex(3)}"
        interrupted = session.store.begin_run(night_id, now, session.versions)
        session.store.save_chart(session.linker.version, session.chart.closure())
        night = Night(path, night_id, tuple(interrupted))
        try:
            yield night
        except Exception as error:
            night.fail(error)
            raise


def sources(path: str | Path) -> list[str]:
    """Return the names of the configured sources."""
    return list(open_session(path).sources)


def nightly(path: str | Path, *, again: bool = False, pulling: bool = True, progress: Progress = quiet) -> Receipt:
    """Run a whole night here and now; return its receipt.

    `again` also re-analyses what another model or taxonomy read; without `pulling` the sources are left alone.
    """
    with run(path) as night:
        if pulling:
            with ThreadPoolExecutor(max_workers=PULLS) as threads:
                pulls = [threads.submit(pull, path, night.id, name, progress=progress) for name in sources(path)]
                for done in pulls:
                    done.result()
        for part in to_analyse(path, again=again):
            analyse(path, night.id, part, again=again, progress=progress)
        unknown: Counter[str] = Counter()
        for part in to_link(path):
            unknown.update(link(path, night.id, part, progress=progress))
        page = publish(path, night.id, summarise(path, night.id))
        return night.finish(unknown=unknown, published=page)


def pull(path: str | Path, run: str, name: str, *, progress: Progress = quiet) -> SourceReceipt:
    """Pull what is new in one source: prepare it and store it, page by page, each with its cursor.

    A source that fails is marked in the receipt and leaves the others alone; what it gave before is kept.
    """
    session = open_session(path)
    source, store = session.sources[name], session.store
    store.source_asked(run, name)
    try:
        for page in source.pull(store.cursor(name), page_size=session.config.run.page_size):
            _save_page(session, run, name, page)
            progress("pull", len(page.records))
    except StoreError:
        raise
    except CxnlpError as error:
        store.source_failed(run, name, str(error))
    except (OSError, ValueError, LookupError, TypeError, AttributeError, ArithmeticError) as error:
        log.exception("Source %s failed", name)
        store.source_failed(run, name, f"{type(error).__name__}: {redact_patterns(str(error))[:300]}")
    return next(receipt for receipt in store.source_receipts(run) if receipt.source == name)


def _save_page(session: Session, run: str, name: str, page: Page) -> None:
    known = session.store.digests(name, [record.source_record_id for record in page.records])
    digested = [(record, session.digest(record)) for record in page.records]
    changed = [(record, digest) for record, digest in digested if known.get(record.source_record_id) != digest]
    with _preparing:
        prepared = session.preparer.prepare([record for record, _ in changed])
    session.store.save_page(
        run,
        name,
        items=[(record, digest) for record, (_, digest) in zip(prepared, changed, strict=True)],
        pulled=len(page.records) + len(page.rejects) + page.duplicates,
        duplicate=page.duplicates,
        unchanged=len(page.records) - len(changed),
        rejects=[_redacted(reject) for reject in page.rejects],
        cursor=page.cursor,
        warnings=page.warnings,
        retired=page.retired,
    )


def _redacted(reject: Reject) -> Reject:
    return dataclasses.replace(
        reject, excerpt=redact_patterns(reject.excerpt)[:200], detail=redact_patterns(reject.detail)[:500]
    )


def to_analyse(path: str | Path, *, again: bool = False) -> list[Partition]:
    """Return the partitions that have comments without an analysis; `again`: or with one of another model."""
    session = open_session(path)
    model, taxonomy = _wanted(session, again)
    return session.store.unanalysed(size=session.config.run.partition_size, model=model, taxonomy=taxonomy)


def _wanted(session: Session, again: bool) -> tuple[str | None, str | None]:
    return (session.analyser.model, session.analyser.taxonomy) if again else (None, None)


def analyse(
    path: str | Path, run: str, partition: Partition, *, again: bool = False, progress: Progress = quiet
) -> int:
    """Analyse what of a partition still needs it; return how many comments were."""
    session = open_session(path)
    model, taxonomy = _wanted(session, again)
    done = 0
    for batch in session.store.read_unanalysed(*partition, model=model, taxonomy=taxonomy, batch=_BATCH):
        texts, questions = [one.text for _, one in batch], [one.question for _, one in batch]
        analyses = session.analyser.analyse(texts, questions)
        items = [(number, analysis) for (number, _), analysis in zip(batch, analyses, strict=True)]
        done += session.store.save_analyses(run, items)
        progress("analyse", len(batch))
    return done


def to_link(path: str | Path) -> list[Partition]:
    """Return the partitions that have comments not linked under the current chart."""
    session = open_session(path)
    return session.store.unlinked(session.linker.version, size=session.config.run.partition_size)


def link(path: str | Path, run: str, partition: Partition, *, progress: Progress = quiet) -> dict[str, int]:
    """Link what of a partition still needs it; return what the chart did not know, with counts."""
    session = open_session(path)
    routing = session.linker.version
    unknown: Counter[str] = Counter()
    for batch in session.store.read_unlinked(*partition, routing, batch=_BATCH):
        links = list(session.linker.link_many((feedback, analysis) for _, feedback, analysis in batch))
        items = [(number, assigned) for (number, _, _), assigned in zip(batch, links, strict=True)]
        session.store.save_links(run, items, routing)
        unknown.update(note for _, feedback, _ in batch for note in session.linker.unknown(feedback))
        progress("link", len(batch))
    return dict(unknown)


def summarise(path: str | Path, run: str) -> str:
    """Count departments, topics and scores into a folder of this run's own; return it.

    Return "" when nothing that a page shows has changed since the last publication.
    """
    session = open_session(path)
    if session.store.published() == _state(session, run) and publication.index_of(session.config).exists():
        return ""
    folder = publication.folder_of(session.config, run)
    publication.summarise(session.store, session.config, folder)
    return str(folder)


def publish(path: str | Path, run: str, folder: str) -> str:
    """Publish pages, workbook and snapshot from the summaries in `folder`; return the index page.

    With "" for the folder nothing is written: the publication that is there is up to date.
    """
    session = open_session(path)
    if not folder:
        return str(publication.index_of(session.config))
    note = model_note(session)
    receipt = _receipt_so_far(session, run)
    page = publication.publish(session.store, session.config, session.chart, receipt, Path(folder), model_note=note)
    session.store.set_published(run, _state(session, run))
    return str(page)


def _state(session: Session, run: str) -> str:
    return publication.state(session.store, session.config, session.linker.version, _receipt_so_far(session, run))


def _receipt_so_far(session: Session, run: str) -> Receipt:
    receipt = next(receipt for receipt in session.store.receipts() if receipt.run == run)
    incomplete = any(source.error for source in receipt.sources)
    return dataclasses.replace(receipt, status="incomplete" if incomplete else "complete")


def model_note(session: Session) -> str:
    """Return what reads the comments and how well, in one sentence from the model's metrics."""
    package = open_package(session.models / session.analyser.model)
    figures = package.metrics["dev split"]
    return (
        f"Comments were read by the model {session.analyser.model}. On {figures['comments']} labelled comments that it "
        f"was not trained on, {figures['micro']['precision']:.0%} of its findings were right, it found "
        f"{figures['micro']['recall']:.0%} of those there are, and {figures['overall_accuracy']:.0%} of overall "
        "sentiments were right. On other companies' comments it does worse."
    )


def show(path: str | Path, receipt: Receipt) -> None:
    """Print a run's receipt, which department has which trouble, and where the pages are."""
    session = open_session(path)
    terminal.show(receipt, publication.troubles(session.config, session.chart))


@dataclass(frozen=True, slots=True)
class Sample:
    """The first records that a source gives, as they would be stored, and what of its first page is set aside."""

    records: tuple[Feedback, ...]
    rejects: tuple[Reject, ...]


def sample(path: str | Path, name: str, *, most: int = 3) -> Sample:
    """Pull the beginning of one source and prepare it; nothing is stored. SourceError where it can't be read."""
    session = open_session(path)
    if name not in session.sources:
        raise InputError(f"{path} has no source '{name}'.{did_you_mean(name, session.sources)}")
    for page in session.sources[name].pull(None, page_size=most):
        if page.records or page.rejects:
            prepared = session.preparer.prepare(page.records[:most])
            return Sample(tuple(prepared), tuple(_redacted(reject) for reject in page.rejects[:most]))
    return Sample((), ())


@dataclass(frozen=True, slots=True)
class CheckLine:
    """A line of `check` for a person; `failed` when a night would not work."""

    text: str
    failed: bool = False


def check(path: str | Path) -> Iterator[CheckLine]:
    """Yield what a night would do, a line each; nothing is pulled or written. ConfigError as `open_session`."""
    session = open_session(path)
    config = session.config
    yield CheckLine(f"{path} is valid: {config.organisation.name}, {len(session.chart.departments) - 2} departments")
    owned = {topic for department in session.chart.departments for topic in department.owns}
    ownerless = [topic for topic in load_taxonomy().ids if topic not in owned]
    if ownerless:
        yield CheckLine(f"No department owns {', '.join(ownerless)}: findings that nothing else decides are unassigned")
    for name, source in session.sources.items():
        try:
            for line in source.check():
                yield CheckLine(f"{name}: {redact_patterns(line)}")
        except SourceError as error:
            yield CheckLine(f"{name}: {str(error).removeprefix(f'{name}: ')}", failed=True)
    yield CheckLine(f"Comments are read by {session.analyser.model} (taxonomy {session.analyser.taxonomy})")
    yield CheckLine(f"Results go to {config.store_url.split('@')[-1]} and {config.path(config.publish.directory)}")
