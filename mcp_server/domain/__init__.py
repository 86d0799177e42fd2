"""The pure part: names, references, templates, arguments, diffs. No I/O."""
