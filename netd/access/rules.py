"""The rules of one section: which addresses it admits, and whether it takes other proofs. Pure: nothing is looked up."""

from __future__ import annotations

import enum
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

from attrs import frozen

from netd.principal import LOCAL, Principal, Proof, Role

__all__ = ["ANYBODY", "EVERYBODY", "LOOPBACK", "PEER", "AccessRules", "AccessWord", "Network"]

Network = IPv4Network | IPv6Network

LOOPBACK: tuple[Network, ...] = (ip_network("127.0.0.0/8"), ip_network("::1/128"))
"""The networks that only this machine has."""

PEER = Principal(None, Role.NOBODY, None, Proof.PEERS)
"""The principal of a connection from one of the section's ``peers``."""

ANYBODY = Principal(None, Role.NOBODY, None, Proof.ANYONE)
"""The principal of a connection to a section with ``access = anyone``."""


class AccessWord(enum.Enum):
    """A word of the option ``access``."""

    LOOPBACK = "loopback"
    PEERS = "peers"
    TOKENS = "tokens"
    ANYONE = "anyone"


@frozen
class AccessRules:
    """Who may connect to a section.

    :ivar words: the words of ``access``.
    :ivar peers: the networks that ``peers`` names.
    :ivar proxies: the networks of the proxies that may say, by the PROXY protocol, whom a connection is from.
    :ivar knows_users: whether the user at the other end of a unix socket counts.
    """

    words: frozenset[AccessWord]
    peers: tuple[Network, ...] = ()
    proxies: tuple[Network, ...] = LOOPBACK
    knows_users: bool = True

    def __str__(self) -> str:
        """For people: ``programs on this machine, 192.168.1.0/24, programs with a token``."""
        phrases = {
            AccessWord.LOOPBACK: "programs on this machine",
            AccessWord.PEERS: ", ".join(map(str, self.peers)),
            AccessWord.TOKENS: "programs with a token",
            AccessWord.ANYONE: "anyone",
        }
        return ", ".join(phrase for word, phrase in phrases.items() if word in self.words)

    @property
    def takes_tokens(self) -> bool:
        """Whether a connection may prove who it is, where its address does not admit it."""
        return AccessWord.TOKENS in self.words

    def admit(self, host: str | None) -> Principal | None:
        """Return the principal of a connection from *host*, of which nothing else is known; None if its address does not do.

        :param host: an IP address; None for a unix socket, which is on this machine.
        """
        address = None if host is None else _address(host)
        is_local = host is None or _is_in(address, LOOPBACK)
        if is_local and AccessWord.LOOPBACK in self.words:
            return LOCAL
        if AccessWord.PEERS in self.words and _is_in(address, self.peers):
            return PEER
        return ANYBODY if AccessWord.ANYONE in self.words else None

    def trusts(self, host: str | None) -> bool:
        """Return True if a proxy at *host* may say whom a connection is from; None is a unix socket."""
        return host is None or _is_in(_address(host), self.proxies)


class _Everybody(AccessRules):
    """Admits everybody, as if they were on this machine: for services outside of a daemon."""

    def admit(self, host: str | None) -> Principal | None:
        return LOCAL

    def trusts(self, host: str | None) -> bool:
        return True


EVERYBODY: AccessRules = _Everybody(frozenset([AccessWord.ANYONE]), knows_users=False)
"""No rules: for services that are built outside of a daemon, and for connections that netd makes itself."""


def _address(host: str) -> IPv4Address | IPv6Address | None:
    """Return the address of *host*, IPv4-mapped ones as IPv4 and without a zone; None if it is none."""
    try:
        address = ip_address(host.partition("%")[0])
    except ValueError:
        return None
    return (address.ipv4_mapped or address) if isinstance(address, IPv6Address) else address


def _is_in(address: IPv4Address | IPv6Address | None, networks: tuple[Network, ...]) -> bool:
    return address is not None and any(address in network for network in networks)
