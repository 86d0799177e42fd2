"""File formats: prompts as text that people keep and share, read and written without any I/O."""
