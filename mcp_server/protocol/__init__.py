"""The MCP door: read, call, present."""
