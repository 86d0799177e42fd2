"""A PostgreSQL that a program runs by itself, for its user alone; see README.md."""
