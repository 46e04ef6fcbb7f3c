"""The target field of a controller: the address of a device, in any of the spellings that controllers produce, or a name."""

from __future__ import annotations

import re
from functools import lru_cache
from ipaddress import IPv6Address

from attrs import frozen

from netd.errors import ProtocolError
from netd.message import NAME
from netd.plaintext import is_text, unpadded

__all__ = ["NAME", "MalformedTarget", "Target", "address_text", "parse_target", "plain_host"]

_BETWEEN = re.compile(r"""(?:\b[bu](?=['"])|[()\[\]{}'"\\,\s])+""")
"""The characters around and between the parts of an address: the quotes, brackets and commas of Python's ``str()``."""

_PLAIN_NAME = re.compile(NAME.pattern.encode())
"""A name by itself, as newer controllers send it."""

_BLANKS = str.maketrans("\t\r\n\0", "    ")
"""The characters that stand for a space. NULs are among them: in C, they fill the fields of a struct, such as host and port."""

_HOST = re.compile(r"[0-9A-Za-z.:%_-]+")
_NUMBER = re.compile(r"[0-9]{1,10}")
_PORT = re.compile(r"[0-9]{1,5}")

_CALLED = r"""(?<![0-9A-Za-z])(?:%s)['"]?\s*[:=]\s*['"]?(%s)(?![0-9A-Za-z])"""
_HOST_MEMBER = re.compile(_CALLED % ("host|hostname|ip|ip_address|addr|address", _HOST.pattern), re.IGNORECASE)
_PORT_MEMBER = re.compile(_CALLED % ("port", _PORT.pattern), re.IGNORECASE)
"""The members of a dictionary, or of an object that prints its members."""


class MalformedTarget(ProtocolError):
    """A target field that names nothing: empty, not UTF-8, or with control characters."""

    kind = "malformed target"


@frozen
class Target:
    """A target field that was read.

    :ivar text: the text of the field, without padding; for a name, the name alone.
    :ivar address: host and port, if the text can be read as an address.
    """

    text: str
    address: tuple[str, int] | None


def parse_target(field: bytes) -> Target:
    """Read a target field (relay protocol, section 2), or a target given by other means.

    :raises MalformedTarget: when it can name nothing at all.
    """
    if _PLAIN_NAME.fullmatch(field):
        return Target(field.decode(), None)
    try:
        text = unpadded(field).decode().translate(_BLANKS)
    except UnicodeDecodeError:
        raise MalformedTarget("the target is not UTF-8 text") from None
    if not text or not is_text(text):
        raise MalformedTarget("the target is empty" if not text else "the target holds control characters")
    host, port = _HOST_MEMBER.search(text), _PORT_MEMBER.search(text)
    if host is not None and port is not None:
        return Target(text, (plain_host(host[1]), int(port[1])))
    parts = [part for part in _BETWEEN.split(text) if part not in ("", ":")]
    if len(parts) == 1 and NAME.fullmatch(parts[0]):
        return Target(parts[0], None)
    return Target(text, _address(parts))


def _address(parts: list[str]) -> tuple[str, int] | None:
    """Host and port, if *parts* are these two in one or in two parts, or the four parts of Python's address over IPv6."""
    if len(parts) == 1:
        host, _, port = parts[0].rpartition(":")
    elif len(parts) in (2, 4) and all(map(_NUMBER.fullmatch, parts[2:])):
        host, port = parts[0], parts[1].removeprefix(":")
        if not host.endswith("::"):
            host = host.removesuffix(":")
    else:
        return None
    if _HOST.fullmatch(host) is None or _PORT.fullmatch(port) is None:
        return None
    return plain_host(host), int(port)


def address_text(host: str, port: int) -> str:
    """Write an address as old programs do: ``('127.0.0.1', 50412)``."""
    return str((host, port))


@lru_cache(maxsize=4096)
def plain_host(host: str) -> str:
    """Return *host* as devices are known by it: IPv6 in its shortest form, without a scope; mapped IPv4 as IPv4."""
    if ":" not in host:
        return host
    try:
        address = IPv6Address(host.partition("%")[0])
    except ValueError:
        return host
    return str(address.ipv4_mapped or address)
