"""Serving a team over HTTP: MCP, REST, health and metrics from one process."""
