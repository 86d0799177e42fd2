"""Everything that is kept: entities in, entities out; rows never leave this room."""
