"""The tools: a table of what models can do, one file a noun."""
