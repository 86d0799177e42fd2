"""Whether the tests notice when the code is wrong: small errors are made, one at a time."""
