"""Weak labels of public data sets: what is known of their comments, in the form of labelled ones."""

from __future__ import annotations

import csv
import xml.etree.ElementTree as ET
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path

from cxnlp.analysis.rules import label_of
from cxnlp.evaluation.gold import Example, Label
from cxnlp.records import Polarity, Sentiment


def texts_of(folder: Path | None) -> dict[str, Example]:
    """Return the comments of the public data sets in a folder by id, for stand-off labels; none without a folder."""
    return {example.id: example for example in read_weak(folder)} if folder else {}


def read_weak(folder: Path) -> Iterator[Example]:
    """Yield weakly labelled examples of the public data sets that are there: see `WEAK`."""
    for place, reader in WEAK.items():
        if (folder / place).exists():
            yield from reader(folder / place)


def _csv(path: Path) -> Iterator[dict[str, str]]:
    csv.field_size_limit(10**8)
    with path.open(encoding="utf-8-sig", newline="") as file:
        yield from csv.DictReader(file)


_NHS = {
    "Staff manner & personal attributes": "staff_attitude",
    "Staff listening, understanding & involving patients": "understanding",
    "Competence & training": "understanding",
    "Timeliness of care": "wait_time",
    "Contacting services": "human_contact",
    "Number & deployment of staff": "human_contact",
    "Information provision & guidance": "communication",
    "Being kept informed, clarity & consistency of information": "communication",
    "Information directly from staff during care": "communication",
    "Parking": "environment",
    "Cleanliness, tidiness & infection control": "environment",
    "Environment & Facilities": "environment",
    "Food & drink provision & facilities": "product_quality",
    "Impact of treatment/ care": "product_quality",
    "Staff continuity": "personalization",
    "Existence of services": "availability",
    "Service location": "availability",
}
_NHS_SENTIMENT = {
    "1": Sentiment.POSITIVE,
    "2": Sentiment.POSITIVE,
    "4": Sentiment.NEGATIVE,
    "5": Sentiment.NEGATIVE,
}


def _nhs(path: Path) -> Iterator[Example]:
    for row in _csv(path):
        overall = _NHS_SENTIMENT.get(row["Comment sentiment"])
        text = row["FFT answer"].strip()
        if overall is None or len(text) < 3:
            continue
        polarity = Polarity(overall.value)
        topics = {topic for column, topic in _NHS.items() if row[column] == "1"}
        known = frozenset(label_of(topic, polarity) for topic in set(_NHS.values()))
        yield Example(
            id="nhs_v6:" + row["Comment ID"],
            dataset="nhs_v6",
            text=text,
            question=row["FFT question"].replace("\n", " "),
            overall=overall,
            findings=tuple(Label(topic, polarity) for topic in sorted(topics)),
            known=known,
        )


_PHASE1 = {
    "Attitude Of Staff": "staff_attitude",
    "Staff: General": "staff_attitude",
    "Professionalism/Competence Of Staff": "understanding",
    "Listening": "understanding",
    "Amount/clarity of information": "communication",
    "Time spent waiting for first appt/referral/service": "wait_time",
    "Time spent waiting between appointments": "wait_time",
    "Food": "product_quality",
    "Care received": "product_quality",
    "Physical care": "product_quality",
    "Facilities/equipment": "environment",
    "Environment/ facilities": "environment",
    "Cleanliness": "environment",
    "Staffing levels": "human_contact",
    "Consistency/Continuity of care": "personalization",
    "Provision of services": "availability",
    "Location": "availability",
}


def _phase1(path: Path) -> Iterator[Example]:
    for row in _csv(path):
        text = row["feedback"].strip()
        topic = _PHASE1.get(row["subcategory"])
        strength = row["criticality"]
        if len(text) < 3 or strength.lstrip("-") not in {"2", "3", "4", "5"}:
            continue
        polarity = Polarity.NEGATIVE if strength.startswith("-") else Polarity.POSITIVE
        labels = (Label(topic, polarity),) if topic else ()
        yield Example(
            id="nhs_phase1:" + row["row_index"],
            dataset="nhs_phase1",
            text=text,
            overall=Sentiment(polarity.value),
            findings=labels,
            known=frozenset(label.name for label in labels),
        )


