"""What a run saw of the corpus, and why one ended."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the columns, empty: screenings so far have no number, so every run sees them."""
    op.add_column("architectures", sa.Column("screening", sa.Integer(), nullable=True))
    op.create_index(
        op.f("ix_architectures_screening"), "architectures", ["screening"], unique=False
    )
    op.add_column("runs", sa.Column("reason", sa.Text(), nullable=True))
