"""Use cases: one method is one operation is one transaction."""
