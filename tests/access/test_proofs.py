"""Tests of ``netd.access.proofs``, and of how a section's admission takes tokens."""

from __future__ import annotations

import secrets
from types import SimpleNamespace

from twisted.internet.task import Clock

from netd.access.proofs import UNUSABLE, Proofs, TooManyWrongTokens, WrongToken
from netd.access.section import SectionAccess
from netd.errors import NotPermitted
from netd.principal import LOCAL, Kind, Principal, Proof, Role
from netd.secrets.token_file import add_token
from netd.secrets.tokens import Tokens
from netd.secrets.tries import MOST_WRONG, TRIES, WINDOW, WrongSecrets
from tests.secrets.token_case import TokenTestCase

HOST, OTHER = "192.0.2.7", "192.0.2.8"


class ProofTestCase(TokenTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.clock = Clock()
        self.proofs = Proofs(Tokens(self.path), WrongSecrets(self.clock.seconds))

    def program(self, name: str, kind: str, **limits: object) -> str:
        """The token of a program."""
        return add_token(self.path, name, kind, (), secrets.token_bytes, **limits)  # type: ignore[arg-type]

    def wrong(self, host: str = HOST) -> WrongToken:
        """What is said to a token that nobody has."""
        return self.assertRaises(WrongToken, self.proofs.find, "netd_x", host)


class ProofsTests(ProofTestCase):
    def test_right(self) -> None:
        """A token proves whoever has it; its use is noted with the address."""
        text = self.program("bell", "device")
        found = self.proofs.find(text, HOST, Kind.DEVICE)
        self.assertEqual((found.name, found.kind), ("bell", Kind.DEVICE))
        use = self.proofs.tokens.uses.of(found)
        self.assertEqual(use and use.host, HOST)

    def test_user(self) -> None:
        """A user's token is taken everywhere: the role tells what it is good for."""
        text = self.add("ann", Role.OPERATOR)
        self.assertEqual(self.proofs.find(text, HOST, Kind.BOT).name, "ann")

    def test_other_kind(self) -> None:
        """The token of another kind is refused; the words tell whose it is and which one is needed."""
        text = self.program("bell", "device")
        for kinds, wanted in (
            ((Kind.AGENT,), "that of another kind is needed: `netd token add NAME --agent` makes one"),
            ((Kind.COMMAND,), "that of another kind is needed: `netd token add NAME --command C` makes one"),
            ((), "one of a user is needed: `netd token add NAME --role operator` makes one"),
        ):
            error = self.assertRaises(WrongToken, self.proofs.find, text, HOST, *kinds)
            self.assertEqual(str(error), f"this is the token of the device bell; here {wanted}")

    def test_third_ends_the_connection(self) -> None:
        """The third wrong token of an address within a minute, and each after it, is to end its connection."""
        self.assertEqual([self.wrong().is_last for _ in range(TRIES + 1)], [False, False, True, True])
        self.assertEqual(str(self.wrong()), "this token is unknown; `netd token list` on netd's machine shows which there are")
        self.assertFalse(self.wrong(OTHER).is_last)

    def test_too_many(self) -> None:
        """After ten in a minute an address gets no reasons any more, until the minute is over; right tokens go on to count."""
        text = self.add("ann")
        for _ in range(MOST_WRONG - 1):
            self.assertNotIsInstance(self.wrong(), TooManyWrongTokens)
        self.clock.advance(20)
        for _ in range(3):
            error = self.wrong()
            self.assertIsInstance(error, TooManyWrongTokens)
            self.assertEqual(str(error), f"too many wrong tokens came from your address; try again in {WINDOW - 20:.0f} s")
        self.assertEqual(self.proofs.find(text, HOST).name, "ann")
        self.assertNotIsInstance(self.wrong(OTHER), TooManyWrongTokens)
        self.clock.advance(WINDOW)
        self.assertNotIsInstance(self.wrong(), TooManyWrongTokens)


class SectionTests(ProofTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.access = SectionAccess("relay", proofs=self.proofs)
        self.peer = SimpleNamespace(principal=LOCAL, host=HOST, prove=self.prove)

    def prove(self, principal: Principal) -> None:
        """The peer has proved who it is."""
        self.peer.principal = principal

    def test_right(self) -> None:
        """A right token replaces whoever the address shows."""
        text = self.program("bell", "device", sends=("lamp",))
        self.access.prove(self.peer, text, Kind.DEVICE)
        principal = self.peer.principal
        self.assertEqual((principal.name, principal.kind, principal.sends), ("bell", Kind.DEVICE, ("lamp",)))

    def test_wrong(self) -> None:
        """A wrong token is never forgiven because of the address, and changes nothing."""
        error = self.assertRaises(NotPermitted, self.access.prove, self.peer, "netd_x", Kind.DEVICE)
        self.assertIn("this token is unknown", str(error))
        self.assertIs(self.peer.principal, LOCAL)

    def test_certificate(self) -> None:
        """Who shows a certificate and a token must be the same by both; the certificate counts."""
        bell, lamp = self.program("bell", "device"), self.program("lamp", "device")
        shown = self.peer.principal = Principal("bell", Role.NOBODY, None, Proof.CERTIFICATE, kind=Kind.DEVICE)
        self.access.prove(self.peer, bell, Kind.DEVICE)
        error = self.assertRaises(NotPermitted, self.access.prove, self.peer, lamp, Kind.DEVICE)
        self.assertEqual(
            str(error), "the certificate is that of the device bell, and the token that of the device lamp: show one of them"
        )
        self.assertIs(self.peer.principal, shown)

    def test_unusable(self) -> None:
        """While the file cannot be trusted no token is taken, and no name is free."""
        text = self.program("bell", "device")
        self.path.chmod(0o644)
        error = self.assertRaises(NotPermitted, self.access.prove, self.peer, text, Kind.DEVICE)
        self.assertEqual(str(error), UNUSABLE)
        self.assertTrue(self.access.is_reserved(Kind.DEVICE, "lamp"))

    def test_reserved(self) -> None:
        """A name with a credential is reserved."""
        self.program("bell", "device")
        self.assertTrue(self.access.is_reserved(Kind.DEVICE, "bell"))
        self.assertFalse(self.access.is_reserved(Kind.DEVICE, "lamp"))

    def test_outside_of_a_daemon(self) -> None:
        """Where there are no tokens at all, none is right, and no name is reserved."""
        access = SectionAccess()
        self.assertIn("no tokens", str(self.assertRaises(NotPermitted, access.prove, self.peer, "netd_x", Kind.DEVICE)))
        self.assertFalse(access.is_reserved(Kind.DEVICE, "bell"))
