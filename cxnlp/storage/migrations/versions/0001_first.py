"""Everything of the first store."""

import uuid
from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
MOMENT = sa.Text().with_variant(sa.DateTime(timezone=True), "postgresql")
CURRENT: dict[str, Any] = {"sqlite_where": sa.text("current = 1"), "postgresql_where": sa.text("current")}


def upgrade() -> None:
    """Make the tables and give the store an identity of its own."""
    _what_runs_did()
    _what_was_said()
    _what_was_read()
    _whose_it_is()
    meta = sa.table("meta", sa.column("key"), sa.column("value"))
    op.bulk_insert(
        meta,
        [
            {"key": "application", "value": "cxnlp"},
            {"key": "store", "value": uuid.uuid4().hex[:12]},
            {"key": "changes", "value": "0"},
        ],
    )


def _what_runs_did() -> None:
    op.create_table(
        "run",
        sa.Column("number", ID, nullable=False),
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("started_at", MOMENT, nullable=False),
        sa.Column("finished_at", MOMENT),
        sa.Column("analysed", sa.Integer(), nullable=False),
        sa.Column("findings", sa.Integer(), nullable=False),
        sa.Column("linked", sa.Integer(), nullable=False),
        sa.Column("published", sa.Text()),
        sa.Column("versions", sa.JSON(), nullable=False),
        sa.Column("notes", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("number", name="pk_run"),
    )
    op.create_index("uq_run_id", "run", ["id"], unique=True)
    op.create_table(
        "run_source",
        sa.Column("run_id", sa.Text(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("pulled", sa.Integer(), nullable=False),
        sa.Column("new", sa.Integer(), nullable=False),
        sa.Column("updated", sa.Integer(), nullable=False),
        sa.Column("unchanged", sa.Integer(), nullable=False),
        sa.Column("duplicate", sa.Integer(), nullable=False),
        sa.Column("rejected", sa.JSON(), nullable=False),
        sa.Column("warnings", sa.JSON(), nullable=False),
        sa.Column("error", sa.Text()),
        sa.ForeignKeyConstraint(["run_id"], ["run.id"], name="fk_run_source_run_id_run"),
        sa.PrimaryKeyConstraint("run_id", "source", name="pk_run_source"),
    )
    op.create_table(
        "run_status",
        sa.Column("run_id", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("n", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["run_id"], ["run.id"], name="fk_run_status_run_id_run"),
        sa.PrimaryKeyConstraint("run_id", "status", name="pk_run_status"),
    )
    op.create_table(
        "reject",
        sa.Column("id", ID, nullable=False),
        sa.Column("run_id", sa.Text(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("detail", sa.Text(), nullable=False),
        sa.Column("place", sa.Text(), nullable=False),
        sa.Column("record_id", sa.Text()),
        sa.Column("excerpt", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["run_id"], ["run.id"], name="fk_reject_run_id_run"),
        sa.PrimaryKeyConstraint("id", name="pk_reject"),
    )
    op.create_index("ix_reject_run_id", "reject", ["run_id"], unique=False)
    op.create_table(
        "cursor",
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("cursor", sa.Text(), nullable=False),
        sa.Column("run_id", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["run_id"], ["run.id"], name="fk_cursor_run_id_run"),
        sa.PrimaryKeyConstraint("source", name="pk_cursor"),
    )
    op.create_table(
        "meta",
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("key", name="pk_meta"),
    )


def _what_was_said() -> None:
    op.create_table(
        "feedback",
        sa.Column("id", ID, nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("source_record_id", sa.Text(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("current", sa.Boolean(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("created_at", MOMENT),
        sa.Column("digest", sa.Text(), nullable=False),
        sa.Column("run_id", sa.Text(), nullable=False),
        sa.Column("channel", sa.Text(), nullable=False),
        sa.Column("response_id", sa.Text(), nullable=False),
        sa.Column("question", sa.Text()),
        sa.Column("updated_at", MOMENT),
        sa.Column("language", sa.Text()),
        sa.Column("customer_ref", sa.Text()),
        sa.Column("score", sa.Double()),
        sa.Column("scale", sa.Text()),
        sa.Column("first_reply_at", MOMENT),
        sa.Column("resolved_at", MOMENT),
        sa.Column("reopened", sa.Integer()),
        sa.Column("hints", sa.JSON(), nullable=False),
        sa.Column("attributes", sa.JSON(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["run_id"], ["run.id"], name="fk_feedback_run_id_run"),
        sa.PrimaryKeyConstraint("id", name="pk_feedback"),
    )
    op.create_index("ix_feedback_status", "feedback", ["status", "id"], unique=False, **CURRENT)
    op.create_index("uq_feedback_current", "feedback", ["source", "source_record_id"], unique=True, **CURRENT)


def _what_was_read() -> None:
    op.create_table(
        "analysis",
        sa.Column("id", ID, nullable=False),
        sa.Column("feedback_id", ID, nullable=False),
        sa.Column("current", sa.Boolean(), nullable=False),
        sa.Column("run_id", sa.Text(), nullable=False),
        sa.Column("model", sa.Text(), nullable=False),
        sa.Column("taxonomy", sa.Text(), nullable=False),
        sa.Column("overall", sa.Text(), nullable=False),
        sa.Column("probabilities", sa.JSON(), nullable=False),
        sa.Column("churn", sa.Boolean(), nullable=False),
        sa.Column("churn_probability", sa.Double(), nullable=False),
        sa.Column("reason", sa.Text()),
        sa.ForeignKeyConstraint(["feedback_id"], ["feedback.id"], name="fk_analysis_feedback_id_feedback"),
        sa.ForeignKeyConstraint(["run_id"], ["run.id"], name="fk_analysis_run_id_run"),
        sa.PrimaryKeyConstraint("id", name="pk_analysis"),
    )
    op.create_index("uq_analysis_current", "analysis", ["feedback_id"], unique=True, **CURRENT)
    op.create_table(
        "finding",
        sa.Column("analysis_id", ID, autoincrement=False, nullable=False),
        sa.Column("position", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("topic", sa.Text(), nullable=False),
        sa.Column("polarity", sa.Text(), nullable=False),
        sa.Column("score", sa.Double(), nullable=False),
        sa.Column("start", sa.Integer(), nullable=False),
        sa.Column("end", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["analysis_id"], ["analysis.id"], name="fk_finding_analysis_id_analysis"),
        sa.PrimaryKeyConstraint("analysis_id", "position", name="pk_finding"),
        sqlite_with_rowid=False,
    )


def _whose_it_is() -> None:
    op.create_table(
        "link",
        sa.Column("feedback_id", ID, autoincrement=False, nullable=False),
        sa.Column("analysis_id", ID),
        sa.Column("routing", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["analysis_id"], ["analysis.id"], name="fk_link_analysis_id_analysis"),
        sa.ForeignKeyConstraint(["feedback_id"], ["feedback.id"], name="fk_link_feedback_id_feedback"),
        sa.PrimaryKeyConstraint("feedback_id", name="pk_link"),
    )
    op.create_table(
        "assignment",
        sa.Column("feedback_id", ID, autoincrement=False, nullable=False),
        sa.Column("position", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("analysis_id", ID),
        sa.Column("finding", sa.Integer()),
        sa.Column("department", sa.Text(), nullable=False),
        sa.Column("rule", sa.Text(), nullable=False),
        sa.Column("evidence", sa.Text(), nullable=False),
        sa.Column("confidence", sa.Double(), nullable=False),
        sa.ForeignKeyConstraint(
            ["analysis_id", "finding"],
            ["finding.analysis_id", "finding.position"],
            name="fk_assignment_analysis_id_finding",
        ),
        sa.ForeignKeyConstraint(["feedback_id"], ["link.feedback_id"], name="fk_assignment_feedback_id_link"),
        sa.PrimaryKeyConstraint("feedback_id", "position", name="pk_assignment"),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_assignment_department", "assignment", ["department"], unique=False)
    op.create_table(
        "department_closure",
        sa.Column("department", sa.Text(), nullable=False),
        sa.Column("ancestor", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("department", "ancestor", name="pk_department_closure"),
        sqlite_with_rowid=False,
    )
