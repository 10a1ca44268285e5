"""What a network tells about itself after an epoch."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the column, empty."""
    op.add_column("epochs", sa.Column("diagnostics", sa.Text(), nullable=True))
