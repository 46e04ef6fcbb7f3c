"""Mails that alerts send. ``smtplib`` blocks, so that it is called in a thread."""

from __future__ import annotations

import smtplib
import ssl
from collections.abc import Callable
from email.message import EmailMessage
from email.utils import formatdate, make_msgid

from attrs import frozen

from netd.errors import text_of
from netd.reaction.delivery import DeliveryFailed

__all__ = ["MailServer", "compose", "send"]

TIMEOUT = 10.0
"""Seconds for each step of the dialogue with the server."""


@frozen
class MailServer:
    """The server that takes mails, and the login there.

    :ivar tls: ``starttls``, ``tls`` or ``off``.
    :ivar user: for the login; empty for none.
    """

    host: str
    port: int
    tls: str
    user: str
    password: str


def compose(sender: str, recipient: str, subject: str, text: str, time: float) -> EmailMessage:
    """Return a mail.

    :param time: seconds since the epoch.
    """
    mail = EmailMessage()
    mail["From"], mail["To"], mail["Date"] = sender, recipient, formatdate(time)
    mail["Subject"] = " ".join(subject.split())
    mail["Message-ID"] = make_msgid(domain="netd.invalid")
    mail["Auto-Submitted"] = "auto-generated"
    mail.set_content(text)
    return mail


def send(server: MailServer, mail: EmailMessage, connect: Callable[..., smtplib.SMTP] | None = None) -> None:
    """Hand *mail* to *server*. Blocks.

    :param connect: ``smtplib.SMTP`` or ``smtplib.SMTP_SSL``; by default the one that the server needs.
    :raises DeliveryFailed: when the server does not take it.
    """
    try:
        with _connected(server, connect) as connection:
            if server.tls == "starttls":
                connection.starttls(context=ssl.create_default_context())
            if server.user:
                connection.login(server.user, server.password)
            connection.send_message(mail)
    except smtplib.SMTPResponseException as error:
        said = error.smtp_error if isinstance(error.smtp_error, str) else error.smtp_error.decode("utf-8", "replace")
        raise DeliveryFailed(f"the mail server says {error.smtp_code} {said[:150]}", may_pass=error.smtp_code < 500) from None
    except smtplib.SMTPRecipientsRefused as error:
        code, words = next(iter(error.recipients.values()))
        raise DeliveryFailed(
            f"the mail server says {code} {words.decode('utf-8', 'replace')[:150]}", may_pass=code < 500
        ) from None
    except (OSError, smtplib.SMTPException) as error:
        raise DeliveryFailed(f"{server.host}:{server.port}: {text_of(error)[:150]}") from None


def _connected(server: MailServer, connect: Callable[..., smtplib.SMTP] | None) -> smtplib.SMTP:
    if server.tls == "tls":
        return (connect or smtplib.SMTP_SSL)(server.host, server.port, timeout=TIMEOUT, context=ssl.create_default_context())
    return (connect or smtplib.SMTP)(server.host, server.port, timeout=TIMEOUT)
