"""Who may connect, as the configuration says it: the words, the networks, and the door that nobody said should be open."""

from __future__ import annotations

from collections.abc import Mapping
from ipaddress import ip_network

import attrs
from twisted.trial.unittest import SynchronousTestCase

from netd.access.rules import LOOPBACK, AccessRules, AccessWord
from netd.command.config import Config as CommandConfig
from netd.config import ListeningConfig, SectionConfig, endpoints, option
from netd.config.access import access_words, networks, proxy_networks
from netd.gateway.config import Config as GatewayConfig
from tests.config.kinds import complaints, configure


@attrs.frozen(kw_only=True)
class Gate(ListeningConfig):
    """Lets in."""

    listen: tuple[str, ...] = option(endpoints, "loopback:7001", help="Where clients connect.")


KINDS: Mapping[str, type[SectionConfig]] = {"gate": Gate, "command": CommandConfig, "gateway": GatewayConfig}

OPEN = "write who may connect: `access = peers`, with `peers = 192.168.1.0/24`; or `access = tokens`; or `access = anyone`"


class ParserTests(SynchronousTestCase):
    def refusal(self, written: str) -> str:
        """What is said of peers that are written so."""
        return str(self.assertRaises(ValueError, networks, written))

    def test_words(self) -> None:
        """Words stand in any order, with spaces or commas between them."""
        for written in ("peers tokens", "peers, tokens", " peers\n  tokens"):
            self.assertEqual((AccessWord.PEERS, AccessWord.TOKENS), access_words(written))
        for written, why in (
            ("peer", "'peer' is not one of loopback, peers, tokens, anyone (did you mean peers?)"),
            ("peers peers", "'peers' is given twice"),
            ("anyone tokens", "anyone lets in all whom the other words name: write it alone, or leave it out"),
        ):
            self.assertEqual(why, str(self.assertRaises(ValueError, access_words, written)))

    def test_networks(self) -> None:
        """Addresses and networks of both families; the same one twice counts once."""
        expected = tuple(map(ip_network, ("192.168.1.0/24", "fd00:1::/64", "10.0.0.7")))
        self.assertEqual(expected, networks("192.168.1.0/24 fd00:1::/64, 10.0.0.7 10.0.0.7/32"))

    def test_no_networks(self) -> None:
        """What is none is refused with what to write instead."""
        meant = "192.168.1.7/24 is an address inside of a network: write 192.168.1.0/24 for the network, or 192.168.1.7"
        self.assertEqual(meant, self.refusal("192.168.1.7/24"))
        for everybody in ("0.0.0.0/0", "::/0"):
            self.assertEqual(f"{everybody} is everybody; the word for that is `access = anyone`", self.refusal(everybody))
        self.assertIn("'lab.local' is no network; write addresses and networks, not names", self.refusal("10.0.0.1 lab.local"))

    def test_proxies(self) -> None:
        """The same, or those on this machine."""
        self.assertEqual(LOOPBACK, proxy_networks("loopback"))
        self.assertEqual((ip_network("10.0.0.2"),), proxy_networks("10.0.0.2"))


class MistakesTestCase(SynchronousTestCase):
    def mistakes(self, section: str, *lines: str) -> list[str]:
        """Every mistake in a section with these lines, without its place."""
        found = complaints("\n".join((f"[{section}]", *lines, "")), kinds=KINDS)
        return [text.partition("] ")[2] for text in found]

    def rules(self, *lines: str, section: str = "gate") -> AccessRules:
        """The rules of a section with these lines, which has no mistake."""
        [found] = configure("\n".join((f"[{section}]", *lines, "")), kinds=KINDS).sections
        assert isinstance(found.config, ListeningConfig)
        return found.config.access_rules


