"""The spaCy component: `nlp.add_pipe("cxnlp")` reads the comments that a pipeline's documents hold.

It sets `doc.spans["cxnlp"]`, a span with the label "topic:polarity" for each finding, and `doc._.cxnlp`, the Analysis.
`doc._.cxnlp_question` may hold the question that the text answers; it is read if it is set before the component runs.
Importing this module, as `add_pipe` does, makes both known: do so before documents that hold them are read from disk.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import Any

from spacy.language import Language
from spacy.tokens import Doc, SpanGroup

from cxnlp.analysis.packages import LIVE, load_analyser
from cxnlp.analysis.rules import label_of
from cxnlp.records import Analysis, Finding, Polarity, Sentiment

_KEY = "cxnlp"
_PLAIN = "cxnlp_plain"


class CxnlpComponent:
    """Reads documents with the analyser of a model reference, loaded when the first document comes.

    `spans_key` names the group of `doc.spans`. Spans cover whole tokens of the document; the Analysis has the exact
    characters.
    """

    def __init__(self, name: str, *, model: str, spans_key: str) -> None:
        self.name = name
        self.model = model
        self.spans_key = spans_key

    def __call__(self, doc: Doc) -> Doc:
        """Return the document with its analysis set."""
        self.set_annotations([doc], self.predict([doc]))
        return doc

    def pipe(self, stream: Iterable[Doc], *, batch_size: int = 256) -> Iterator[Doc]:
        """Yield documents with their analyses set, read in batches."""
        documents = iter(stream)
        while docs := list(islice(documents, batch_size)):
            self.set_annotations(docs, self.predict(docs))
            yield from docs

    def predict(self, docs: Sequence[Doc]) -> list[Analysis]:
        """Return one Analysis for each document; changes nothing."""
        analyser = load_analyser(self.model)  # kept by load_analyser, so that this component can be sent to a process
        return analyser.analyse([doc.text for doc in docs], [_question(doc) for doc in docs])

    def set_annotations(self, docs: Sequence[Doc], analyses: Sequence[Analysis]) -> None:
        """Write analyses into their documents."""
        for doc, analysis in zip(docs, analyses, strict=True):
            doc._.set(_PLAIN, _as_plain(analysis))
            spans: Any = [
                doc.char_span(one.start, one.end, label_of(one.topic, one.polarity), alignment_mode="expand")
                for one in analysis.findings
            ]
            scores = {"scores": [one.score for one in analysis.findings]}  # where spaCy's own spancat has them
            doc.spans[self.spans_key] = SpanGroup(doc, name=self.spans_key, spans=spans, attrs=scores)


@Language.factory("cxnlp", default_config={"model": LIVE, "spans_key": _KEY}, assigns=["doc.spans", "doc._.cxnlp"])
def make_component(nlp: Language, name: str, model: str, spans_key: str) -> CxnlpComponent:
    """Return the component; ModelError, when the first document comes, if there is no such model."""
    return CxnlpComponent(name, model=model, spans_key=spans_key)


def _as_plain(analysis: Analysis) -> dict[str, Any]:
    """Return the analysis as plain values: documents must be able to become bytes (DocBin, n_process)."""
    return {
        "overall": str(analysis.overall),
        "probabilities": {str(sentiment): value for sentiment, value in analysis.probabilities.items()},
        "churn": analysis.churn,
        "churn_probability": analysis.churn_probability,
        "findings": [[one.topic, str(one.polarity), one.score, one.start, one.end] for one in analysis.findings],
        "model": analysis.model,
        "taxonomy": analysis.taxonomy,
        "reason": analysis.reason,
    }


def _analysis(doc: Doc) -> Analysis | None:
    plain = doc._.get(_PLAIN)
    if plain is None:
        return None
    return Analysis(
        overall=Sentiment(plain["overall"]),
        probabilities={Sentiment(name): value for name, value in plain["probabilities"].items()},
        churn=plain["churn"],
        churn_probability=plain["churn_probability"],
        findings=tuple(Finding(topic, Polarity(polarity), *rest) for topic, polarity, *rest in plain["findings"]),
        model=plain["model"],
        taxonomy=plain["taxonomy"],
        reason=plain["reason"],
    )


def _question(doc: Doc) -> str | None:
    question = doc._.cxnlp_question
    return question if isinstance(question, str) else None


if not Doc.has_extension(_KEY):
    Doc.set_extension(_PLAIN, default=None)
    Doc.set_extension(_KEY, getter=_analysis)
    Doc.set_extension("cxnlp_question", default=None)
