"""Mails: what is sent, how the connection is secured, and which refusals may pass."""

from __future__ import annotations

import smtplib
import ssl
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from netd.alert.mail import MailServer, compose, send
from netd.reaction.delivery import DeliveryFailed

MAIL = compose("netd@lab", "lab@example.org", "hot:\n firing", "It is hot.", 0.0)


class FakeSmtp:
    """A connection to a mail server.

    :ivar said: what was asked of it.
    :ivar error: what the mail meets.
    """

    error: Exception | None = None

    def __init__(self, host: str, port: int, **options: Any) -> None:
        self.said: list[Any] = [(host, port, isinstance(options.get("context"), ssl.SSLContext))]
        self.made.append(self)

    made: list[FakeSmtp]

    def __enter__(self) -> FakeSmtp:
        return self

    def __exit__(self, *_: object) -> None:
        self.said.append("closed")

    def starttls(self, context: ssl.SSLContext) -> None:
        """Secure it."""
        self.said.append(("starttls", context.check_hostname))

    def login(self, user: str, password: str) -> None:
        """Log in."""
        self.said.append((user, password))

    def send_message(self, mail: Any) -> None:
        """Take the mail."""
        self.said.append(mail["To"])
        if self.error is not None:
            raise self.error


class MailTests(SynchronousTestCase):
    def send(self, error: Exception | None = None, tls: str = "starttls", user: str = "") -> list[Any]:
        """Send a mail; what the server was asked."""

        class Connected(FakeSmtp):
            made: list[FakeSmtp] = []  # noqa: RUF012 - a list of this test's own

        Connected.error = error
        connect: Any = Connected
        send(MailServer("mail.example.org", 587, tls, user, "pw"), MAIL, connect)
        [one] = Connected.made
        return one.said

    def refused(self, error: Exception) -> tuple[str, bool]:
        """What a refusal says, and whether another try may do better."""
        failed = self.assertRaises(DeliveryFailed, self.send, error)
        return str(failed), failed.may_pass

    def test_sent(self) -> None:
        """The connection is encrypted, and its certificate verified, unless it is said otherwise; a login comes after that."""
        place = ("mail.example.org", 587)
        self.assertEqual(self.send(), [(*place, False), ("starttls", True), "lab@example.org", "closed"])
        self.assertEqual(self.send(tls="tls", user="u"), [(*place, True), ("u", "pw"), "lab@example.org", "closed"])
        self.assertEqual(self.send(tls="off"), [(*place, False), "lab@example.org", "closed"])

    def test_composed(self) -> None:
        """A mail has one line as its subject, whatever an alert is called, and says that a program wrote it."""
        self.assertEqual((MAIL["Subject"], MAIL["Auto-Submitted"]), ("hot: firing", "auto-generated"))
        self.assertEqual(MAIL.get_content(), "It is hot.\n")

    def test_refused(self) -> None:
        """A refusal for now is tried again, one for good is not; a server that cannot be reached may come back."""
        self.assertEqual(self.refused(smtplib.SMTPDataError(451, b"try later")), ("the mail server says 451 try later", True))
        self.assertEqual(self.refused(smtplib.SMTPDataError(554, "no")), ("the mail server says 554 no", False))
        unknown = smtplib.SMTPRecipientsRefused({"lab@example.org": (550, b"unknown")})
        self.assertEqual(self.refused(unknown), ("the mail server says 550 unknown", False))
        for error in (ConnectionRefusedError(111, "refused"), smtplib.SMTPServerDisconnected("gone")):
            said, may_pass = self.refused(error)
            self.assertTrue(said.startswith("mail.example.org:587: "), said)
            self.assertTrue(may_pass)

    def test_real_classes(self) -> None:
        """A server that is not there is told with its address."""
        for tls in ("tls", "off"):
            failed = self.assertRaises(DeliveryFailed, send, MailServer("127.0.0.1", 1, tls, "", ""), MAIL)
            self.assertIn("127.0.0.1:1: ", str(failed))
