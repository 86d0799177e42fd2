"""The database schema's history, run by Alembic from a clone or from an installed wheel."""
