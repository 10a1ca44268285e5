"""The tables. Migrations build them (`migrations/`); a test keeps the two equal.

Made for half a million trials: whatever repeats (source text, environments, the task, data set
and metric of a trial, its transform) is stored once and referred to by a small integer, so that
a row of `trials` has about a hundred bytes and a scan of all of them reads tens of megabytes.
Times are seconds since 1970 (UTC). JSON is kept as text, so that every database is the same.
"""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Column,
    Double,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
)

REVISION = "0008"  # the newest migration: what this code reads and writes
VERSION_TABLE = "lemur2_version"  # Alembic's own table, under a name that no other tool uses

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(column_0_N_label)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)

# Source text and prompts, UTF-8: bytes, because generated text may hold what a database's text
# type refuses (NUL, lone surrogates), and what was proposed is stored as it was.
sources = Table(
    "sources",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("sha256", String(64), nullable=False, unique=True),
    Column("text", LargeBinary, nullable=False),
)

environments = Table(
    "environments",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("sha256", String(64), nullable=False, unique=True),
    Column("content", Text, nullable=False),  # JSON
)

benchmarks = Table(
    "benchmarks",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("task", Text, nullable=False),
    Column("dataset", Text, nullable=False),
    Column("metric", Text, nullable=False),
    UniqueConstraint("task", "dataset", "metric"),
)

# A transform's name says which it is within its source: an edited file is another row.
transforms = Table(
    "transforms",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("name", Text, nullable=False),
    Column("source_id", ForeignKey("sources.id"), nullable=False),
    UniqueConstraint("name", "source_id"),
)

architectures = Table(
    "architectures",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("name", Text, nullable=False, unique=True),
    Column("family", Text, nullable=False, index=True),
    Column("digest", Text, nullable=False, index=True),  # canonical
    Column("source_id", ForeignKey("sources.id"), nullable=False),
    Column("hyperparameters", Text),  # JSON list: what it declares; NULL if not read
    Column("input_size", Integer),
    Column("sample_shape", Text),  # JSON list
    Column("outputs", Text),  # JSON list
    Column("parameters", BigInteger),
    Column("flops", BigInteger),
    Column("memory", BigInteger),
    Column("screen_seconds", Double),
    Column("structure_digest", Text, index=True),
    Column("notes", Text),  # JSON list
    Column("created", Double, nullable=False),
    Column("prefix", Text),  # what the name has before its md5, UUID or counter; NULL if nothing
    Column("whitespace_md5", String(32), index=True),  # of the text without any whitespace
    Column("flagged", Text),  # why it is to be taken with care; NULL if it is not
    Column("legacy_name", Text, unique=True, index=True),  # an imported one's, in its own corpus
    Column("import_id", ForeignKey("imports.id")),  # NULL: it is this corpus's own
    # The how-manieth screening of a network that was stored without facts; NULL for those that came
    # with them. Tells runs that began before (`corpus.rows.watermark`).
    Column("screening", Integer, index=True),
)

# Where imported rows come from. An import that was killed is `running`; doing it again goes on.
imports = Table(
    "imports",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("name", Text, nullable=False),  # of the corpus: `nn-dataset`
    Column("version", Text, nullable=False),  # "" where the source does not say
    Column("status", Text, nullable=False),  # `running`, `finished`, `superseded`
    Column("summary", Text, nullable=False),  # JSON: counts, see corpus.importing.summary
    Column("created", Double, nullable=False),
    Column("updated", Double, nullable=False),
)

# What an import has read: the trials of a network under a task, data set and metric are stored
# in one transaction with a fingerprint of the files they came from.
import_folders = Table(
    "import_folders",
    metadata,
    Column("architecture_id", ForeignKey("architectures.id"), primary_key=True),
    Column("benchmark_id", ForeignKey("benchmarks.id"), primary_key=True),
    Column("fingerprint", Text, nullable=False),
    sqlite_with_rowid=False,
)

# Inference on a device, as an imported corpus recorded it.
device_runs = Table(
    "device_runs",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("architecture_id", ForeignKey("architectures.id"), nullable=False),
    Column("task", Text, nullable=False),
    Column("device", Text, nullable=False),  # name of the file
    Column("device_type", Text, nullable=False),
    Column("os_version", Text, nullable=False),
    Column("valid", Integer, nullable=False),  # 0 or 1
    Column("emulator", Integer, nullable=False),  # 0 or 1
    Column("error", Text),
    Column("duration", Double),  # as recorded: no unit is given, the sizes suggest ms
    Column("measured", Double),  # seconds since 1970
    Column("details", Text, nullable=False),  # JSON: everything else that was recorded
    Column("environment_id", ForeignKey("environments.id"), nullable=False),  # the processor
    Column("fingerprint", Text, nullable=False),
    Column("import_id", ForeignKey("imports.id"), nullable=False),
    UniqueConstraint("architecture_id", "task", "device"),
)

# Parents by name: one may come from outside the corpus, or arrive in it later.
lineage = Table(
    "lineage",
    metadata,
    Column("child_id", ForeignKey("architectures.id", ondelete="CASCADE"), primary_key=True),
    Column("parent", Text, primary_key=True, index=True),
)

