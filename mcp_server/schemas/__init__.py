"""Shapes: what a prompt, a version, a list look like from outside, the same on every door."""
