"""The allow-list of addresses that netd may dial, and the parsing of hosts.

A start request can come from a web form, and must not make netd reach machines that the person cannot reach. Three rules see to
that. A host is a name, or an address in its usual form: other spellings are a way to get an address past a check. The list
is checked against the *resolved* address, and exactly that address is dialled. Addresses with a special meaning (this machine,
this link, an IPv4 address inside of an IPv6 one) are allowed only by an entry that lies within their range.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

from netd.errors import InvalidArguments, OperationFailed

__all__ = ["Address", "AllowList", "Forbidden", "Network", "parse_host", "peer_address"]

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

_LABEL = r"[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?"
_HOST_NAME = re.compile(rf"(?=.{{1,253}}\Z){_LABEL}(?:\.{_LABEL})*\.?")
_NUMERIC = re.compile(r"(?:0[xX][0-9A-Fa-f]*|[0-9]+)\.?")
_CANONICAL = re.compile(r"(?:0|[1-9][0-9]{0,2})(?:\.(?:0|[1-9][0-9]{0,2})){3}")


class Forbidden(OperationFailed):
    """The address is not in the allow-list, or is never dialled whatever the list says."""


class AllowList:
    """The networks whose addresses may be dialled.

    :param where: the section and the environment variable that can have the list, for error messages.
    """

    def __init__(self, networks: Iterable[Network], where: tuple[str, str] = ("[session]", "NETD_SESSION_AGENTS")) -> None:
        self._where = where
        self._networks = tuple(networks)
        self._special = [(ip_network(text), what) for text, what in _SPECIAL]
        self._never = [(ip_network(text), what) for text, what in _NEVER]

    def allows(self, address: Address) -> bool:
        """Whether *address* may be dialled."""
        try:
            self.check(address)
        except Forbidden:
            return False
        return True

    def choose(self, name: str, found: list[Address]) -> Address:
        """Return the first address in *found* that may be dialled.

        :param name: the name that was looked up, for error messages.
        :raises OperationFailed: when there is none.
        """
        if not found:
            raise OperationFailed(f"no address of {name} was found; check the name, or write the address")
        allowed = [address for address in found if self.allows(address)]
        if not allowed:
            self.check(found[0])
        return allowed[0]

    def check(self, address: Address) -> None:
        """Make sure that *address* may be dialled.

        :raises Forbidden: when it may not; the text says why, and what would allow it.
        """
        for network, what in self._never:
            if address in network and address != _LOOPBACK:
                raise Forbidden(f"{address} is {what}, and never dialled")
        kind = next(((network, what) for network, what in self._special if address in network), None)
        for allowed in self._networks:
            if address in allowed and (kind is None or _lies_within(allowed, kind[0])):
                return
        which = f" ({kind[1]}, which only an entry within {kind[0]} allows)" if kind is not None else ""
        section, variable = self._where
        raise Forbidden(
            f"{address}{which} is not in the list of `agents` that this netd may dial; add it in {section} and run "
            f"`netd reload`, or in {variable} and start netd again"
        )


def parse_host(text: str) -> Address | str:
    """*text* as an address, or as a host name.

    :raises InvalidArguments: when it is neither, or is an address in an unusual spelling: decimal, octal, hexadecimal, shortened.
    """
    host = text.strip()
    if ":" in host:
        try:
            return IPv6Address(host) if "%" not in host else _refuse(text, "an address with a zone cannot be dialled")
        except ValueError:
            return _refuse(text, "not an IPv6 address; the port is set by `agent_port`")
    if _CANONICAL.fullmatch(host):
        try:
            return IPv4Address(host)
        except ValueError:
            return _refuse(text, "not an IPv4 address")
    if _NUMERIC.fullmatch(host.rstrip(".").rpartition(".")[2]):
        return _refuse(text, "write an address in its usual form, four decimal numbers without leading zeros")
    if _HOST_NAME.fullmatch(host) is None:
        return _refuse(text, "neither a host name nor an address")
    return host


def peer_address(host: str) -> Address | None:
    """The address of a peer, of an IPv4-mapped IPv6 address the IPv4 address; None where *host* is no address."""
    try:
        address = ip_address(host.partition("%")[0])
    except ValueError:
        return None
    return (address.ipv4_mapped or address) if isinstance(address, IPv6Address) else address


def _refuse(text: str, why: str) -> str:
    raise InvalidArguments(f"host: {text[:80]!r}: {why}")


def _lies_within(inner: Network, outer: Network) -> bool:
    if isinstance(inner, IPv4Network):
        return isinstance(outer, IPv4Network) and inner.subnet_of(outer)
    return isinstance(outer, IPv6Network) and inner.subnet_of(outer)


_SPECIAL = (
    ("127.0.0.0/8", "this machine itself"),
    ("::1/128", "this machine itself"),
    ("169.254.0.0/16", "an address of this link, where clouds keep their secrets"),
    ("fe80::/10", "an address of this link"),
    ("64:ff9b::/96", "an IPv4 address in disguise"),
    ("64:ff9b:1::/48", "an IPv4 address in disguise"),
    ("2002::/16", "an IPv4 address in disguise"),
    ("2001::/32", "an IPv4 address in disguise"),
)

_LOOPBACK = IPv6Address("::1")

_NEVER = (
    ("::ffff:0:0/96", "an IPv4 address in disguise: write it as an IPv4 address"),
    ("::ffff:0:0:0/96", "an IPv4 address in disguise: write it as an IPv4 address"),
    ("::/128", "no address of a machine"),
    ("::/96", "an IPv4 address in disguise"),
    ("0.0.0.0/8", "no address of a machine"),
    ("224.0.0.0/4", "an address of many machines"),
    ("255.255.255.255/32", "an address of all machines"),
    ("ff00::/8", "an address of many machines"),
)
