"""The department that a source's fields tell, without a look at the text."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass

from cxnlp.departments import Chart, Found, Route, fold
from cxnlp.linking.words import load_words, shown
from cxnlp.records import Feedback, Hint, Rule

_ORDER = {
    Hint.DEPARTMENT: Rule.DEPARTMENT,
    Hint.GROUP: Rule.GROUP,
    Hint.QUEUE: Rule.GROUP,
    Hint.PRODUCT: Rule.MAPPING,
    Hint.LOCATION: Rule.MAPPING,
    Hint.AGENT: Rule.MAPPING,
    Hint.CLASS: Rule.MAPPING,
}
_MUST_BE_KNOWN = (Hint.DEPARTMENT, Hint.GROUP, Hint.QUEUE)


@dataclass(frozen=True, slots=True)
class Decision:
    """A department, the rule that led to it, and the evidence in words."""

    department: str
    rule: Rule
    evidence: str


class Hints:
    """Reads the fields of feedback by a chart's rules and names.

    A value is looked for among the rules: those that name it exactly, of its own source before those of any; then
    the patterns with * or ? in the order of the file; then among the departments' names, aliases and paths.
    """

    def __init__(self, chart: Chart) -> None:
        self._chart = chart
        self._exact: dict[tuple[str, str, str | None], str] = {}
        self._patterns: list[tuple[Route, re.Pattern[str]]] = []
        for route in chart.rules:
            for value in (fold(_tidy(pattern)) for pattern in route.patterns):
                if "*" in value or "?" in value:
                    self._patterns.append((route, _glob(value)))
                else:
                    self._exact[route.field, value, route.source] = route.department
        ruled = {value for _, value, _ in self._exact}
        self._nothing = {word for word in load_words().nothing if word not in ruled and not chart.called(word)}

    def decide(self, feedback: Feedback) -> Decision | None:
        """Return what the first field that leads somewhere says, or None."""
        for hint, value in self._said(feedback):
            if found := self._find(hint, value, feedback.source):
                return self._decision(hint, value, found)
        return None

    def unknown(self, feedback: Feedback) -> Iterator[str]:
        """Yield what to complain of: departments, groups and queues up to the deciding field that lead nowhere."""
        for hint, value in self._said(feedback):
            found = self._find(hint, value, feedback.source)
            if hint in _MUST_BE_KNOWN and (found is None or found.rest):
                yield self._complaint(hint, value, found)
            if found:
                return

    def _said(self, feedback: Feedback) -> Iterator[tuple[Hint, str]]:
        """Yield the fields that say something, in the order in which they decide, without empty parts of paths."""
        for hint in _ORDER:
            if hint in feedback.hints:
                value = _tidy(feedback.hints[hint], without=self._nothing)
                if value:
                    yield hint, value

    def _find(self, hint: Hint, value: str, source: str) -> Found | None:
        key = fold(value)
        exact = self._exact.get((hint, key, source)) or self._exact.get((hint, key, None))
        if exact:
            return Found(exact)
        for route, pattern in self._patterns:
            if route.field == hint and route.source in (None, source) and pattern.fullmatch(key):
                return Found(route.department)
        return self._chart.find(value)

    def _decision(self, hint: Hint, value: str, found: Found) -> Decision:
        words = load_words().evidence
        said = words[hint].format(value=shown(value))
        if found.rest:
            said = words["partly"].format(said=said, department=self._chart.path(found.department))
        return Decision(found.department, _ORDER[hint], said)

    def _complaint(self, hint: Hint, value: str, found: Found | None) -> str:
        words = load_words().unknown
        several = [self._chart.path(department) for department in self._chart.called(value.split(">")[0])]
        if found:
            below = self._chart.path(found.department)
            return words["partly"].format(field=hint, value=shown(value), department=below)
        template = words["ambiguous" if several else "missing"]
        return template.format(field=hint, value=shown(value), departments=", ".join(several))


def _tidy(path: str, without: Collection[str] = ()) -> str:
    """Return a path with its parts evenly spaced, those that are blank or `without` left out."""
    parts = (part.strip() for part in path.split(">"))
    return " > ".join(part for part in parts if part and fold(part) not in without)


def _glob(pattern: str) -> re.Pattern[str]:
    return re.compile(re.escape(pattern).replace(r"\*", ".*").replace(r"\?", "."), re.DOTALL)