class GateTests(MistakesTestCase):
    def test_usual(self) -> None:
        """Where only this machine reaches the section, that is who may connect."""
        for listen in ("loopback:1", "tcp:1:interface=127.0.0.1", "unix:/tmp/gate.sock"):
            self.assertEqual(AccessRules(frozenset([AccessWord.LOOPBACK])), self.rules(f"listen = {listen}"))

    def test_open_door(self) -> None:
        """Where other machines reach it, it must be said who may connect; the message says how."""
        for listen in ("tcp:1", "tcp6:1", "tcp:1:interface=10.0.0.1", "haproxy:loopback:1"):
            [told] = self.mistakes("gate", "stall_timeout = 9s", f"listen = {listen}")
            self.assertEqual(f"listen: other machines reach {listen}: {OPEN}", told)
        [told] = self.mistakes("gate", "listen = loopback:3 tcp:1 tcp:2")
        self.assertIn("reach tcp:1, tcp:2:", told)
        [place] = complaints("[gate]\n\nlisten = tcp:1\n", kinds=KINDS)
        self.assertTrue(place.startswith("netd.ini:3: [gate] listen: "), place)
        [place] = complaints("[gate]\n", {"NETD_GATE_LISTEN": "tcp:1"}, kinds=KINDS)
        self.assertTrue(place.startswith("environment NETD_GATE_LISTEN: [gate] listen: "), place)

    def test_said(self) -> None:
        """With each of the words, it may be open."""
        for lines in (
            ("access = anyone",),
            ("access = tokens",),
            ("access = loopback",),
            ("access = peers", "peers = 10.0.0.0/8"),
        ):
            self.assertEqual([], self.mistakes("gate", "listen = tcp:1", *lines))
        rules = self.rules("listen = tcp:1", "access = peers tokens", "peers = 10.0.0.0/8")
        self.assertEqual(
            (frozenset([AccessWord.PEERS, AccessWord.TOKENS]), (ip_network("10.0.0.0/8"),)), (rules.words, rules.peers)
        )

    def test_contradictions(self) -> None:
        """A word without its option, or an option without its word, does not do what was meant."""
        nobody = "access: peers are nobody yet: write their addresses, as in `peers = 192.168.1.0/24`"
        nothing = "peers: does nothing without the word peers in `access`"
        self.assertEqual([nobody], self.mistakes("gate", "access = peers"))
        self.assertEqual([nothing], self.mistakes("gate", "peers = 10.0.0.1"))
        self.assertEqual([nothing], self.mistakes("gate", "peers = 10.0.0.1", "access = tokens"))

    def test_one_mistake_at_a_time(self) -> None:
        """A word that cannot be read is one mistake: what follows from its default is none. Other sections have theirs."""
        found = complaints("[gate]\nlisten = tcp:1\naccess = peer\npeers = 10.0.0.1\n[gate:b]\nlisten = tcp:2\n", kinds=KINDS)
        self.assertEqual(
            ["netd.ini:3: [gate] access", "netd.ini:6: [gate:b] listen"],
            [text.rsplit(": ")[0] + ": " + text.split(": ")[1] for text in found],
        )

    def test_proxies(self) -> None:
        """An endpoint for proxies that others reach, too, needs to know its proxies."""
        self.assertEqual(
            ["listen: other machines reach haproxy:tcp:1: name the proxies, as in `proxies = 192.168.1.2`"],
            self.mistakes("gate", "listen = haproxy:tcp:1", "access = anyone"),
        )
        self.assertEqual(
            (ip_network("10.0.0.2"),), self.rules("listen = haproxy:tcp:1", "access = anyone", "proxies = 10.0.0.2").proxies
        )
        self.assertEqual(
            ["proxies: does nothing without an endpoint haproxy:… in `listen`"], self.mistakes("gate", "proxies = 10.0.0.2")
        )


class CommandTests(MistakesTestCase):
    def test_anyone(self) -> None:
        """Commands are code that runs: that everybody may call them is said twice."""
        [told] = self.mistakes("command", "access = anyone")
        self.assertEqual(
            "access: everybody who reaches this section can run all commands then: write `anyone = i know` too, or peers", told
        )
        self.assertEqual([], self.mistakes("command", "access = anyone", "anyone = i know"))
        self.assertEqual(["anyone: does nothing without `access = anyone`"], self.mistakes("command", "anyone = i know"))


class GatewayTests(MistakesTestCase):
    def test_tokens(self) -> None:
        """The gateway takes tokens everywhere, from programs on this machine as well; other machines may always try."""
        rules = self.rules("listen = tcp:1", section="gateway")
        self.assertEqual((frozenset([AccessWord.LOOPBACK, AccessWord.TOKENS]), False), (rules.words, rules.knows_users))
        self.assertEqual([], self.mistakes("gateway", "access = tokens"))

    def test_addresses(self) -> None:
        """No address is an administrator."""
        told = "access: an address alone gives no rights at the gateway: write loopback, tokens, or both"
        self.assertEqual([told], self.mistakes("gateway", "access = anyone"))
        self.assertEqual([told], self.mistakes("gateway", "access = peers", "peers = 10.0.0.1"))
