"""The section [tls], and the options of the sections that use it."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from pathlib import Path

import attrs
from twisted.trial.unittest import SynchronousTestCase

from netd.config import Configuration, ListeningConfig, SectionConfig, compare, endpoints, option
from netd.pem import ClientDemand, Files
from tests.config.kinds import complaints, configure
from tests.tls import Authority, write_private


@attrs.frozen(kw_only=True)
class Valve(ListeningConfig):
    """Opens and closes."""

    listen: tuple[str, ...] = option(endpoints, "loopback:7001", help="Where clients connect.")


KINDS: Mapping[str, type[SectionConfig]] = {"valve": Valve}


class TlsTestCase(SynchronousTestCase):
    def setUp(self) -> None:
        self.folder = Path(self.mktemp()).absolute()
        self.folder.mkdir()
        self.authority = Authority()
        self.pem = self.pair("lab.pem", "lab.local")

    def pair(self, name: str, *hosts: str) -> Path:
        """A file with a key and its certificate."""
        return write_private(self.folder / name, *self.authority.issue(*hosts))

    def read(self, ini: str) -> Configuration:
        """The configuration of a text with sections ``[valve]``."""
        return configure(ini, kinds=KINDS)

    def valve(self, ini: str) -> Valve:
        """The first section ``[valve]`` of a text."""
        config = self.read(ini).sections[0].config
        assert isinstance(config, Valve)
        return config

    def mistakes(self, ini: str) -> str:
        """Every mistake in a text."""
        return "\n".join(complaints(ini, kinds=KINDS))


class SecuredSectionTests(TlsTestCase):
    def test_used_where_it_is_asked_for(self) -> None:
        """Sections with `tls = yes` use the certificates of [tls]; others do not, and [tls] itself is no service."""
        configuration = self.read(f"[valve]\ntls = yes\n[valve:plain]\nlisten = loopback:7002\n[tls]\ncertificate = {self.pem}\n")
        secured, plain = (section.config for section in configuration.sections)
        assert isinstance(secured, Valve) and isinstance(plain, Valve)
        assert secured.security is not None
        self.assertEqual((Files(self.pem, self.pem),), secured.security.pairs.parts)
        self.assertEqual(ClientDemand(), secured.security.demand)
        self.assertIsNone(plain.security)

    def test_clients(self) -> None:
        """With `client_ca`, clients are asked for a certificate; a section can require one, or ask for none."""
        ca = write_private(self.folder / "ca.pem", self.authority.pem)
        for written, demand in (
            ("", ClientDemand(ca)),
            ("client_certificates = required\n", ClientDemand(ca, is_required=True)),
            ("client_certificates = no\n", ClientDemand()),
        ):
            security = self.valve(f"[tls]\ncertificate = {self.pem}\nclient_ca = {ca}\n[valve]\ntls = yes\n{written}").security
            assert security is not None
            self.assertEqual(demand, security.demand)

    def test_without_the_section(self) -> None:
        """`tls = yes` without [tls] is a mistake, and its message says what makes a certificate."""
        self.assertEqual(
            "netd.ini:2: [valve] tls: needs a section [tls]; `netd cert issue` makes a certificate, and says what to write there",
            self.mistakes("[valve]\ntls = yes\n"),
        )

    def test_required(self) -> None:
        """`client_certificates = required` that would let everybody in is a mistake: without a `client_ca`, and without TLS."""
        tls = f"[tls]\ncertificate = {self.pem}\n[valve]\nclient_certificates = required\n"
        place = "netd.ini:4: [valve] client_certificates"
        self.assertEqual(f"{place}: does nothing without `tls = yes`", self.mistakes(tls))
        self.assertEqual(
            f"{place}: needs `client_ca` in [tls], against which certificates are verified", self.mistakes(f"{tls}tls = yes\n")
        )

    def test_names(self) -> None:
        """`client_names` takes the words that it knows, each once."""
        self.assertEqual(("uri", "cn"), self.valve("[valve]\nclient_names = uri cn\n").client_names)
        for wrong in ("san", "uri uri"):
            self.assertIn("write any of uri dns cn, each once", self.mistakes(f"[valve]\nclient_names = {wrong}\n"))


class TlsSectionTests(TlsTestCase):
    def test_several_pairs(self) -> None:
        """Several certificates and keys are read in order. Paths are relative to the configuration; a backslash keeps a space."""
        other = self.pair("the other.pem", "other.local")
        written = str(other).replace(" ", "\\ ")
        tls = self.read(f"[tls]\ncertificate = {self.pem} {written}\nkey = {self.pem} {written}\n").tls
        assert tls is not None
        self.assertEqual((Files(self.pem, self.pem), Files(other, other)), tls.pairs.parts)
        self.assertEqual([["lab.local"], ["other.local"]], [list(pair.names) for pair in tls.pairs.pairs()])

    def test_mistakes(self) -> None:
        """Each mistake is told with its place: files that are missing or do not fit, lists of different length, two [tls]."""
        other, text = self.pair("other.pem", "other.local"), write_private(self.folder / "text.pem", b"hello\n")
        for written, told in (
            ("", "netd.ini:1: [tls] certificate: is missing; write certificate = …"),
            (f"certificate = {self.folder}/gone.pem", f"netd.ini:1: [tls] {self.folder}/gone.pem cannot be read: No such file"),
            (f"certificate = {self.pem}\nkey = {other}", f"[tls] {self.pem}: its first certificate is not that of the key in "),
            (
                f"certificate = {self.pem} {other}\nkey = {self.pem}",
                "certificate has 2 files and key has 1: write one key for each",
            ),
            (f"certificate = {self.pem}\nclient_ca = {text}", f"client_ca: {text}: there is no certificate in it"),
            (f"certificate = {self.pem}\n[tls]", "netd.ini:3: [tls] given twice, first on line 1; put its options there"),
            (f"certificate = {self.pem}\n[tls:b]", "there is only one [tls]; take out the colon and what follows it"),
        ):
            self.assertIn(told, self.mistakes(f"[tls]\n{written}\n"))

    def test_credential(self) -> None:
        """`credential:NAME` is a file that systemd hands over."""
        self.patch(os, "environ", {**os.environ, "CREDENTIALS_DIRECTORY": str(self.folder)})
        tls = self.read("[tls]\ncertificate = credential:lab.pem\n").tls
        assert tls is not None
        self.assertEqual((self.pem,), tls.certificate)


class WarningTests(TlsTestCase):
    def test_judged(self) -> None:
        """`netd check` warns of an authority that is none, and of certificates that end soon, although they can be used."""
        soon = write_private(self.folder / "soon.pem", *self.authority.issue("lab.local", days=(-1, 3)))
        tls = self.read(f"[tls]\ncertificate = {soon}\nclient_ca = {self.pem}\n").tls
        assert tls is not None
        ends, wrong = tls.warnings(time.time())
        self.assertIn("the certificate of lab.local ends in 3 days", ends)
        self.assertIn(f"{self.pem}: it holds a private key: give the certificate of the authority, ca.pem", wrong)
        self.assertEqual([], self.read(f"[tls]\ncertificate = {self.pem}\n").tls.warnings(time.time()))  # type: ignore[union-attr]


class ReloadedTests(TlsTestCase):
    def test_another_certificate(self) -> None:
        """Another file in [tls] is a live change, and reaches the sections that use it."""
        other = self.pair("other.pem", "other.local")
        before, after = (self.read(f"[tls]\ncertificate = {path}\n[valve]\ntls = yes\n") for path in (self.pem, other))
        difference = compare(before, after)
        self.assertEqual([("tls", "certificate", True)], [(one.section, one.option, one.is_live) for one in difference.changed])
        config = difference.merged.sections[0].config
        assert isinstance(config, Valve) and config.security is not None
        self.assertEqual((Files(other, other),), config.security.pairs.parts)

    def test_taken_out(self) -> None:
        """A section whose `tls = yes` waits for a restart keeps its certificates when [tls] is taken out."""
        before = self.read(f"[tls]\ncertificate = {self.pem}\n[valve]\ntls = yes\n")
        config = compare(before, self.read("[valve]\n")).merged.sections[0].config
        assert isinstance(config, Valve)
        self.assertIsNotNone(config.security)
