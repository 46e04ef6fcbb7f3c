"""Tests of ``netd.access.rules``."""

from __future__ import annotations

from ipaddress import ip_network

from twisted.trial.unittest import SynchronousTestCase

from netd.access.rules import ANYBODY, EVERYBODY, PEER, AccessRules, AccessWord
from netd.principal import LOCAL, Principal

HERE = ("127.0.0.1", "127.8.9.1", "::1", "::ffff:127.0.0.1", None)
LAN = ("192.168.1.7", "::ffff:192.168.1.7", "fd00:1::7", "fd00:1::7%eth0")
OTHERS = ("203.0.113.9", "2001:db8::9", "::ffff:203.0.113.9", "no address", "")


def rules(*words: AccessWord) -> AccessRules:
    """The rules of a section with *words*, whose peers are those of :data:`LAN`."""
    return AccessRules(frozenset(words), (ip_network("192.168.1.0/24"), ip_network("fd00:1::/64")))


class AdmitTests(SynchronousTestCase):
    def admitted(self, *words: AccessWord) -> list[Principal | None]:
        """Who programs on this machine, on the LAN and elsewhere are; each group must be alike."""
        section, found = rules(*words), []
        for hosts in (HERE, LAN, OTHERS):
            [one] = {section.admit(host) for host in hosts}
            found.append(one)
        return found

    def test_words(self) -> None:
        """Each word lets in those whom it names, however their addresses are spelled."""
        self.assertEqual([LOCAL, None, None], self.admitted(AccessWord.LOOPBACK))
        self.assertEqual([None, PEER, None], self.admitted(AccessWord.PEERS))
        self.assertEqual([None, None, None], self.admitted(AccessWord.TOKENS))
        self.assertEqual([ANYBODY, ANYBODY, ANYBODY], self.admitted(AccessWord.ANYONE))
        self.assertEqual([LOCAL, PEER, None], self.admitted(AccessWord.LOOPBACK, AccessWord.PEERS, AccessWord.TOKENS))

    def test_tokens(self) -> None:
        """The word ``tokens`` lets a stranger say who it is."""
        self.assertTrue(rules(AccessWord.PEERS, AccessWord.TOKENS).takes_tokens)
        self.assertFalse(rules(AccessWord.PEERS).takes_tokens)

    def test_proxies(self) -> None:
        """Proxies are believed that the section names; by default, those on this machine."""
        section = AccessRules(frozenset(), proxies=(ip_network("10.0.0.2"),))
        self.assertEqual(
            [True, True, False, False], [section.trusts(host) for host in (None, "10.0.0.2", "10.0.0.3", "127.0.0.1")]
        )
        self.assertEqual([True, True, False], [rules().trusts(host) for host in (None, "::1", "10.0.0.2")])

    def test_everybody(self) -> None:
        """A service without a daemon asks nobody."""
        self.assertEqual({LOCAL}, {EVERYBODY.admit(host) for host in HERE + LAN + OTHERS})
        self.assertTrue(EVERYBODY.trusts("203.0.113.9"))
