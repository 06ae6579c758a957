"""Comments and their findings in, departments with their reasons out. Pure: nothing is stored here."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Sequence

from cxnlp.departments import Chart
from cxnlp.linking.hints import Decision, Hints
from cxnlp.linking.mentions import Mentioned, Mentions, Nearness
from cxnlp.linking.words import load_words, shown
from cxnlp.records import UNASSIGNED, Analysis, Assignment, Feedback, Finding, Rule
from cxnlp.taxonomy import load_taxonomy

_BATCH = 256


class Linker:
    """Assigns by one chart. `version` changes whenever an assignment or its words may."""

    def __init__(self, chart: Chart) -> None:
        self._chart = chart
        self._hints = Hints(chart)
        self._mentions = Mentions(chart)
        self._owners = chart.owners()
        self._topics = {topic.id: topic.name for topic in load_taxonomy().topics}

    @property
    def version(self) -> str:
        """The chart's version and that of data/linking.toml: "0123456789ab-4f9c21"."""
        return f"{self._chart.version}-{load_words().version}"

    def link(self, feedback: Feedback, analysis: Analysis | None) -> tuple[Assignment, ...]:
        """Return the comment's own assignment, if there is one, and then one for each finding, in their order.

        The comment itself is assigned where its fields decide, where its text names a department (the first that it
        names, the longest of those at one place), and where it has no findings.
        """
        return self._link([(feedback, analysis)])[0]

    def link_many(self, pairs: Iterable[tuple[Feedback, Analysis | None]]) -> Iterator[tuple[Assignment, ...]]:
        """Yield for each pair what `link` returns for it; about twice as fast."""
        pairs = iter(pairs)
        while batch := list(itertools.islice(pairs, _BATCH)):
            yield from self._link(batch)

    def unknown(self, feedback: Feedback) -> tuple[str, ...]:
        """Return what to count: "department 'Foo' is not in the chart", likewise groups and queues.

        Such a value falls through to the next rule. What the deciding field makes needless is not complained of.
        """
        return tuple(self._hints.unknown(feedback))

    def _link(self, batch: Sequence[tuple[Feedback, Analysis | None]]) -> list[tuple[Assignment, ...]]:
        decisions = [self._hints.decide(feedback) for feedback, _ in batch]
        silent = [feedback.text for (feedback, _), told in zip(batch, decisions, strict=True) if told is None]
        mentioned = iter(self._mentions.find(silent))
        linked = []
        for (feedback, analysis), told in zip(batch, decisions, strict=True):
            findings = analysis.findings if analysis else ()
            found = self._by_text(feedback.text, next(mentioned), findings) if told is None else _all(told, findings)
            linked.append(tuple(_assignment(place, decision) for place, decision in found))
        return linked

    def _by_text(
        self, text: str, mentioned: Sequence[Mentioned], findings: Sequence[Finding]
    ) -> Iterator[tuple[int | None, Decision]]:
        if mentioned:
            near = Nearness(text, mentioned)
            yield None, _named(text, min(mentioned, key=lambda one: (one.start, -one.end)))
            for place, finding in enumerate(findings):
                yield place, _named(text, near.nearest(finding.start, finding.end))
            return
        if not findings:
            yield None, Decision(UNASSIGNED, Rule.UNASSIGNED, load_words().evidence["unassigned_comment"])
        for place, finding in enumerate(findings):
            yield place, self._by_owner(finding.topic)

    def _by_owner(self, topic: str) -> Decision:
        words, name = load_words().evidence, self._topics.get(topic, topic)
        owner = self._owners.get(topic)
        if owner is None:
            return Decision(UNASSIGNED, Rule.UNASSIGNED, words["unassigned"].format(value=name))
        evidence = words["owner"].format(value=name, department=self._chart[owner].name)
        return Decision(owner, Rule.OWNER, evidence)


def _all(decision: Decision, findings: Sequence[Finding]) -> Iterator[tuple[int | None, Decision]]:
    yield None, decision
    for place in range(len(findings)):
        yield place, decision


def _named(text: str, mention: Mentioned) -> Decision:
    said = shown(text[mention.start : mention.end])
    return Decision(mention.department, Rule.MENTION, load_words().evidence["mention"].format(value=said))


def _assignment(finding: int | None, decision: Decision) -> Assignment:
    confidence = load_words().confidence[decision.rule]
    return Assignment(finding, decision.department, decision.rule, decision.evidence, confidence)
