"""Comments that their source deleted: counted, and found by the response they belong to."""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"

CURRENT: dict[str, Any] = {"sqlite_where": sa.text("current = 1"), "postgresql_where": sa.text("current")}


def upgrade() -> None:
    """Add the count to what runs did, and the index."""
    op.add_column("run_source", sa.Column("retired", sa.Integer(), nullable=False, server_default="0"))
    op.create_index("ix_feedback_response", "feedback", ["source", "response_id"], **CURRENT)
