"""One telnet connection: bytes to typed lines and back, with bounds on everything.

A *dialogue* acts on the lines: first the login, then the menu, then perhaps the Python prompt. The connection hands each line to
the current dialogue, and keeps lines that are typed ahead while that one is busy.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import ClassVar, Protocol

from netd.codec.lines import LineTooLong
from netd.config.descriptions import is_loopback
from netd.connection.bounds import Bounds, Policy
from netd.connection.factory import PeerFactory
from netd.connection.peer import PeerContext
from netd.connection.protocol import PeerProtocol
from netd.manhole.config import Config
from netd.manhole.editor import LineEditor
from netd.manhole.telnet import Signal, TelnetDecoder, TooManyCommands

__all__ = ["MAX_LINE", "MAX_TYPED_AHEAD", "Dialogue", "ManholeFactory", "ManholeProtocol"]

MAX_LINE = 4096
"""The longest line, in bytes."""

MAX_TYPED_AHEAD = 64
"""Lines that may wait while an operation runs. With more, the connection is not read from."""

LONGEST_PROMPT = 200
"""Characters of output without a line end, such as a prompt, that are remembered to be shown again."""

MAX_UNREAD = 1 << 20
"""Bytes of output that may wait for a terminal. With more, the connection is cut."""


class Dialogue(Protocol):
    """The reader of a terminal's lines at present: the login, the menu, or the Python prompt."""

    def begin(self) -> None:
        """Take over the terminal."""

    def line(self, text: str) -> None:
        """A line was typed."""

    def interrupt(self) -> None:
        """Ctrl-C was typed."""

    def end(self) -> None:
        """Ctrl-D was typed."""

    def expired(self) -> None:
        """The time set by :meth:`ManholeProtocol.expire_after` has passed."""

    def closed(self) -> None:
        """The terminal is gone: stop everything that still runs."""


