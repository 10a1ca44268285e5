"""Imported corpora: where rows come from, what is flagged, inference on devices."""

import sqlalchemy as sa
from alembic import op

from lemur2.architecture.names import prefix, whitespace_md5

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add tables and columns; fill `prefix` and `whitespace_md5` of what is there."""
    _imports()
    _columns()
    _import_folders()
    _device_runs()
    _fill()


def _imports() -> None:
    op.create_table(
        "imports",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("version", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("summary", sa.Text(), nullable=False),
        sa.Column("created", sa.Double(), nullable=False),
        sa.Column("updated", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_imports")),
    )


def _columns() -> None:
    for name in ("prefix", "flagged", "legacy_name"):
        op.add_column("architectures", sa.Column(name, sa.Text(), nullable=True))
    op.add_column("architectures", sa.Column("whitespace_md5", sa.String(length=32), nullable=True))
    op.add_column("trials", sa.Column("flagged", sa.Text(), nullable=True))
    op.add_column("epochs", sa.Column("elapsed", sa.BigInteger(), nullable=True))
    # Not Alembic's operations: on SQLite they would build the table anew and drop the old one,
    # which deletes what refers to it.
    for table in ("architectures", "trials"):
        reference = f"CONSTRAINT fk_{table}_import_id REFERENCES imports (id)"
        op.execute(f"ALTER TABLE {table} ADD COLUMN import_id INTEGER {reference}")
    op.create_index(op.f("ix_architectures_whitespace_md5"), "architectures", ["whitespace_md5"])
    op.create_index(
        op.f("ix_architectures_legacy_name"), "architectures", ["legacy_name"], unique=True
    )


def _import_folders() -> None:
    op.create_table(
        "import_folders",
        sa.Column("architecture_id", sa.Integer(), nullable=False),
        sa.Column("benchmark_id", sa.Integer(), nullable=False),
        sa.Column("fingerprint", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["architecture_id"],
            ["architectures.id"],
            name=op.f("fk_import_folders_architecture_id"),
        ),
        sa.ForeignKeyConstraint(
            ["benchmark_id"], ["benchmarks.id"], name=op.f("fk_import_folders_benchmark_id")
        ),
        sa.PrimaryKeyConstraint("architecture_id", "benchmark_id", name=op.f("pk_import_folders")),
        sqlite_with_rowid=False,
    )


def _device_runs() -> None:
    op.create_table(
        "device_runs",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("architecture_id", sa.Integer(), nullable=False),
        sa.Column("task", sa.Text(), nullable=False),
        sa.Column("device", sa.Text(), nullable=False),
        sa.Column("device_type", sa.Text(), nullable=False),
        sa.Column("os_version", sa.Text(), nullable=False),
        sa.Column("valid", sa.Integer(), nullable=False),
        sa.Column("emulator", sa.Integer(), nullable=False),
        sa.Column("error", sa.Text(), nullable=True),
        sa.Column("duration", sa.Double(), nullable=True),
        sa.Column("measured", sa.Double(), nullable=True),
        sa.Column("details", sa.Text(), nullable=False),
        sa.Column("environment_id", sa.Integer(), nullable=False),
        sa.Column("fingerprint", sa.Text(), nullable=False),
        sa.Column("import_id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["architecture_id"], ["architectures.id"], name=op.f("fk_device_runs_architecture_id")
        ),
        sa.ForeignKeyConstraint(
            ["environment_id"], ["environments.id"], name=op.f("fk_device_runs_environment_id")
        ),
        sa.ForeignKeyConstraint(
            ["import_id"], ["imports.id"], name=op.f("fk_device_runs_import_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_device_runs")),
        sa.UniqueConstraint(
            "architecture_id",
            "task",
            "device",
            name=op.f("uq_device_runs_architecture_id_task_device"),
        ),
    )


def _fill() -> None:
    connection = op.get_bind()
    query = "SELECT a.id, a.name, s.text FROM architectures a JOIN sources s ON s.id = a.source_id"
    for key, name, text in connection.execute(sa.text(query)).all():
        connection.execute(
            sa.text(
                "UPDATE architectures SET whitespace_md5 = :md5, prefix = :prefix WHERE id = :id"
            ),
            {
                "md5": whitespace_md5(bytes(text).decode("utf-8", "surrogatepass")),
                "prefix": prefix(name),
                "id": key,
            },
        )
