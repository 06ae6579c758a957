"""What Alembic runs: the migrations, on the connection and in the transaction of `cxnlp.storage.database`."""

from alembic import context

from cxnlp.storage.schema import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    # SQLite can: a half-made schema rolls back as a whole.
    transactional_ddl=True,
)
with context.begin_transaction():
    context.run_migrations()
