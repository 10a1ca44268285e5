"""Candidates with training of their own; the order in which outcomes were told."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add two columns to `attempts`."""
    op.add_column("attempts", sa.Column("training", sa.Text(), nullable=True))
    op.add_column("attempts", sa.Column("told", sa.Integer(), nullable=True))
