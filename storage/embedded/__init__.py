"""A PostgreSQL that a program runs by itself, for its user alone; README.md tells all of it."""
