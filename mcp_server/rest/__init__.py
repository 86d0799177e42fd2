"""The REST door: read, call, present."""
