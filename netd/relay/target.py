"""Which device a controller means: an address in any of the spellings that controllers produce, or a name."""

from __future__ import annotations

import re

from attrs import frozen

from netd.errors import ProtocolError
from netd.message import NAME

__all__ = ["NAME", "MalformedTarget", "Target", "address_text", "parse_target", "plain_host"]

_STRAY = re.compile(r"[()'\"\s]+")
_ADDRESS = re.compile(r"\[?(?P<host>[0-9A-Za-z.:%_-]+?)\]?[,:](?P<port>[0-9]{1,5})(?:,[0-9]+,[0-9]+)?")


class MalformedTarget(ProtocolError):
    """A target field that names nothing: empty, not UTF-8, or with control characters."""

    kind = "malformed target"


@frozen
class Target:
    """What a target field says.

    :ivar text: as it was written, without padding.
    :ivar address: host and port, when it reads as an address.
    """

    text: str
    address: tuple[str, int] | None


def parse_target(field: bytes) -> Target:
    """Read a target field (relay protocol, section 2), or a target given by other means.

    :raises MalformedTarget: when it can name nothing at all.
    """
    try:
        text = field.decode().strip()
    except UnicodeDecodeError:
        raise MalformedTarget("the target is not UTF-8 text") from None
    if not text or not text.isprintable():
        raise MalformedTarget("the target is empty" if not text else "the target holds control characters")
    found = _ADDRESS.fullmatch(_STRAY.sub("", text).strip(","))
    if found is None:
        return Target(text, None)
    return Target(text, (plain_host(found["host"]), int(found["port"])))


def address_text(host: str, port: int) -> str:
    """The address as old programs print it: ``('127.0.0.1', 50412)``."""
    return str((host, port))


def plain_host(host: str) -> str:
    """*host* without the IPv6 spelling of an IPv4 address, so that one device has one address."""
    return host[7:] if host.lower().startswith("::ffff:") and "." in host else host
