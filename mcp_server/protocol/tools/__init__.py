"""The tools that models can call: one file per noun, and a table of all."""
