"""The login: the first dialogue of a terminal. It asks for a name and a password, with three tries and one time limit."""

from __future__ import annotations

import enum
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import Any

from twisted.internet.defer import CancelledError, Deferred
from twisted.logger import Logger
from twisted.python.failure import Failure

from netd.errors import NetdError
from netd.manhole.terminal import Terminal
from netd.principal import Principal, Proof, Role
from netd.secrets.passwords import read_password_file, verify
from netd.secrets.private_files import PrivateFileError
from netd.secrets.tries import TRIES, Tries, WrongSecrets, network_of

__all__ = ["Login", "PasswordChecker", "TooManyWrong", "log_failed_check", "log_login", "log_wrong_password"]

_SHOWN_NAME = 64

_log = Logger()

InThread = Callable[..., Deferred[Any]]
"""Calls a function with arguments in a thread, like ``deferToThreadPool`` with the first two arguments given."""


class TooManyWrong(NetdError):
    """So many passwords of an address were wrong within a minute that no further one is checked now.

    :ivar seconds: the time until the next one is checked.
    """

    def __init__(self, seconds: float) -> None:
        super().__init__(f"too many wrong passwords came from your address; try again in {max(1, round(seconds))} s")
        self.seconds = seconds

    def note(self, terminal: Terminal) -> None:
        """Count and log the refusal."""
        terminal.refuse("too many wrong passwords", f"its password was not checked; {self.seconds:.0f} s are left", b"")


class PasswordChecker:
    """Checks passwords against the file, in a thread. One at a time, because a check takes 32 MiB and a third of a second.

    Addresses take turns: an address that sends many passwords waits behind the others, and does not hold them up.

    :param in_thread: calls a function in a thread and returns a Deferred of its result.
    :param wrong: the count of wrong passwords. It is only read here; callers add to it.
    """

    def __init__(self, path: Path, in_thread: InThread, wrong: WrongSecrets) -> None:
        self.path = path
        self._wrong = wrong
        self._in_thread = in_thread
        self._waiting: dict[str, deque[Deferred[None]]] = {}  # by address, in the order of their turns
        self._is_checking = False

    def check(self, name: str, password: str, host: str = "") -> Deferred[str | None]:
        """Check whether *password* is that of *name*, by the file as it is at the time.

        :param host: the address that the password comes from.
        :returns: a Deferred of the line of the file that proves it, or None if it is wrong. Cancelling it gives the place in the
            queue up. It fails with :class:`netd.secrets.private_files.PrivateFileError` when the file cannot be used any more,
            and with :class:`TooManyWrong` when too many passwords of that address are wrong by the time of its turn; so many
            connections that ask at once get no more checks than one that asks again and again.
        """
        turns = self._waiting.setdefault(network_of(host), deque())
        turn: Deferred[None] = Deferred(turns.remove)
        turns.append(turn)
        answer = turn.addCallback(lambda _: self._begin(name, password, host))
        self._go_on()
        return answer

    def _go_on(self) -> None:
        """Begin the next check, unless one is running. Its address then goes to the end of the queue."""
        while self._waiting and not self._is_checking:
            address, turns = next(iter(self._waiting.items()))
            del self._waiting[address]
            if turns:
                self._waiting[address] = turns
                self._is_checking = True
                turns.popleft().callback(None)

    def _begin(self, name: str, password: str, host: str) -> Deferred[str | None]:
        wait = self._wrong.wait(host)
        if wait:
            self._is_checking = False
            raise TooManyWrong(wait)
        # Cancelling the answer cannot stop the thread. The next check must wait for its end all the same: otherwise connections
        # that hang up at once could fill all threads.
        answer: Deferred[str | None] = Deferred()
        self._in_thread(_check, self.path, name, password).addBoth(self._finish, answer)
        return answer

    def _finish(self, outcome: str | Failure | None, answer: Deferred[str | None]) -> None:
        self._is_checking = False
        answer.callback(outcome)  # before the next check begins: a wrong password counts for that one already
        self._go_on()


def _check(path: Path, name: str, password: str) -> str | None:
    entries = read_password_file(path)
    return entries[name].to_line() if verify(entries, name, password) else None


def log_login(terminal: Terminal, name: str) -> None:
    """Log a login, from the address that it came from."""
    _log.info(
        "{service}: {name} logged in by {way} from {who}",
        service=terminal.factory.name,
        name=name,
        way=terminal.way,
        who=terminal.describe(),
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
    )


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
        checker: PasswordChecker,
        tries: Tries,
        timeout: float,
        welcome: Callable[[Terminal], None],
    ) -> None:
        self._terminal = terminal
        self._checker = checker
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
            "{service}: {who} did not log in in time", service=self._terminal.factory.name, who=self._terminal.describe()
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
        self._checking = checking = self._checker.check(self._name, password, self._tries.host)
        checking.addCallbacks(self._checked, self._check_failed)

    def _checked(self, line: str | None) -> None:
        terminal = self._terminal
        if not terminal.is_open:
            return
        if line is not None:
            log_login(terminal, self._name)
            self._admit(line)
        else:
            self._refuse()
        terminal.set_busy(False)

    def _admit(self, line: str) -> None:
        terminal = self._terminal
        objection = terminal.factory.objection_to_another()
        if objection is None:
            terminal.peer.prove(Principal(self._name, Role.ADMIN, None, Proof.PASSWORD, line))
            self._welcome(terminal)
        else:
            terminal.refuse("not admitted", objection, b"")
            terminal.close(objection)

    def _refuse_unchecked(self, error: TooManyWrong) -> None:
        error.note(self._terminal)
        self._terminal.close(str(error))

    def _refuse(self) -> None:
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
        if isinstance(failure.value, TooManyWrong):
            self._refuse_unchecked(failure.value)
            return
        log_failed_check(self._terminal, failure)
        self._terminal.close("nobody can log in now; the log says why")
