"""Runs the migrations on the connection and in the transaction that `gitferry.store.migrate` gives."""

from alembic import context

from gitferry.store.models import Base

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=Base.metadata,
    # SQLite cannot alter most of a table in place, https://alembic.sqlalchemy.org/en/latest/batch.html
    render_as_batch=True,
)
context.run_migrations()
