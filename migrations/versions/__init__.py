"""The steps, oldest first; a file is named for its revision."""
