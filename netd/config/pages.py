"""Parsers of texts that browsers send: origins of web pages (``Origin``), and names of this machine (``Host``).

The service compares both with the headers of a request, letter by letter. A text that no browser sends would silently match
nothing. The parsers refuse it, and the message says what to write instead.
"""

from __future__ import annotations

import re
from ipaddress import ip_address
from urllib.parse import SplitResult, urlsplit

from netd.config.parsers import Parser, words
from netd.spelling import quoted

__all__ = ["host_names", "web_origins"]

_ANY = "*"
_OPAQUE = "null"
"""The origin that browsers send for a page that was opened from a file."""

_USUAL_PORTS = {"http": 80, "https": 443, "ws": 80, "wss": 443}
_NAME = re.compile(r"[a-z0-9_](?:[a-z0-9_.-]*[a-z0-9_])?")
_SOCKETS = {"ws": "http", "wss": "https"}


def _read_origins(written: str) -> tuple[str, ...]:
    found = []
    for word in words(written):
        if word not in (_ANY, _OPAQUE):
            meant = _origin(word)
            if meant != word.lower():
                raise ValueError(f"{quoted(word)} is no origin: browsers send {meant}; write that")
        found.append(word.lower())
    return tuple(found)


web_origins: Parser[tuple[str, ...]] = Parser("origins of web pages, comma-separated; or *", _read_origins)
"""One or more origins, as ``https://example.org:8443``. ``https://*.example.org`` is any subdomain, ``*`` any origin."""


def _read_hosts(written: str) -> tuple[str, ...]:
    found = []
    for word in words(written):
        meant = _host(word.rpartition("//")[2].partition("/")[0])
        if meant != word.lower():
            raise ValueError(f"{quoted(word)} is no name of a machine: write {meant}, without scheme, port and path")
        found.append(meant)
    return tuple(found)


host_names: Parser[tuple[str, ...]] = Parser("names of this machine, comma-separated", _read_hosts)
"""One or more host names or IP addresses, in lower case, spelled as in URLs, without ports."""


def _origin(word: str) -> str:
    """Return the origin that *word* means, spelled as browsers do.

    :raises ValueError: if *word* is not an origin.
    """
    if word.lower().startswith("file:"):
        raise ValueError(f"{quoted(word)} is no origin: for pages opened from a file, browsers send {_OPAQUE}; write that")
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
    """Return the name or address in *text*, as the configuration spells it: an IPv6 address without its brackets."""
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
    """Return a host as browsers spell it in URLs: names in lower case, other alphabets as ``xn--…``, IPv6 in brackets."""
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
