"""The options of ``[alert:NAME]``."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable
from pathlib import Path
from typing import ClassVar

import attrs

from netd.alert.grammar import ReadCondition, read_actions, read_condition
from netd.config import REQUIRED, Parser, Reaction, SectionConfig, choice, duration, off_or, option, secret_file, text, within
from netd.reaction.actions import Execute, Mail, Publish, Target, Webhook
from netd.reaction.condition import Condition
from netd.secrets.private_files import PrivateFileError, read_private

__all__ = ["Config"]

_SECRET = "a secret"  # noqa: S105 - the words for it
_MAKE = "`(umask 077; openssl rand -hex 32 > FILE)` makes one"
_STARTTLS = 587


def _read_server(written: str) -> tuple[str, int]:
    host, colon, port = written.rpartition(":")
    if not colon or written.endswith("]"):
        host, port = written, str(_STARTTLS)
    host = host.removeprefix("[").removesuffix("]")
    if not host or not (port.isascii() and port.isdigit() and 0 < int(port) < 65536):
        raise ValueError(f"{written!r} is not HOST or HOST:PORT, such as mail.example.org:587")
    return host, int(port)


_condition: Parser[ReadCondition] = Parser("condition on subjects", read_condition)
_actions: Parser[tuple[Target, ...]] = Parser("actions, one a line or with ` | ` between them", read_actions)
_server: Parser[tuple[str, int]] = Parser("HOST or HOST:PORT", _read_server)


@attrs.frozen(kw_only=True)
class Config(SectionConfig):
    """Watches subjects of the bus, and does something when a condition holds.

    Each alert has a section of its own, `[alert:NAME]`.
    """

    packaged: ClassVar[bool] = False

    when: ReadCondition = option(
        _condition,
        REQUIRED,
        help="The condition, as in `session.main.greenhouse.temp > 30 for 2m`. With `*` in it, each subject has a state of its "
        "own. Others are `SUBJECT silent for 5m`, `SUBJECT offline for 1m`, `SUBJECT ends`, and "
        "`command.main.run outcome = error more than 5 in 1m`.",
        live=True,
    )
    then: tuple[Target, ...] | None = option(
        off_or(_actions),
        "off",
        help="What is done when the alert fires and when it is over: `webhook URL`, `exec PROGRAM ARGUMENTS`, `mail ADDRESS`, "
        "`publish custom.SUBJECT`; several stand one a line, or with ` | ` between them. The state is on the bus in any case.",
        live=True,
    )
    repeat: float | None = option(
        off_or(within(duration, "1s", "30d")), "off", help="How often it is done again while the alert fires.", live=True
    )
    until: str = option(
        choice("over", "acknowledged"),
        "over",
        help="`acknowledged`: the alert stays when its condition is over, until somebody acknowledges it.",
        live=True,
    )
    secret: Path | None = option(
        off_or(secret_file),
        "off",
        help="File of the secret with which webhooks are signed: HMAC-SHA256, in the header `X-Netd-Signature`.",
        live=True,
    )
    mail_server: tuple[str, int] | None = option(
        off_or(_server), "off", help="The server that takes mails. Without a port, 587.", live=True
    )
    mail_tls: str = option(
        choice("starttls", "tls", "off"),
        "starttls",
        help="How the connection to the mail server is encrypted. Its certificate is verified.",
        live=True,
    )
    mail_from: str | None = option(off_or(text), "off", help="The sender of mails. `off`: the recipient.", live=True)
    mail_user: str | None = option(off_or(text), "off", help="The name for the login at the mail server.", live=True)
    mail_password: Path | None = option(off_or(secret_file), "off", help="File of the password for it.", live=True)

    @property
    def condition(self) -> Condition:
        """The condition, without its duration."""
        return self.when.condition

    @property
    def hold(self) -> float:
        """Seconds for which the condition must hold."""
        return self.when.hold

    @property
    def is_kept(self) -> bool:
        """Whether the alert stays until it is acknowledged."""
        return self.until == "acknowledged"

    @property
    def actions(self) -> tuple[Target, ...]:
        """The actions."""
        return self.then or ()

    def program(self, action: Execute) -> Path | None:
        """The path of the program of *action*, below the INI file's directory or in ``PATH``; None if it is not there."""
        name = action.words[0]
        found = shutil.which(self.directory / name if "/" in name else name)
        return None if found is None else Path(found)

    def _why_not(self, name: str) -> str:
        place = self.directory / name
        if "/" in name and os.path.exists(place):  # noqa: PTH110 - a Path raises for a name that is too long
            return f"is not executable; `chmod +x {place}`"
        return f"there is no {place}" if "/" in name else "there is no such program in PATH; write its path"

    def secret_of(self, path: Path | None) -> str:
        """The text of the file at *path*; empty without one.

        :raises PrivateFileError: if the file is not there, can be read by others, or is empty.
        """
        if path is None:
            return ""
        place = self.directory / path
        try:
            found = read_private(place, _SECRET, _MAKE).strip()
        except FileNotFoundError:
            raise PrivateFileError(f"{place}: no such file; {_MAKE}") from None
        if not found:
            raise PrivateFileError(f"{place}: is empty; {_MAKE}")
        return found

    def reaction(self) -> Reaction:
        """See :meth:`SectionConfig.reaction`."""
        published = (action.subject for action in self.actions if isinstance(action, Publish))
        return Reaction("when", self.condition.pattern, (f"alert.{self.instance}.>", *published))

    def objections(self) -> Iterable[tuple[str, str]]:
        """See :meth:`SectionConfig.objections`. Here: programs and secrets that are not there, and mails without a server."""
        for action in self.actions:
            if isinstance(action, Execute) and self.program(action) is None:
                yield "then", f"exec {action.words[0]}: {self._why_not(action.words[0])}"
        if self.mail_server is None and any(isinstance(action, Mail) for action in self.actions):
            yield "mail_server", "a mail needs a server that takes it; write mail_server = HOST"
        if self.secret is not None and not any(isinstance(action, Webhook) for action in self.actions):
            yield "secret", "signs webhooks, and `then` has none"
        for name, path in (("secret", self.secret), ("mail_password", self.mail_password)):
            try:
                self.secret_of(path)
            except PrivateFileError as error:
                yield name, str(error)
