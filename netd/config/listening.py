"""The options that all kinds which listen for connections have in common."""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator, Mapping
from typing import ClassVar

import attrs

from netd.access.rules import LOOPBACK, AccessRules, AccessWord, Network
from netd.config.access import access_words, networks, proxy_networks
from netd.config.descriptions import is_exposed, is_proxied, unproxied
from netd.config.foresight import objection
from netd.config.options import option
from netd.config.parsers import auto_or, duration, integer, off_or, unlimited_or, within
from netd.config.tls import SecuredConfig
from netd.errors import LineError

__all__ = ["AdmittingConfig", "ListeningConfig"]


@attrs.frozen(kw_only=True)
class AdmittingConfig(SecuredConfig):
    """Base of the ``Config`` of a kind that says who may connect.

    :cvar usual: who may connect where ``access`` is not written.
    :cvar choices: the values of ``access`` that a message proposes where other machines can connect.
    """

    usual: ClassVar[frozenset[AccessWord]] = frozenset([AccessWord.LOOPBACK])
    choices: ClassVar[str] = "`access = peers`, with `peers = 192.168.1.0/24`; or `access = tokens`; or `access = anyone`"

    access: tuple[AccessWord, ...] | None = option(
        auto_or(access_words),
        "auto",
        help="Who may connect: any of `loopback` (programs on this machine), `peers` (the addresses in `peers`) and `tokens` "
        "(programs with a token or a certificate); or `anyone`. `auto` is loopback; it must be written where other machines "
        "reach the section.",
        live=True,
    )
    peers: tuple[Network, ...] | None = option(
        off_or(networks),
        "off",
        help="The addresses and networks that `access = peers` lets in: 192.168.1.0/24 fd00:1::/64 10.0.0.7.",
        live=True,
    )
    proxies: tuple[Network, ...] = option(
        proxy_networks,
        "loopback",
        help="The addresses of the proxies before `haproxy:` endpoints. Others may not connect there, because they could "
        "claim any address.",
        live=True,
    )

    @property
    def endpoints(self) -> Mapping[str, tuple[str, ...]]:
        """The endpoints that the section listens on, by the option that names them."""
        return {"listen": getattr(self, "listen", ())}

    @property
    def access_rules(self) -> AccessRules:
        """Who may connect."""
        words = self.usual if self.access is None else frozenset(self.access)
        return AccessRules(words, self.peers or (), self.proxies)

    @property
    def admitted(self) -> str:
        """Who may connect, for people; empty where it is not written, so that it goes without saying."""
        return "" if self.access is None else str(self.access_rules)

    def open_door(self, exposed: list[str]) -> str:
        """Return why the section must not listen on *exposed*, which other machines reach; empty if it may."""
        if not exposed or self.access is not None or AccessWord.TOKENS in self.usual:
            return ""
        return f"other machines reach {', '.join(exposed)}: write who may connect: {self.choices}"

    def mistakes(self, unread: Container[str]) -> Iterator[tuple[str, str | LineError]]:
        """See :meth:`SectionConfig.mistakes`. Here: a door that nobody said should be open, and words that contradict others."""
        endpoints = self.endpoints
        if any(name in unread for name in (*endpoints, "access", "peers", "proxies")):
            return
        for name, described in endpoints.items():
            why = self.open_door([where for where in described if is_exposed(where)])
            if why:
                yield name, why
        if AccessWord.PEERS in (self.access or ()) and self.peers is None:
            yield "access", "peers are nobody yet: write their addresses, as in `peers = 192.168.1.0/24`"
        if AccessWord.PEERS not in (self.access or ()) and self.peers is not None:
            yield "peers", "does nothing without the word peers in `access`"
        yield from self._mistakes_about_proxies(endpoints)

    def _mistakes_about_proxies(self, endpoints: Mapping[str, tuple[str, ...]]) -> Iterator[tuple[str, str]]:
        proxied = [(name, where) for name, described in endpoints.items() for where in described if is_proxied(where)]
        if not proxied and self.proxies != LOOPBACK:
            yield "proxies", "does nothing without an endpoint haproxy:… in `listen`"
        open_to_all = [where for _, where in proxied if is_exposed(unproxied(where))]
        if open_to_all and self.proxies == LOOPBACK:
            yield proxied[0][0], f"other machines reach {', '.join(open_to_all)}: name the proxies, as in `proxies = 192.168.1.2`"

    def objections(self) -> Iterable[tuple[str, str]]:
        """See :meth:`SectionConfig.objections`. Here: endpoints on which this machine cannot listen."""
        for name, described in self.endpoints.items():
            yield from ((name, why) for why in map(objection, described) if why)


@attrs.frozen(kw_only=True)
class ListeningConfig(AdmittingConfig):
    """Base of the ``Config`` of a kind that programs connect to. Its options stand after the kind's own in the reference."""

    stall_timeout: float = option(
        within(duration, "100ms", "1d"),
        "8s",
        help="A connection is cut if bytes wait for the peer and it takes none of them for so long.",
        live=True,
    )
    silent_timeout: float = option(
        within(duration, "100ms", "30d"),
        "1h",
        help="How long a connection may stay without its first byte. From that byte on, the other timeouts here apply.",
        live=True,
    )
    max_silent: int = option(
        integer(1, 1_000_000),
        "5000",
        help="Most connections that have not said yet what they are. Above, netd closes the oldest one of the address with most "
        "of them. In all sections together they may take a quarter of netd's descriptors.",
        live=True,
    )
    max_connections: int | None = option(
        unlimited_or(integer(1, 1_000_000)),
        "40000",
        help="Most connections at a time. Above, netd closes one that has not said yet what it is, or else refuses the new one.",
        live=True,
    )
    max_connections_per_address: int | None = option(
        unlimited_or(integer(1, 1_000_000)),
        "20000",
        help="Most connections at a time from one address; with IPv6, from one /64 network.",
        live=True,
    )
