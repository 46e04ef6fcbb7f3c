"""Tests of ``netd.doctor.strangers``: the remedy for a program that is not let in."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from netd.connection.refusals import RefusalLedger
from netd.doctor.strangers import examine_refusals

SECTIONS = ("relay:lab2", "gateway")


class RemedyTests(SynchronousTestCase):
    def remedy(self, kind: str, opening: bytes, service: str = "relay", address: str = "10.0.0.7:4711") -> str:
        """What is to be done about a program that *service* has refused."""
        ledger = RefusalLedger()
        ledger.note(service, address, kind, address, "why", opening, 10.0)
        [diagnosis] = examine_refusals(ledger, SECTIONS, 70.0)
        self.assertEqual((diagnosis.level, diagnosis.section), ("warning", service))
        self.assertIn(f"[{service}] refused {address} once, last 1 min ago: why", diagnosis.text)
        return diagnosis.remedy

    def test_not_admitted(self) -> None:
        """The options are named that admit this very address, and a credential for its kind."""
        self.assertEqual(
            self.remedy("not admitted", b""),
            "if it is yours: access = peers, and 10.0.0.7 among `peers`, in [relay]; "
            "or `netd token add NAME --device` for its program, and access = tokens",
        )
        self.assertIn("fd00::7 among `peers`, in [gateway]", self.remedy("not admitted", b"", "gateway", "[fd00::7]:80"))

    def test_proxy(self) -> None:
        """A proxy that may not say whom its connections are from is told with the option that trusts it."""
        self.assertEqual(self.remedy("unknown proxy", b""), "if it is yours: proxies = 10.0.0.7 in [relay]")

    def test_other_wires(self) -> None:
        """Who has mistaken the port is sent to the section that serves such programs, if one runs."""
        self.assertIn("tls = yes in [command]", self.remedy("a TLS handshake", b"\x16\x03\x01", "command"))
        self.assertIn("connect to [gateway]", self.remedy("an HTTP request", b"GET /"))
        self.assertIn("connect to [relay:lab2]", self.remedy("not JSON", b"11" + b" " * 62, "command"))
        self.assertIn("haproxy: before", self.remedy("bad header", b"PROXY TCP4 "))
        self.assertIn("with a section [manhole]", self.remedy("bad header", b"SSH-2.0"))
        self.assertIn("docs/protocols/relay.md", self.remedy("bad header", b"?"))

    def test_tls(self) -> None:
        """Who does not trust the certificate, or speaks plainly to a TLS port, is told with the file that it needs."""
        for kind in ("a client that does not trust this certificate", "plain text on a TLS port"):
            remedy = self.remedy(kind, b"")
            self.assertIn("give the program netd's ca.pem as its cafile", remedy)
            self.assertIn("docs: certificates", remedy)
        self.assertIn("begin its address with https://", self.remedy("an HTTP request", b"GET / HTTP/1.1", "gateway"))

    def test_held_names(self) -> None:
        """Each name that somebody tried to take is told, and not the newest alone."""
        ledger = RefusalLedger()
        for name in ("door-lock", "printer"):
            ledger.note("relay", "10.0.0.7", "name held", "10.0.0.7:4711", f"the name {name!r} is held", b"", 10.0)
        [diagnosis] = examine_refusals(ledger, SECTIONS, 70.0)
        self.assertIn("'printer' is held; before that: the name 'door-lock' is held", diagnosis.text)
        self.assertIn("a name that is held is free again when its holder is gone", diagnosis.remedy)

    def test_wrong_proof(self) -> None:
        """Who reached the right section with a wrong proof is told with the commands of tokens, and with each reason."""
        self.assertIn("`netd token rotate NAME` makes one anew", self.remedy("wrong token", b"80" + b" " * 62))
        ledger = RefusalLedger()
        for why in ("greenhouse is not door-lock", "this token is unknown"):
            ledger.note("relay", "10.0.0.7", "not permitted", "10.0.0.7:4711", why, b"", 10.0)
        [diagnosis] = examine_refusals(ledger, SECTIONS, 70.0)
        self.assertIn("this token is unknown; before that: greenhouse is not door-lock", diagnosis.text)

    def test_long_ago(self) -> None:
        """What was refused days ago is no news, and all is well."""
        ledger = RefusalLedger()
        ledger.note("relay", "", "bad header", "10.0.0.7:4711", "why", b"", 10.0)
        [diagnosis] = examine_refusals(ledger, (), 100_000.0)
        self.assertEqual(diagnosis.level, "ok")