def _clothing(path: Path) -> Iterator[Example]:
    stars = {"1": Sentiment.NEGATIVE, "5": Sentiment.POSITIVE}
    for row in _csv(path):
        if row["Review Text"].strip() and row["Rating"] in stars:
            yield Example(
                id="clothing:" + row[""],
                dataset="clothing",
                text=row["Review Text"].strip(),
                overall=stars[row["Rating"]],
                known=frozenset(),
            )


def _vader(path: Path) -> Iterator[Example]:
    with path.open(encoding="utf-8", errors="replace") as lines:
        for line in lines:
            number, mean, text = line.rstrip("\n").split("\t", 2)
            value = float(mean)
            if abs(value) < 0.3 or abs(value) > 1.0:
                overall = (
                    Sentiment.NEUTRAL if abs(value) < 0.3 else Sentiment.POSITIVE if value > 0 else Sentiment.NEGATIVE
                )
                yield Example(
                    id="vader_amazon:" + number, dataset="vader_amazon", text=text, overall=overall, known=frozenset()
                )


_UCI = {"amazon_cells_labelled": "uci_amazon_cells", "yelp_labelled": "uci_yelp"}


def _uci(path: Path) -> Iterator[Example]:
    with path.open(encoding="utf-8") as lines:
        for number, line in enumerate(lines):
            text, _, mark = line.rstrip("\n").rpartition("\t")
            if mark in {"0", "1"}:
                overall = Sentiment.POSITIVE if mark == "1" else Sentiment.NEGATIVE
                yield Example(f"{path.stem}:{number}", _UCI[path.stem], text, overall=overall, known=frozenset())


_MAMS = {
    "food": "product_quality",
    "staff": "staff_attitude",
    "service": "staff_attitude",
    "price": "price_value",
    "ambience": "environment",
    "menu": "availability",
}


def _mams(path: Path) -> Iterator[Example]:
    for number, sentence in enumerate(ET.parse(path).getroot()):  # noqa: S314 - a local file of the training data
        labels = []
        known = set()
        for aspect in sentence.iter("aspectCategory"):
            topic = _MAMS.get(aspect.get("category", ""))
            if topic in {"product_quality", "price_value", "environment"}:
                known |= {label_of(topic, polarity) for polarity in (Polarity.NEGATIVE, Polarity.POSITIVE)}
                if aspect.get("polarity") in {"negative", "positive"}:
                    labels.append(Label(topic, Polarity(str(aspect.get("polarity")))))
        text = sentence.findtext("text") or ""
        if known:
            yield Example(f"mams:{path.stem}:{number}", "mams", text, findings=tuple(labels), known=frozenset(known))


def _banking(path: Path) -> Iterator[Example]:
    for number, row in enumerate(_csv(path)):
        yield Example(
            f"banking77:{number}", "banking77", row["text"], overall=Sentiment.NEUTRAL, churn=False, known=frozenset()
        )


def _cfpb(path: Path) -> Iterator[Example]:
    for row in _csv(path):
        text = row["Consumer complaint narrative"].strip()
        if text:
            overall = Sentiment.NEGATIVE  # it is a complaint
            yield Example("cfpb:" + row["Complaint ID"], "cfpb", text, overall=overall, known=frozenset())


WEAK: Mapping[str, Callable[[Path], Iterator[Example]]] = {
    "nhs_friends_and_family/comments.csv": _nhs,
    "nhs_friends_and_family/phase_1.csv": _phase1,
    "clothing_reviews/reviews.csv": _clothing,
    "vader_groundtruth/amazonReviewSnippets_GroundTruth.txt": _vader,
    "uci_sentiment_sentences/amazon_cells_labelled.txt": _uci,
    "uci_sentiment_sentences/yelp_labelled.txt": _uci,
    "mams_acsa/train.xml": _mams,
    "banking77/train.csv": _banking,
    "cfpb_complaints/complaints.csv": _cfpb,
}
"""Each weakly labelled data set, and how it is read. Licences stand in the model card."""


def without_texts_of(examples: Iterable[Example], held_out: Iterable[Example]) -> list[Example]:
    """Return the examples whose text stands in none of `held_out`: weak copies of dev comments must not be learned."""
    texts = {example.text.strip().casefold() for example in held_out}
    return [example for example in examples if example.text.strip().casefold() not in texts]
