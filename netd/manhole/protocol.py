"""The manhole over telnet, and the factory of its connections."""

from __future__ import annotations

from typing import Any, Protocol

from twisted.internet.defer import Deferred

from netd.codec.lines import LineTooLong
from netd.config.descriptions import is_loopback
from netd.connection.budget import Occupant, Place
from netd.connection.factory import PeerFactory
from netd.connection.peer import PeerContext
from netd.connection.refusals import NOT_ADMITTED
from netd.manhole.config import Config
from netd.manhole.doorkeeper import TooManyLogins
from netd.manhole.telnet import TelnetDecoder, TooManyCommands
from netd.manhole.terminal import Dialogue, Terminal
from netd.secrets.ssh_keys import LoginKey
from netd.secrets.tries import Tries

__all__ = ["ManholeFactory", "ManholeProtocol"]


class ManholeProtocol(Terminal):
    """One connection by telnet."""

    way = "telnet"

    def __init__(self, factory: ManholeFactory) -> None:
        super().__init__(factory)
        self._telnet = TelnetDecoder()

    def show(self, text: str) -> None:
        self.peer.send(text.replace("\n", "\r\n").encode("utf-8", "backslashreplace"))

    def show_line(self) -> None:
        before, after = (part.decode(errors="replace") for part in self._editor.line)
        back = f"\x1b[{len(after)}D" if after else ""
        if self.is_open:
            self.peer.send(f"\r\x1b[K{self._prompt}{before}{after}{back}".encode())

    def hide_input(self) -> None:
        """Have the terminal hide what is typed, and do not remember the line for the arrow keys."""
        super().hide_input()
        self.peer.send(self._telnet.hide_input())

    def show_input(self) -> None:
        """Have the terminal show what is typed again, on a new line: it has not shown the end of the hidden one."""
        super().show_input()
        self.peer.send(self._telnet.show_input() + b"\r\n")

    def opened(self) -> None:
        objection = self.factory.objection(self)
        if objection is None:
            self.converse(self.factory.doors.login(self))
        else:
            self.refuse(NOT_ADMITTED, objection, b"")
            self.close(objection)

    def received(self, data: bytes) -> None:
        try:
            heard = self._telnet.feed(data)
            if heard.answers:
                self.peer.send(heard.answers)
            for typed in heard.typed:
                if isinstance(typed, bytes):
                    self._take(typed)
                else:
                    self.take_signal(typed)
        except (TooManyCommands, LineTooLong) as error:
            # Nothing of the input is logged: it may be a password.
            self.refuse(type(error).__name__, str(error), b"")
            self.close(str(error))

    def _take(self, typed: bytes) -> None:
        self.take_keys(typed)
        if self._editor.is_changed and not (self._editor.is_secret or self._is_busy):
            self.show_line()


class Doors(Protocol):
    """How people get in, as their connections see it."""

    @property
    def host_key(self) -> Any:
        """The key by which clients of SSH know this netd."""

    def login_keys(self) -> list[LoginKey]:
        """The keys that open the manhole.

        :raises PrivateFileError: when their file cannot be used.
        """

    def tries(self, terminal: Terminal) -> Tries:
        """Return the count of wrong passwords of one connection."""

    def check(self, name: str, password: str, host: str) -> Deferred[str | None]:
        """Check a password; see :meth:`netd.manhole.doorkeeper.Doorkeeper.check`."""

    def is_flooded_from(self, host: str) -> bool:
        """Whether connections from *host* are not taken; see :class:`netd.manhole.doorkeeper.Doorkeeper`."""

    def login(self, terminal: Terminal) -> Dialogue:
        """Return the first dialogue of a connection by telnet."""

    def welcome(self, terminal: Terminal) -> None:
        """Begin the menu at *terminal*, whose peer has the user as its principal."""


class ManholeFactory(PeerFactory):
    """Makes the connections, and limits where they come from and how many may log in.

    :ivar doors: how people get in.
    :ivar rules: the options in force.
    """

    connection = ManholeProtocol

    def __init__(self, name: str, context: PeerContext, rules: Config, doors: Doors) -> None:
        super().__init__(name, context)
        self.rules = rules
        self.doors = doors

    def admit(self, address: Any, occupant: Occupant | None, is_at_work: bool = False) -> Place | None:
        """Return a place for a newcomer, as :meth:`PeerFactory.admit` does; None also for one whose address floods the logins."""
        if self.doors.is_flooded_from(getattr(address, "host", "")):
            self.note_refusal(TooManyLogins.kind, address, "its address sends more passwords than can be checked")
            return None
        return super().admit(address, occupant, is_at_work)

    def sessions(self) -> list[Terminal]:
        """Return the open connections that were admitted."""
        return [one for one in self.connections if isinstance(one, Terminal) and one.is_admitted()]

    def objection(self, newcomer: ManholeProtocol) -> str | None:
        """Say why *newcomer* may not log in from where it is; None if it may."""
        host = getattr(newcomer.transport.getHost(), "host", None)
        if host is not None and not (self.rules.tls or is_loopback(host)):
            return "only this machine is served by telnet; other machines log in by ssh"
        return None

    def objection_to_another(self) -> str | None:
        """Say why a right password or key does not admit another session; None if it does."""
        logged_in = (one.peer.is_open and one.is_logged_in for one in self.connections if isinstance(one, Terminal))
        if sum(logged_in) >= self.rules.max_sessions:
            return f"all {self.rules.max_sessions} sessions are taken; try again later"
        return None
