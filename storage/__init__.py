"""Storage: entities in, entities out; rows never leave this room."""
