"""Shapes: prompts, versions and lists as seen from outside, the same on every door."""
