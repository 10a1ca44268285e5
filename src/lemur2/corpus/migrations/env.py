"""Alembic's entry point: run the migrations on the connection that the caller holds."""

from alembic import context

from lemur2.corpus.db.schema import VERSION_TABLE, metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    version_table=VERSION_TABLE,
    render_as_batch=True,
)
with context.begin_transaction():
    context.run_migrations()
