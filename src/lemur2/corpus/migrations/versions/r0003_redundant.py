"""Marks of redundant networks; what sources tell without being run."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create both tables, empty."""
    op.create_table(
        "redundant",
        sa.Column("architecture_id", sa.Integer(), nullable=False),
        sa.Column("representative_id", sa.Integer(), nullable=False),
        sa.Column("tier", sa.Text(), nullable=False),
        sa.Column("similarity", sa.Double(), nullable=False),
        sa.ForeignKeyConstraint(
            ["architecture_id"],
            ["architectures.id"],
            name=op.f("fk_redundant_architecture_id"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["representative_id"],
            ["architectures.id"],
            name=op.f("fk_redundant_representative_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("architecture_id", name=op.f("pk_redundant")),
    )
    op.create_index(
        op.f("ix_redundant_representative_id"), "redundant", ["representative_id"], unique=False
    )
    op.create_table(
        "static_facts",
        sa.Column("architecture_id", sa.Integer(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("facts", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["architecture_id"],
            ["architectures.id"],
            name=op.f("fk_static_facts_architecture_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("architecture_id", name=op.f("pk_static_facts")),
    )
