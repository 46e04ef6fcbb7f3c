"""The login: the first dialogue of a terminal. It asks for a name and a password, with three tries and one time limit."""

from __future__ import annotations

import enum
from collections.abc import Callable
from typing import Any

from twisted.internet.defer import CancelledError, Deferred
from twisted.logger import Logger
from twisted.python.failure import Failure

from netd.connection.refusals import NOT_ADMITTED
from netd.manhole.doorkeeper import Doorkeeper, Unchecked
from netd.manhole.terminal import Terminal
from netd.principal import Principal, Proof, Role
from netd.secrets.private_files import PrivateFileError
from netd.secrets.tries import TRIES, Tries

__all__ = ["Login", "log_failed_check", "log_login", "log_unchecked", "log_wrong_password"]

_SHOWN_NAME = 64

_log = Logger()


def log_login(terminal: Terminal, name: str) -> None:
    """Log a login, from the address that it came from."""
    _log.info(
        "{service}: {name} logged in by {way} from {who}",
        service=terminal.factory.name,
        name=name,
        way=terminal.way,
        who=terminal.describe(),
        connection=terminal.number,
    )


def log_wrong_password(terminal: Terminal, name: str, tries: Tries) -> None:
    """Count and log a wrong password."""
    terminal.factory.tally.refuse("wrong password")
    _log.warn(
        "{service}: {who} failed to log in as {name!r} (try {failed} of {tries})",
        service=terminal.factory.name,
        who=terminal.describe(),
        name=name[:_SHOWN_NAME],
        failed=tries.failed,
        tries=TRIES,
        connection=terminal.number,
    )


def log_unchecked(terminal: Terminal, why: Unchecked) -> None:
    """Count and log a password that was not checked."""
    terminal.refuse(why.kind, f"its password was not checked: {why}", b"")


def log_failed_check(terminal: Terminal, failure: Failure) -> None:
    """Log why a password could not be checked."""
    service = terminal.factory.name
    if failure.check(PrivateFileError):
        _log.error("{service}: nobody can log in by a password: {why}", service=service, why=str(failure.value))
    else:
        _log.failure("{service}: a password could not be checked", failure, service=service)


class _Stage(enum.Enum):
    NAME = "name"
    PASSWORD = "password"  # noqa: S105 - a stage, not a password
    CHECKING = "checking"


class Login:
    """The login of one connection.

    :param tries: counts the wrong passwords of this connection.
    :param welcome: called after a login; the terminal's peer then has the user as its principal.
    :param timeout: seconds for all tries together.
    """

    _log = Logger()

    def __init__(
        self,
        terminal: Terminal,
        doorkeeper: Doorkeeper,
        tries: Tries,
        timeout: float,
        welcome: Callable[[Terminal], None],
    ) -> None:
        self._terminal = terminal
        self._doorkeeper = doorkeeper
        self._tries = tries
        self._timeout = timeout
        self._welcome = welcome
        self._stage = _Stage.NAME
        self._name = ""
        self._checking: Deferred[Any] | None = None

    def begin(self) -> None:
        self._terminal.expire_after(self._timeout)
        self._terminal.write("netd manhole\n")
        self._ask_name()

    def line(self, text: str) -> None:
        """Take the name, or the password, whichever was asked for last."""
        if self._stage is _Stage.NAME:
            self._name = text.strip()
            if self._name:
                self._stage = _Stage.PASSWORD
                self._terminal.hide_input()
                self._terminal.write("password: ")
            else:
                self._ask_name()
        else:
            self._check(text)

    def complete(self, before: str) -> None:
        """Neither names nor passwords are completed."""

    def interrupt(self) -> None:
        """Ask for the name again, while there is nothing to wait for."""
        if self._stage is not _Stage.CHECKING:
            self._begin_line()
            self._ask_name()

    def end(self) -> None:
        self._begin_line()
        self._terminal.close("goodbye")

    def expired(self) -> None:
        self._begin_line()
        self._log.info(
            "{service}: {who} did not log in in time",
            service=self._terminal.factory.name,
            who=self._terminal.describe(),
            connection=self._terminal.number,
        )
        self._terminal.close(f"no login within {self._timeout:g} s")

    def closed(self) -> None:
        if self._checking is not None:
            self._checking.cancel()

    def _ask_name(self) -> None:
        self._stage = _Stage.NAME
        self._terminal.write("login: ")

    def _begin_line(self) -> None:
        """Get off the line of a prompt that was not answered."""
        if self._stage is _Stage.PASSWORD:
            self._terminal.show_input()
        else:
            self._terminal.write("\n")

    def _check(self, password: str) -> None:
        self._terminal.show_input()
        self._stage = _Stage.CHECKING
        self._terminal.set_busy(True)
        self._terminal.identified()
        self._checking = checking = self._doorkeeper.check(self._name, password, self._tries.host)
        checking.addCallbacks(self._checked, self._check_failed)

    def _checked(self, credential: str | None) -> None:
        terminal = self._terminal
        if not terminal.is_open:
            return
        if credential is not None:
            log_login(terminal, self._name)
            self._admit(credential)
        else:
            self._refuse()
        terminal.set_busy(False)

    def _admit(self, credential: str) -> None:
        terminal = self._terminal
        objection = terminal.factory.objection_to_another()
        if objection is None:
            terminal.peer.prove(Principal(self._name, Role.ADMIN, None, Proof.PASSWORD, credential))
            self._welcome(terminal)
        else:
            terminal.refuse(NOT_ADMITTED, objection, b"")
            terminal.close(objection)

    def _refuse(self) -> None:
        self._terminal.doubted()
        self._tries.fail()
        log_wrong_password(self._terminal, self._name, self._tries)
        self._terminal.write("wrong name or password\n")
        if self._tries.is_over:
            self._terminal.close("too many tries")
        else:
            self._ask_name()

    def _check_failed(self, failure: Failure) -> None:
        if failure.check(CancelledError):
            return
        if isinstance(failure.value, Unchecked):
            log_unchecked(self._terminal, failure.value)
            self._terminal.close(str(failure.value))
            return
        log_failed_check(self._terminal, failure)
        self._terminal.close("nobody can log in now; the log says why")
