"""WebSocket frames as a server writes them (RFC 6455, section 5): unmasked and unfragmented.

Pure. A message is framed once and may then be sent to any number of connections, which Autobahn does not offer. The handshake,
reading frames and closing are Autobahn's, behind :mod:`netd.connection.websocket_protocol`.
"""

from __future__ import annotations

import enum
import struct

__all__ = ["MAX_REASON", "CloseCode", "Opcode", "close_reason", "frame", "text_frame"]

MAX_REASON = 123
"""Bytes of a close frame's reason at most: a control frame holds 125 bytes, of which the code takes two."""

_MEDIUM = struct.Struct("!BBH")
_LONG = struct.Struct("!BBQ")


class Opcode(enum.IntEnum):
    """The kind of a frame."""

    CONTINUATION = 0
    TEXT = 1
    BINARY = 2
    CLOSE = 8
    PING = 9
    PONG = 10


class CloseCode(enum.IntEnum):
    """The reason of a close, as a number (RFC 6455, section 7.4.1)."""

    NORMAL = 1000
    GOING_AWAY = 1001
    PROTOCOL_ERROR = 1002
    INVALID_PAYLOAD = 1007
    POLICY = 1008
    TOO_BIG = 1009


def frame(opcode: Opcode, payload: bytes) -> bytes:
    """Return one unmasked frame with *payload*.

    :raises ValueError: when a control frame's payload is over 125 bytes.
    """
    size, first = len(payload), 0x80 | opcode
    if size < 126:
        return bytes((first, size)) + payload
    if opcode >= Opcode.CLOSE:
        raise ValueError(f"a control frame holds at most 125 bytes, not {size}")
    return (_MEDIUM.pack(first, 126, size) if size < 1 << 16 else _LONG.pack(first, 127, size)) + payload


def text_frame(payload: bytes) -> bytes:
    """Return a text message as one frame.

    :param payload: UTF-8. It is not checked; a client must close the connection over a text that is not.
    """
    return frame(Opcode.TEXT, payload)


def close_reason(text: str) -> bytes:
    """Return *text* as the reason of a close frame: UTF-8, cut between characters if it is too long."""
    return text.encode()[:MAX_REASON].decode(errors="ignore").encode()
