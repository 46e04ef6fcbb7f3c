"""Peers that mistake a port for another one: what a connection begins with when HTTP or TLS is spoken.

A web page can make its visitor's browser send a request to any port of the visitor's machine, with a body of the page's choosing.
So the first bytes of a request are known before a service sees them as a name, a command or a frame. Nothing is held back for
that: an old program whose first word could still become a request's is passed on as it comes.
"""

from __future__ import annotations

import enum
import re

__all__ = ["ALERT", "HELLO", "MOST_OPENING", "Tongue", "bad_request", "first_words", "page_of", "tongue_of"]

MOST_OPENING = 1 << 13
"""Bytes of a request's first line that are looked at; a longer one is a request, too: no program of ours begins so."""

HELLO = b"\x16"
"""The first byte of a TLS handshake."""

ALERT = b"\x15\x03\x01\x00\x02\x02\x28"
"""TLS, fatal: handshake_failure. What a client of TLS understands of "not here"."""

_REQUEST = re.compile(rb"[A-Za-z][!#$%&'*+.^_`|~0-9A-Za-z-]{0,31} [^ \r\n]+ HTTP/[0-9]")
_UNFINISHED = re.compile(rb"[A-Z][A-Z-]{0,31}(?: (?:[^ \r\n]+(?: (?:H|HT|HTT|HTTP|HTTP/)?)?)?)?\Z")
_VERSION = b"\x16\x03"
_NEWEST = 4
_ORIGIN = re.compile(rb"(?im)^Origin: *([!-~]{1,200})")


class Tongue(enum.Enum):
    """What a connection begins with."""

    OURS = "neither of these"
    HTTP = "an HTTP request"
    TLS = "a TLS handshake"
    UNDECIDED = "what may still become one of these"


def tongue_of(opening: bytes) -> Tongue:
    """What *opening* is, the first bytes of a connection.

    Undecided is only what could become a request with a method in capitals, as all of HTTP's are.
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
    """Method and path of a request, for the log: what follows a question mark may be a secret."""
    return re.split(rb"[?\r\n]", opening, maxsplit=1)[0]


def page_of(opening: bytes) -> str:
    """Which web page sent the request, in words to be appended to others; empty where it says none."""
    found = _ORIGIN.search(opening)
    if found is None:
        return ""
    return f"; a web page{'' if found[1] == b'null' else f' of {found[1].decode()}'} sent the request"


def bad_request(text: str) -> bytes:
    """The answer to a request: 400, with *text* for the person who looks at it."""
    body = f"{text}\n".encode()
    head = f"HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: {len(body)}\r\n"
    return head.encode() + b"Connection: close\r\n\r\n" + body
