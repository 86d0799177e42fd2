"""Logging: to standard error only, as text for people or JSON for machines."""

import json
import logging
import sys
from contextvars import ContextVar
from datetime import UTC, datetime

from mcp_server.config import LogFormat

REQUEST_ID: ContextVar[str] = ContextVar("request_id")
"""The id of the request that is being answered; JSON logs carry it."""

_TEXT = "%(asctime)s %(levelname)s %(name)s: %(message)s"


class JsonFormatter(logging.Formatter):
    """One JSON object per line: time, level, logger, message, and optional fields.

    These are the request's id, a record's own `fields`, and the traceback.
    """

    def format(self, record: logging.LogRecord) -> str:
        """Write a record."""
        entry = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        entry |= getattr(record, "fields", {})
        if request_id := REQUEST_ID.get(None):
            entry["request_id"] = request_id
        if record.exc_info:
            entry["traceback"] = self.formatException(record.exc_info)
        return json.dumps(entry, ensure_ascii=False)


def configure_logging(log_format: LogFormat, level: str) -> None:
    """Send every log record to standard error: standard output belongs to the protocol."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonFormatter() if log_format == "json" else logging.Formatter(_TEXT))
    logging.basicConfig(handlers=[handler], level=level.upper(), force=True)
    # The SDK logs a traceback for each malformed message; our own log has a sentence.
    logging.getLogger("mcp").setLevel(max(logging.getLevelName(level.upper()), logging.INFO))
