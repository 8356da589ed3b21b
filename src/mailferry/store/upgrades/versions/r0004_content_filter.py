"""The filter of a batch on the date on which mail was received: as it was written, and the range that it means."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0002"


def upgrade() -> None:
    """Add the columns."""
    for name in ("content_filter", "content_filter_language"):
        op.add_column("batch", sa.Column(name, sa.Text(), server_default="", nullable=False))
    for name in ("received_start", "received_end"):
        op.add_column("batch", sa.Column(name, sa.Double(), nullable=True))
