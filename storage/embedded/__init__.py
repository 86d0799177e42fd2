"""The PostgreSQL that promptstack runs by itself when no DATABASE_URL is set."""
