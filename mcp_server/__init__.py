"""promptstack: a prompt library that AI assistants use directly."""
