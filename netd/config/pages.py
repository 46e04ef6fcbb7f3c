"""Parsers of what browsers say: the origins of web pages, and the names of this machine in requests.

Both are compared with what a browser sends, letter by letter. What no browser sends would match nothing, without a word: it is a
mistake, and the message says what to write instead.
"""

from __future__ import annotations

import re
from ipaddress import ip_address
from urllib.parse import SplitResult, urlsplit

from netd.config.parsers import Parser, words
from netd.config.spelling import quoted

__all__ = ["host_names", "web_origins"]

_ANY = "*"
_OPAQUE = "null"
"""The origin of pages that have none: those that are opened from a file."""

_USUAL_PORTS = {"http": 80, "https": 443, "ws": 80, "wss": 443}
_NAME = re.compile(r"[a-z0-9_](?:[a-z0-9_.-]*[a-z0-9_])?")
_SOCKETS = {"ws": "http", "wss": "https"}


def _read_origins(written: str) -> tuple[str, ...]:
    found = []
    for word in words(written):
        if word not in (_ANY, _OPAQUE):
            meant = _origin(word)
            if meant != word.lower():
                raise ValueError(f"{quoted(word)} is no origin: browsers say {meant}; write that")
        found.append(word.lower())
    return tuple(found)


web_origins: Parser[tuple[str, ...]] = Parser("origins of web pages, comma-separated; or *", _read_origins)
"""One or more origins, ``https://example.org:8443``, in lower case; ``https://*.example.org`` are all below it, ``*`` is all."""


def _read_hosts(written: str) -> tuple[str, ...]:
    found = []
    for word in words(written):
        meant = _host(word.rpartition("//")[2].partition("/")[0])
        if meant != word.lower():
            raise ValueError(f"{quoted(word)} is no name of a machine: write {meant}, without scheme, port and path")
        found.append(meant)
    return tuple(found)


host_names: Parser[tuple[str, ...]] = Parser("names of this machine, comma-separated", _read_hosts)
"""One or more names or IP addresses, in lower case, as they stand in addresses; without ports."""


def _origin(word: str) -> str:
    """The origin that *word* means, as browsers write it.

    :raises ValueError: when it means none.
    """
    if word.lower().startswith("file:"):
        raise ValueError(f"{quoted(word)} is no origin: of pages that are opened from a file, browsers say {_OPAQUE}; write that")
    address = word if "://" in word else f"https://{word.lstrip('/')}"
    if _ANY in address.replace("://*.", "", 1):
        raise ValueError(f"{quoted(word)}: a * stands alone, or before the first dot of the host, as in https://*.example.org")
    try:
        parts = urlsplit(address)
        scheme = _SOCKETS.get(parts.scheme, parts.scheme)
        port = parts.port
    except ValueError as error:
        raise ValueError(f"{quoted(word)} is no origin: {error}") from None
    below = "*." if parts.netloc.startswith("*.") else ""
    host = _name((parts.hostname or "").removeprefix("*."), word)
    end = "" if port is None or port == _USUAL_PORTS.get(parts.scheme) else f":{port}"
    return f"{scheme}://{below}{host}{end}"


def _host(text: str) -> str:
    """The name or address in *text*, as it stands in a configuration: an IPv6 address without its brackets."""
    try:
        return ip_address(text).compressed
    except ValueError:
        pass
    try:
        name = SplitResult("", text, "", "", "").hostname or ""
        return _name(name, text).strip("[]")
    except ValueError as error:
        raise ValueError(f"{quoted(text)} is no name of a machine: {error}") from None


def _name(name: str, word: str) -> str:
    """A host as browsers write it in addresses: names in lower case, other alphabets as ``xn--…``, IPv6 in brackets."""
    try:
        address = ip_address(name)
    except ValueError:
        pass
    else:
        return address.compressed if address.version == 4 else f"[{address.compressed}]"
    try:
        plain = name.encode("idna").decode().lower() if not name.isascii() else name.lower()
    except UnicodeError:
        plain = ""
    if not _NAME.fullmatch(plain):
        hint = "; separate several by commas" if any(map(str.isspace, word)) else ""
        raise ValueError(f"{quoted(word)} names no host; write it as in https://example.org{hint}")
    return plain
