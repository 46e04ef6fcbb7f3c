"""HTTP or TLS on a port that speaks neither: recognised by a connection's first bytes, and answered.

Most such peers have mistaken the port. But a web page can also make its visitor's browser send a request to any port of the
visitor's machine, with a body of the page's choice: so a request must be recognised before a service takes its lines for a name,
a command or a frame. Nothing is held back for it: the first word of an old program may look like the beginning of a request
(``GET``), and that program waits for an answer.
"""

from __future__ import annotations

import enum
import re

__all__ = ["ALERT", "HELLO", "MOST_OPENING", "Tongue", "bad_request", "first_words", "page_of", "tongue_of"]

MOST_OPENING = 1 << 13
"""Bytes after which an unfinished first line is taken for a request's all the same: no program of ours begins like that."""

HELLO = b"\x16"
"""The first byte of a TLS handshake."""

ALERT = b"\x15\x03\x01\x00\x02\x02\x0a"
"""A fatal TLS alert, unexpected_message: a TLS client then reports an error at once instead of waiting for a server's hello. A
server that does speak TLS never answers a client's first message so: our clients tell by it that the port is a plain one."""

_REQUEST = re.compile(rb"[A-Za-z][!#$%&'*+.^_`|~0-9A-Za-z-]{0,31} [^ \r\n]+ HTTP/[0-9]")
_UNFINISHED = re.compile(rb"[A-Z][A-Z-]{0,31}(?: (?:[^ \r\n]+(?: (?:H|HT|HTT|HTTP|HTTP/)?)?)?)?\Z")
_VERSION = b"\x16\x03"
_NEWEST = 4
_ORIGIN = re.compile(rb"(?im)^Origin: *([!-~]{1,200})")


class Tongue(enum.Enum):
    """The protocol that a connection begins with."""

    OURS = "neither of these"
    HTTP = "an HTTP request"
    TLS = "a TLS handshake"
    UNDECIDED = "what may still become one of these"


def tongue_of(opening: bytes) -> Tongue:
    """Tell the protocol of a connection by its first bytes, *opening*.

    They are undecided only while they could become a request whose method is in capitals, as all methods of HTTP are.
    """
    first = opening[:1]
    if first == HELLO:
        if len(opening) > len(_VERSION):
            return Tongue.TLS if opening.startswith(_VERSION) and opening[2] <= _NEWEST else Tongue.OURS
        return Tongue.UNDECIDED if _VERSION.startswith(opening) else Tongue.OURS
    if not first.isalpha():
        return Tongue.OURS
    if _REQUEST.match(opening):
        return Tongue.HTTP
    if not _UNFINISHED.match(opening):
        return Tongue.OURS
    return Tongue.UNDECIDED if len(opening) <= MOST_OPENING else Tongue.HTTP


def first_words(opening: bytes) -> bytes:
    """Return method and path of a request, for the log. The query is left out, because it may hold a secret."""
    return re.split(rb"[?\r\n]", opening, maxsplit=1)[0]


def page_of(opening: bytes) -> str:
    """Name the web page that sent the request, as the end of a sentence; empty if the request names none."""
    found = _ORIGIN.search(opening)
    if found is None:
        return ""
    return f"; a web page{'' if found[1] == b'null' else f' of {found[1].decode()}'} sent the request"


def bad_request(text: str) -> bytes:
    """Return an HTTP answer, status 400, that shows *text* to the person at the browser."""
    body = f"{text}\n".encode()
    head = f"HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: {len(body)}\r\n"
    return head.encode() + b"Connection: close\r\n\r\n" + body
