"""The database: one schema for Postgres and SQLite, in versions that Alembic applies."""
