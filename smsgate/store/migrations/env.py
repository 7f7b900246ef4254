"""Alembic's way in: it is handed an open connection, in the transaction that all migrations share."""

from __future__ import annotations

from alembic import context

from smsgate.store.tables import METADATA, complete_partial_indexes

connection = context.config.attributes["connection"]
if not connection.in_transaction():
    connection.begin()  # else Alembic begins and commits for itself
complete_partial_indexes(connection.dialect.name)
context.configure(
    connection=connection,
    target_metadata=METADATA,
    render_as_batch=True,
    transactional_ddl=True,
)
with context.begin_transaction():
    context.run_migrations()
