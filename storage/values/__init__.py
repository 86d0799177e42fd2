"""The pure part of storage, open to all rooms."""
