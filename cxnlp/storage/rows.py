"""Records as rows and rows as records."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import Any, TypeVar

from sqlalchemy import Row

from cxnlp.records import (
    Analysis,
    Assignment,
    Channel,
    Feedback,
    Finding,
    Hint,
    Polarity,
    Reject,
    Scale,
    Score,
    Sentiment,
    TextStatus,
    Timing,
)

T = TypeVar("T")

AT_ONCE = 1_000
"""Values in one IN (...): far below what either database takes."""


def chunks(items: Iterable[T], size: int = AT_ONCE) -> Iterator[list[T]]:
    """Yield the items in lists of `size`, the last one shorter."""
    iterator = iter(items)
    while chunk := list(islice(iterator, size)):
        yield chunk


def feedback_row(feedback: Feedback, *, digest: str, version: int, run_id: str) -> dict[str, Any]:
    """Return a current row of the table feedback."""
    return {
        "source": feedback.source,
        "source_record_id": feedback.source_record_id,
        "version": version,
        "current": True,
        "status": feedback.status.value,
        "created_at": feedback.created_at,
        "digest": digest,
        "run_id": run_id,
        "channel": feedback.channel.value,
        "response_id": feedback.response_id,
        "question": feedback.question,
        "updated_at": feedback.updated_at,
        "language": feedback.language,
        "customer_ref": feedback.customer_ref,
        "score": feedback.score.value if feedback.score else None,
        "scale": feedback.score.scale.value if feedback.score else None,
        "first_reply_at": feedback.timing.first_reply_at,
        "resolved_at": feedback.timing.resolved_at,
        "reopened": feedback.timing.reopened,
        "hints": dict(feedback.hints),
        "attributes": dict(feedback.attributes),
        "text": feedback.text,
    }


def feedback_of(row: Row[Any]) -> Feedback:
    """Return the comment of a row that has all columns of the table feedback."""
    return Feedback(
        source=row.source,
        source_record_id=row.source_record_id,
        channel=Channel(row.channel),
        text=row.text,
        response_id=row.response_id,
        question=row.question,
        created_at=row.created_at,
        updated_at=row.updated_at,
        language=row.language,
        customer_ref=row.customer_ref,
        score=None if row.score is None else Score(row.score, Scale(row.scale)),
        hints={Hint(hint): value for hint, value in row.hints.items()},
        timing=Timing(row.first_reply_at, row.resolved_at, row.reopened),
        attributes=row.attributes,
        status=TextStatus(row.status),
    )


def analysis_row(feedback_id: int, analysis: Analysis, *, run_id: str) -> dict[str, Any]:
    """Return a current row of the table analysis."""
    return {
        "feedback_id": feedback_id,
        "current": True,
        "run_id": run_id,
        "model": analysis.model,
        "taxonomy": analysis.taxonomy,
        "overall": analysis.overall.value,
        "probabilities": dict(analysis.probabilities),
        "churn": bool(analysis.churn),
        "churn_probability": float(analysis.churn_probability),
        "reason": analysis.reason,
    }


def analysis_of(row: Row[Any], findings: Iterable[Finding]) -> Analysis:
    """Return the analysis of a row that has the columns of the table analysis."""
    return Analysis(
        overall=Sentiment(row.overall),
        probabilities={Sentiment(name): value for name, value in row.probabilities.items()},
        churn=row.churn,
        churn_probability=row.churn_probability,
        findings=tuple(findings),
        model=row.model,
        taxonomy=row.taxonomy,
        reason=row.reason,
    )


def finding_rows(analysis_id: int, findings: Sequence[Finding]) -> Iterator[dict[str, Any]]:
    """Yield the rows of the table finding."""
    for position, finding in enumerate(findings):
        yield {
            "analysis_id": analysis_id,
            "position": position,
            "topic": finding.topic,
            "polarity": finding.polarity.value,
            "score": float(finding.score),
            "start": int(finding.start),
            "end": int(finding.end),
        }


def finding_of(row: Row[Any]) -> Finding:
    """Return the finding of a row."""
    return Finding(row.topic, Polarity(row.polarity), row.score, row.start, row.end)


def assignment_rows(
    feedback_id: int, analysis_id: int | None, assignments: Sequence[Assignment]
) -> Iterator[dict[str, Any]]:
    """Yield the rows of the table assignment."""
    for position, assignment in enumerate(assignments):
        yield {
            "feedback_id": feedback_id,
            "position": position,
            "analysis_id": analysis_id,
            "finding": assignment.finding,
            "department": assignment.department,
            "rule": assignment.rule.value,
            "evidence": assignment.evidence,
            "confidence": float(assignment.confidence),
        }


def reject_row(reject: Reject, *, run_id: str) -> dict[str, Any]:
    """Return a row of the table reject."""
    return {
        "run_id": run_id,
        "source": reject.source,
        "reason": reject.reason,
        "detail": reject.detail,
        "place": reject.place,
        "record_id": reject.record_id,
        "excerpt": reject.excerpt,
    }


def reject_of(row: Row[Any]) -> Reject:
    """Return the reject of a row."""
    return Reject(row.source, row.reason, row.detail, row.place, row.record_id, row.excerpt)