class ManholeProtocol(PeerProtocol):
    """One connection: to its dialogues, a terminal."""

    bounds: ClassVar[Bounds] = Bounds(Policy.DISCONNECT, MAX_UNREAD)
    says_when_identified = True
    factory: ManholeFactory

    def __init__(self, factory: ManholeFactory) -> None:
        super().__init__(factory)
        self._telnet = TelnetDecoder()
        self._editor = LineEditor(MAX_LINE)
        self._prompt = ""
        self._typed: deque[bytes] = deque()
        self._is_busy = False
        self._is_handing_out = False
        self._dialogue: Dialogue | None = None

    # For dialogues

    @property
    def is_open(self) -> bool:
        """Whether output can still be read at the terminal."""
        return self.peer.is_open

    def converse(self, dialogue: Dialogue) -> None:
        """Hand all further lines to *dialogue*."""
        self._dialogue = dialogue
        dialogue.begin()

    def write(self, text: str) -> None:
        """Show *text*, in which a newline ends each line."""
        self._prompt = (self._prompt + text[-LONGEST_PROMPT:]).rpartition("\n")[2][-LONGEST_PROMPT:]
        if self.is_open:
            self.peer.send(text.replace("\n", "\r\n").encode("utf-8", "backslashreplace"))

    def hide_input(self) -> None:
        """Have the terminal hide what is typed, and do not remember the line for the arrow keys."""
        self._editor.is_secret = True
        self.peer.send(self._telnet.hide_input())

    def show_input(self) -> None:
        """Have the terminal show what is typed again, on a new line: it has not shown the end of the hidden one."""
        self._editor.is_secret = False
        self._prompt = ""
        self.peer.send(self._telnet.show_input() + b"\r\n")

    def set_busy(self, is_busy: bool) -> None:
        """Keep further lines back (True), or hand them to the dialogue again. Ctrl-C is handed over in any case."""
        self._is_busy = is_busy
        self._hand_out()

    def expire_after(self, seconds: float | None) -> None:
        """Call the dialogue's ``expired`` after so many seconds, or not at all (None)."""
        self.peer.expire_after(seconds)

    def close(self, reason: str) -> None:
        """Show *reason* as the last line, and close."""
        if self.is_open:
            self.write(f"{reason}\n")
            self.peer.close(reason)

    # The shell

    def opened(self) -> None:
        objection = self.factory.objection(self)
        if objection is None:
            self.converse(self.factory.make_login(self))
        else:
            self.refuse("not admitted", objection, b"")
            self.close(objection)

    def received(self, data: bytes) -> None:
        try:
            heard = self._telnet.feed(data)
            if heard.answers:
                self.peer.send(heard.answers)
            for typed in heard.typed:
                self._take(typed)
        except (TooManyCommands, LineTooLong) as error:
            # Nothing of the input is logged: it may be a password.
            self.refuse(type(error).__name__, str(error), b"")
            self.close(str(error))

    def expired(self) -> None:
        if self._dialogue is not None:
            self._dialogue.expired()

    def closed(self) -> None:
        self._typed.clear()
        if self._dialogue is not None:
            self._dialogue.closed()

    def is_admitted(self) -> bool:
        """Whether the connection counts as a session."""
        return self._dialogue is not None and self.is_open

    def _take(self, typed: bytes | Signal) -> None:
        if isinstance(typed, bytes):
            self._typed.extend(self._editor.feed(typed))
            self._hand_out()
            if self._editor.is_changed and not (self._editor.is_secret or self._is_busy):
                self._show_line()
        elif self._dialogue is not None and self.is_open:
            self._editor.drop()
            self._typed.clear()
            if typed is Signal.INTERRUPT:
                self._dialogue.interrupt()
            else:
                self._dialogue.end()

    def _hand_out(self) -> None:
        if self._is_handing_out:  # called from within the loop below, by a dialogue that is not busy any more
            return
        self._is_handing_out = True
        try:
            while self._typed and not self._is_busy and self.is_open and self._dialogue is not None:
                self._say(self._dialogue, self._typed.popleft())
        finally:
            self._is_handing_out = False
        self.peer.set_reading(len(self._typed) <= MAX_TYPED_AHEAD)

    def _show_line(self) -> None:
        """Show the prompt and the unfinished line again, because the terminal does not know what its keys have changed."""
        before, after = (part.decode(errors="replace") for part in self._editor.line)
        back = f"\x1b[{len(after)}D" if after else ""
        if self.is_open:
            self.peer.send(f"\r\x1b[K{self._prompt}{before}{after}{back}".encode())

    def _say(self, dialogue: Dialogue, line: bytes) -> None:
        try:
            text = line.decode("utf-8")
        except UnicodeDecodeError:
            self.close("this terminal does not send UTF-8; set its character encoding to UTF-8")
        else:
            dialogue.line(text)


class ManholeFactory(PeerFactory):
    """Makes the connections, and limits where they come from and how many may log in.

    :param make_login: makes the first dialogue of a connection.
    :ivar rules: the options in force.
    """

    connection = ManholeProtocol

    def __init__(
        self,
        name: str,
        context: PeerContext,
        rules: Config,
        make_login: Callable[[ManholeProtocol], Dialogue],
    ) -> None:
        super().__init__(name, context)
        self.rules = rules
        self.make_login = make_login

    def sessions(self) -> list[ManholeProtocol]:
        """Return the open connections that were admitted."""
        return [one for one in self.connections if isinstance(one, ManholeProtocol) and one.is_admitted()]

    def objection(self, newcomer: ManholeProtocol) -> str | None:
        """Say why *newcomer* may not log in from where it is; None if it may."""
        host = getattr(newcomer.transport.getHost(), "host", None)
        if host is not None and not self.rules.allow_remote and not is_loopback(host):
            return "only this machine is served here; `allow_remote = yes` in [manhole] changes that"
        return None

    def objection_to_another(self) -> str | None:
        """Say why a right password does not admit another session; None if it does."""
        if sum(session.peer.principal.has_rights for session in self.sessions()) >= self.rules.max_sessions:
            return f"all {self.rules.max_sessions} sessions are taken; try again later"
        return None
