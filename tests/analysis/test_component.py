from __future__ import annotations

from pathlib import Path

import pytest
import spacy
from spacy import displacy
from spacy.language import Language
from spacy.tokens import Doc, DocBin

from cxnlp.analysis.packages import load_analyser
from cxnlp.errors import ModelError

TEXT = "We waited four hours 😡 but the nurses were kind and friendly."


@pytest.fixture
def nlp() -> Language:
    nlp = spacy.blank("en")
    nlp.add_pipe("cxnlp")
    return nlp


def test_spans_and_the_analysis_are_set(nlp: Language) -> None:
    doc = nlp(TEXT)
    spans = {span.label_: span.text for span in doc.spans["cxnlp"]}
    assert "waited four hours" in spans["wait_time:negative"] and "kind" in spans["staff_attitude:positive"]
    assert doc._.cxnlp == load_analyser().analyse([TEXT])[0]
    assert doc.spans["cxnlp"].attrs["scores"] == [one.score for one in doc._.cxnlp.findings]


def test_a_stream_gives_the_same_as_one_by_one(nlp: Language) -> None:
    texts = [TEXT, "", "When will my card arrive?", "😀"] * 3
    streamed = [doc._.cxnlp for doc in nlp.pipe(texts, batch_size=5)]
    assert streamed == [nlp(text)._.cxnlp for text in texts]


def test_several_processes_give_the_same(nlp: Language) -> None:
    nlp(TEXT)  # the model is loaded, and its threads run, before the processes start
    texts = [TEXT, "Rude staff.", "", "When will my card arrive?"]
    docs = list(nlp.pipe(texts, n_process=2, batch_size=2))
    assert [doc._.cxnlp for doc in docs] == [nlp(text)._.cxnlp for text in texts]
    here = nlp(TEXT)
    assert [span.label_ for span in docs[0].spans["cxnlp"]] == [span.label_ for span in here.spans["cxnlp"]]


def test_the_question_is_read(nlp: Language) -> None:
    doc = nlp.make_doc("Waiting times")
    doc._.cxnlp_question = "What could we do better?"
    unasked = nlp.make_doc("Waiting times")
    unasked._.cxnlp_question = float("nan")  # a gap in a column
    assert nlp(unasked)._.cxnlp == nlp("Waiting times")._.cxnlp
    (expected,) = load_analyser().analyse(["Waiting times"], ["What could we do better?"])
    assert nlp(doc)._.cxnlp == expected


def test_a_pipeline_on_disk_and_documents_as_bytes_keep_it(nlp: Language, tmp_path: Path) -> None:
    nlp.to_disk(tmp_path / "pipeline")
    again = spacy.load(tmp_path / "pipeline")
    doc = again(TEXT)
    stored = DocBin(docs=[doc], store_user_data=True).to_bytes()
    (read,) = DocBin().from_bytes(stored).get_docs(again.vocab)
    assert read._.cxnlp == doc._.cxnlp
    assert [span.label_ for span in read.spans["cxnlp"]] == [span.label_ for span in doc.spans["cxnlp"]]


def test_documents_joined_keep_their_spans(nlp: Language) -> None:
    with pytest.warns(UserWarning, match="W101"):  # spaCy says that it joins no extensions
        both = Doc.from_docs([nlp(TEXT), nlp("Rude staff.")])
    assert [span.label_ for span in both.spans["cxnlp"]].count("staff_attitude:negative") == 1


def test_a_lone_surrogate_is_read() -> None:
    for model in ("live", "linear/1.0.0"):
        (analysis,) = load_analyser(model).analyse(["\ud800 The staff were rude."], ["\udfff?"])
        assert analysis.findings


def test_displacy_draws_the_spans(nlp: Language) -> None:
    html = displacy.render(nlp(TEXT), style="span", options={"spans_key": "cxnlp"}, jupyter=False)
    assert "wait_time:negative" in html


def test_the_model_and_the_key_are_configuration() -> None:
    nlp = spacy.blank("en")
    nlp.add_pipe("cxnlp", config={"model": "linear/1.0.0", "spans_key": "topics"})
    doc = nlp("The staff were rude.")
    assert doc._.cxnlp.model == "linear/1.0.0" and doc.spans["topics"][0].label_ == "staff_attitude:negative"


def test_an_unknown_model_is_named() -> None:
    nlp = spacy.blank("en")
    nlp.add_pipe("cxnlp", config={"model": "minilm/99"})
    with pytest.raises(ModelError, match="minilm/99"):
        nlp("Rude")


def test_a_document_not_read_has_no_analysis(nlp: Language) -> None:
    assert nlp.make_doc(TEXT)._.cxnlp is None
