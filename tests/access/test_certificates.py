"""What a client's certificate proves: by its key, or by a name that the authority has signed."""

from __future__ import annotations

from pathlib import Path

from cryptography import x509
from twisted.trial.unittest import SynchronousTestCase

from netd.access.proofs import Proofs
from netd.access.section import SectionAccess
from netd.cli.authority import Authority, Issued
from netd.errors import NotPermitted
from netd.pem import ClientDemand, key_digest
from netd.principal import ANONYMOUS, Kind, Principal, Proof
from netd.secrets.token_file import add_token
from netd.secrets.tokens import TOKENS, Tokens
from netd.secrets.tries import WrongSecrets

NOW = 1_700_000_000.0


class Peer:
    """A connection from a device."""

    host = "192.0.2.7"

    def __init__(self) -> None:
        self.principal = ANONYMOUS

    def prove(self, principal: Principal) -> None:
        self.principal = principal


class CertificateProofTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.path = Path(self.mktemp()) / TOKENS
        self.path.parent.mkdir(mode=0o700)
        self.authority = Authority.make("lab", NOW)
        self.access = SectionAccess("relay", proofs=Proofs(Tokens(self.path, lambda: NOW), WrongSecrets(lambda: 0.0)))

    def write(self, *lines: str) -> None:
        """These are the credentials."""
        self.path.write_text("".join(f"{line}\n" for line in lines))
        self.path.chmod(0o600)

    def show(self, certificate: x509.Certificate, *where: str) -> Principal:
        """Whoever shows *certificate*, whose names are looked for in *where*."""
        peer, names = Peer(), ClientDemand(names=where or ("uri",)).names_in(certificate)
        is_known = self.access.prove_certificate(peer, key_digest(certificate), names)
        self.assertEqual(is_known, peer.principal is not ANONYMOUS)
        return peer.principal

    def device(self, name: str) -> Issued:
        return self.authority.issue_client(name)

    def test_by_its_key(self) -> None:
        """The key of a certificate proves the name of its line, with that line's rights; and nothing once the line is gone."""
        issued = self.device("door-lock")
        self.write(f"door-lock device {key_digest(issued.certificate)} send=bell proof=certificate")
        found = self.show(issued.certificate)
        self.assertEqual(
            ("door-lock", Kind.DEVICE, Proof.CERTIFICATE, ("bell",)), (found.name, found.kind, found.proof, found.sends)
        )
        self.write("# nobody")
        self.assertIs(ANONYMOUS, self.show(issued.certificate))

    def test_by_its_name(self) -> None:
        """Without its key, a name counts where a line says so, and where the section looks for it."""
        issued = self.device("door-lock")
        self.assertIs(ANONYMOUS, self.show(issued.certificate))
        self.write("bell device - proof=ca", "door-lock device - proof=ca")
        self.assertEqual("door-lock", self.show(issued.certificate).name)
        self.assertEqual("door-lock", self.show(issued.certificate, "dns", "cn").name)
        self.assertIs(ANONYMOUS, self.show(issued.certificate, "dns"))
        server = self.authority.issue(["bell", "192.0.2.1"]).certificate
        self.assertEqual("bell", self.show(server, "uri", "dns").name)
        self.write(f"door-lock device {'0' * 64}")
        self.assertIs(ANONYMOUS, self.show(issued.certificate))

    def test_with_a_token(self) -> None:
        """A certificate and a token of one name go together; those of two names are refused."""
        issued = self.device("door-lock")
        own = add_token(self.path, "door-lock", "device", (), lambda size: b"a" * size)
        other = add_token(self.path, "bell", "device", (), lambda size: b"b" * size)
        self.path.write_text(f"{self.path.read_text()}door-lock device {key_digest(issued.certificate)} proof=certificate\n")
        peer = Peer()
        self.access.prove_certificate(peer, key_digest(issued.certificate), [])
        shown = peer.principal
        self.access.prove(peer, own, Kind.DEVICE)
        self.assertIs(shown, peer.principal)
        error = self.assertRaises(NotPermitted, self.access.prove, peer, other, Kind.DEVICE)
        self.assertIn("show one of them", str(error))

    def test_unusable_file(self) -> None:
        """While the file of credentials cannot be trusted, a certificate proves nothing."""
        issued = self.device("door-lock")
        self.write(f"door-lock device {key_digest(issued.certificate)} proof=certificate")
        self.path.chmod(0o644)
        self.assertIs(ANONYMOUS, self.show(issued.certificate))

    def test_outside_of_a_daemon(self) -> None:
        """Where no credentials are known, nobody has one."""
        self.access = SectionAccess("relay")
        self.assertIs(ANONYMOUS, self.show(self.device("door-lock").certificate))
