"""Ask whether a server is there: the one question that no file answers reliably."""

import os
import socket
import struct
from enum import Enum
from pathlib import Path

from storage.embedded.processes import SOCKET_NAME

PORT = 5432

_PROTOCOL = 3 << 16
_CANNOT_CONNECT_NOW = b"C57P03\0"


class Answer(Enum):
    """The answer of a server to a new client."""

    READY = "ready"
    # Or about to stop: both pass.
    BUSY = "busy"
    NONE = "none"


def probe(sockets: Path, name: str, *, timeout: float = 5.0) -> Answer:
    """Send the first packet of a session, and hang up after the reply.

    `name` is the name of the database and of its user.
    """
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(timeout)
        try:
            connection.connect(os.fsencode(sockets / SOCKET_NAME))
            connection.sendall(_startup_packet(name))
            reply = connection.recv(1024)
        # Linux raises this when more clients are waiting than it has room for.
        except BlockingIOError:
            return Answer.BUSY
        except OSError:
            return Answer.NONE
    match reply[:1]:
        case b"R":
            return Answer.READY
        case b"E" if _CANNOT_CONNECT_NOW in reply:
            return Answer.BUSY
        # Any other refusal comes from a server that runs; its words are for the real client.
        case b"E":
            return Answer.READY
        case _:
            return Answer.NONE


def _startup_packet(name: str) -> bytes:
    body = struct.pack("!I", _PROTOCOL)
    body += f"user\0{name}\0database\0{name}\0\0".encode()
    return struct.pack("!I", len(body) + 4) + body
