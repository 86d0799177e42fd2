"""The pure part of storage: what all rooms may see."""