# Marks of `lemur2 dedupe --mark`: networks that another one stands for. Nothing is deleted.
redundant = Table(
    "redundant",
    metadata,
    Column("architecture_id", ForeignKey("architectures.id", ondelete="CASCADE"), primary_key=True),
    Column("representative_id", ForeignKey("architectures.id", ondelete="CASCADE"), nullable=False),
    Column("tier", Text, nullable=False),
    Column("similarity", Double, nullable=False),
    Index(None, "representative_id"),
)

# What the source tells without running it (`architecture.facts`), kept because reading all sources
# takes half a minute. A row of another version of the reader is read again.
static_facts = Table(
    "static_facts",
    metadata,
    Column("architecture_id", ForeignKey("architectures.id", ondelete="CASCADE"), primary_key=True),
    Column("version", Integer, nullable=False),
    Column("facts", Text, nullable=False),  # JSON; "null" where the source does not parse
)

runs = Table(
    "runs",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("verb", Text, nullable=False),
    Column("generator", Text, nullable=False),
    Column("config", Text, nullable=False),  # JSON
    Column("seed", BigInteger, nullable=False),
    Column("protocol", Text, nullable=False),  # JSON
    Column("limits", Text, nullable=False),  # JSON
    Column("total", Integer),
    Column("status", Text, nullable=False),
    Column("told", Integer, nullable=False),
    Column("state", Text),  # JSON, of the generator
    Column("environment_id", ForeignKey("environments.id"), nullable=False),
    Column("version", Text, nullable=False),
    Column("created", Double, nullable=False),
    Column("updated", Double, nullable=False),
    Column("reason", Text),  # why it failed; NULL or "" where it did not
)

trials = Table(
    "trials",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("architecture_id", ForeignKey("architectures.id"), nullable=False, index=True),
    Column("benchmark_id", ForeignKey("benchmarks.id"), nullable=False),
    Column("transform_id", ForeignKey("transforms.id"), nullable=False),
    Column("environment_id", ForeignKey("environments.id"), nullable=False),
    Column("run_id", ForeignKey("runs.id"), index=True),
    Column("seed", BigInteger),  # NULL where it is not known (imported trials)
    Column("lr", Double),
    Column("batch", BigInteger),
    Column("momentum", Double),
    Column("dropout", Double),
    Column("prm", Text, nullable=False),  # JSON: the hyperparameters that no column gives back
    Column("verdict", Text),  # NULL while it is under way
    Column("reason", Text, nullable=False),
    Column("test_score", Double),
    Column("uid", Text),  # of an imported trial, as its corpus had it
    Column("created", Double, nullable=False),
    Column("flagged", Text),  # why its scores are to be taken with care; NULL if they are not
    Column("import_id", ForeignKey("imports.id")),  # NULL: it was trained by this corpus
    Index(None, "benchmark_id", "architecture_id"),
)

# What networks printed while they were trained: apart, because few trials have any and it is long.
outputs = Table(
    "outputs",
    metadata,
    Column("trial_id", ForeignKey("trials.id", ondelete="CASCADE"), primary_key=True),
    Column("text", LargeBinary, nullable=False),  # UTF-8
)

# Weights of trained networks. The files are in an artifact store, by their digests.
artifacts = Table(
    "artifacts",
    metadata,
    Column("trial_id", ForeignKey("trials.id", ondelete="CASCADE"), primary_key=True),
    Column("epoch", Integer, nullable=False),  # after which the network had them
    Column("digest", String(64), nullable=False, index=True),  # SHA-256 of the file, hex
    Column("size", BigInteger, nullable=False),  # of the file, in bytes
    Column("plan", Text, nullable=False),  # what it was trained under, JSON
    Column("created", Double, nullable=False),
)

epochs = Table(
    "epochs",
    metadata,
    Column("trial_id", ForeignKey("trials.id", ondelete="CASCADE"), primary_key=True),
    Column("epoch", Integer, primary_key=True),
    Column("score", Double),  # NULL is NaN
    Column("loss", Double),
    Column("seconds", Double),
    Column("memory", BigInteger),
    Column("elapsed", BigInteger),  # ns since the start, of an imported trial, as it was recorded
    Column("diagnostics", Text),  # JSON: what the network tells of itself; NULL if nothing
    sqlite_with_rowid=False,
)

attempts = Table(
    "attempts",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("run_id", ForeignKey("runs.id"), nullable=False),
    Column("index", Integer, nullable=False),  # 0-based, in the order of asking
    Column("kind", Text, nullable=False),
    Column("source_id", ForeignKey("sources.id"), nullable=False),
    Column("generator", Text, nullable=False),
    Column("prefix", Text, nullable=False),
    Column("given_name", Text),  # Candidate.name
    Column("name", Text, nullable=False, index=True),
    Column("digest", Text, nullable=False),
    Column("parents", Text, nullable=False),  # JSON list
    Column("parameters", Text, nullable=False),  # JSON
    Column("prompt_id", ForeignKey("sources.id")),
    Column("training", Text),  # JSON: Candidate.training; NULL if it is empty
    Column("told", Integer),  # how many were told before, in runs that tell as attempts finish
    Column("verdict", Text),  # NULL while pending
    Column("reason", Text, nullable=False),
    Column("seconds", Double, nullable=False),
    Column("duplicate_of", Text),
    Column("facts", Text),  # JSON
    Column("trial_id", ForeignKey("trials.id"), unique=True),
    UniqueConstraint("run_id", "index"),
)
