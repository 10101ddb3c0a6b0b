"""What Alembic runs to apply versions: on the connection that `portal.database.migrating` has opened and locked."""

from alembic import context

from portal.database.tables import Table

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=Table.metadata,
    transactional_ddl=True,
)
with context.begin_transaction():
    context.run_migrations()
