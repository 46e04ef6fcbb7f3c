"""The manhole over SSH: the login is a part of the protocol, and the terminal in character mode, so that netd shows each key.

The dialogues are those of telnet, and so is the line editor. Conch (:mod:`netd.manhole.conch`) never sees the socket: what it
sends goes through the connection's outbox, with its bounds, and the end is the peer's polite one. A reset by Conch would take the
goodbye with it.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, ClassVar

from twisted.conch.ssh.transport import DISCONNECT_BY_APPLICATION
from twisted.internet.defer import Deferred
from twisted.python.failure import Failure

from netd.codec.lines import LineTooLong
from netd.connection.refusals import NOT_ADMITTED
from netd.manhole.conch import ManholeTransport, TerminalChannel
from netd.manhole.doorkeeper import Unchecked
from netd.manhole.login import log_failed_check, log_login, log_unchecked, log_wrong_password
from netd.manhole.screen import Screen, clean
from netd.manhole.telnet import Signal
from netd.manhole.terminal import MAX_LINE, MAX_UNREAD, Dialogue, Terminal
from netd.principal import Principal, Proof, Role
from netd.secrets.private_files import PrivateFileError
from netd.secrets.ssh_keys import LoginKey
from netd.secrets.tries import Tries

if TYPE_CHECKING:
    from netd.manhole.protocol import ManholeFactory

__all__ = ["SshProtocol"]

NOBODY_CAN = "nobody can log in now; the log says why"

LINGER = 1.0
"""Seconds that a client has to close the connection after its terminal. It says that it was cut off if netd does so at once."""

_LINE_END = re.compile(rb"\r\n?")
_CONTROL = re.compile(rb"([\x03\x04])")
_SIGNALS = {b"\x03": Signal.INTERRUPT, b"\x04": Signal.END}


class SshProtocol(Terminal):
    """One connection by SSH."""

    way = "ssh"
    machine: ClassVar[tuple[str, ...]] = ("_conch", "_channel")

    def __init__(self, factory: ManholeFactory) -> None:
        super().__init__(factory)
        self._conch: ManholeTransport | None = None
        self._channel: TerminalChannel | None = None
        self._screen: Screen | None = None
        self._checking: Deferred[Any] | None = None
        self._tries: Tries | None = None
        self._keys = b""
        self._has_typed_last = False
        self._notes = ""
        self._farewell: str | None = None
        self._follows_return = False

    # PeerProtocol and Terminal

    def opened(self) -> None:
        self.expire_after(self.factory.rules.login_timeout)
        self._conch = ManholeTransport(self, self.factory.doors.host_key)
        self._conch.connectionMade()  # type: ignore[no-untyped-call]

    def received(self, data: bytes) -> None:
        conch = self._conch
        assert conch is not None
        try:
            conch.take(data)
        except Exception as error:  # Conch raises what Python does, over bytes that make no sense
            self.refuse("bad SSH", f"{type(error).__name__} of Conch", b"")
            self._disconnect("this is no SSH that netd understands")
            return
        if not self.peer.note_unfinished(len(conch.buf)):
            self._disconnect("a packet must come at 1 KiB a second at least")
        self._take()

    def expired(self) -> None:
        if self._farewell is not None:
            self.peer.close(self._farewell)
        elif self._dialogue is None:
            self._disconnect(f"no login within {self.factory.rules.login_timeout:g} s")
        else:
            self._dialogue.expired()

    def closed(self) -> None:
        super().closed()
        if self._checking is not None:
            self._checking.cancel()
        if self._conch is not None:
            self._conch.connectionLost()

    def show(self, text: str) -> None:
        if self._screen is not None:
            self._screen.wrote(self._prompt)
            text = text.replace("\n", "\r\n")
        self._put(text)

    def show_line(self) -> None:
        if self._screen is not None and self.is_open:
            before, after = (clean(part.decode(errors="replace")) for part in self._editor.line)
            self._put(self._screen.line(self._prompt + before, after))

    def say(self, dialogue: Dialogue, line: bytes) -> None:
        """Show *line*, which may have been typed while the dialogue was busy, then hand it over."""
        if self._screen is not None:
            self._put(self._screen.line(self._prompt + clean(line.decode(errors="replace"))) + "\r\n")
            self._prompt = ""
            self._screen.wrote("")
        super().say(dialogue, line)

    def set_busy(self, is_busy: bool) -> None:
        super().set_busy(is_busy)
        if not is_busy and any(self._editor.line):
            self.show_line()

    @property
    def is_open(self) -> bool:
        """Whether output can still be read at the terminal."""
        return self.peer.is_open and self._farewell is None

    def close(self, reason: str) -> None:
        """Show *reason*, and close the terminal. A client then closes the connection, and is given a moment for it."""
        if self._channel is None:
            self._disconnect(reason)
        elif self.is_open:
            self.write(f"{reason}\n")
            self._farewell = reason
            self._channel.finish()
            self.expire_after(LINGER)

    # For Conch; see SshSession

    @property
    def is_connected(self) -> bool:
        """Whether the connection is neither closed nor being closed."""
        return self.peer.is_open

    def send(self, packet: bytes) -> None:
        """Send bytes to the client."""
        if self.peer.is_open:
            self.peer.send(packet)

    def end(self, reason: str) -> None:
        """Close the connection."""
        self.peer.close(self._farewell or reason)

    def give_up(self, reason: str) -> None:
        """Cut the connection."""
        self.peer.abort(reason)

    def soon(self, action: Callable[[], None]) -> None:
        """Call *action* at the end of the turn."""
        self.factory.context.turn.after(action)

    def has_key(self, name: str, blob: bytes) -> LoginKey | None:
        """Return the key of *name* that *blob* is; None if it is none of theirs."""
        try:
            return next((key for key in self.factory.doors.login_keys() if (key.name, key.blob) == (name, blob)), None)
        except PrivateFileError as error:
            self._log.error("{service}: no key opens it: {why}", service=self.factory.name, why=str(error))
            return None

    def check_password(self, name: str, password: str) -> Deferred[bool]:
        """Check a password by the same queue, and with the same counts, as telnet does."""
        if self._tries is None:
            self._tries = self.factory.doors.tries(self)
        self.identified()
        self._checking = checking = self.factory.doors.check(name, password, self._tries.host)
        return checking.addCallbacks(self._checked, self._check_failed, callbackArgs=(name, self._tries))

    def admit(self, key: LoginKey) -> bool:
        """Log the owner of *key* in. Return False if the connection has been closed instead."""
        return self._admit(Principal(key.name, Role.ADMIN, None, Proof.KEY, key.to_line()))

    def note(self, words: str) -> None:
        """Show *words* at the terminal as soon as there is one."""
        self._notes = f"{words}\n"

    def begin(self, terminal: TerminalChannel) -> bool:
        """Begin the menu at *terminal*."""
        if self._channel is not None:
            return False
        self._channel = terminal
        self.soon(self._welcome)
        return True

    def resize(self, columns: int) -> None:
        """The terminal has so many columns; it is in character mode."""
        if self._screen is None:
            self._screen = Screen()
        self._screen.resize(columns)

    def typed(self, keys: bytes) -> None:
        """Keep what was typed, until Conch has done with what has come: its errors are told from those of the dialogues."""
        self._keys += keys

    def typed_last(self) -> None:
        """Nothing more will be typed: the input of a script has ended."""
        self._has_typed_last = True

    def left(self) -> None:
        """The client has closed the terminal."""
        if self._farewell is None:
            self.end("its terminal was closed")

    def _welcome(self) -> None:
        if self.is_open:
            self.write(self._notes)
            self.factory.doors.welcome(self)
            self._take()

    def _checked(self, line: str | None, name: str, tries: Tries) -> bool:
        self._checking = None
        if line is not None:
            return self._admit(Principal(name, Role.ADMIN, None, Proof.PASSWORD, line))
        self.doubted()
        tries.fail()
        log_wrong_password(self, name, tries)
        if tries.is_over:
            self._disconnect("too many tries")
        return False

    def _check_failed(self, failure: Failure) -> Failure:
        self._checking = None
        if isinstance(failure.value, Unchecked):
            log_unchecked(self, failure.value)
            self._disconnect(str(failure.value))
        elif self.is_open:
            log_failed_check(self, failure)
            self._disconnect(NOBODY_CAN)
        return failure

    def _admit(self, principal: Principal) -> bool:
        objection = self.factory.objection_to_another()
        if not self.is_open:
            return False
        if objection is not None:
            self.refuse(NOT_ADMITTED, objection, b"")
            self._disconnect(objection)
            return False
        log_login(self, str(principal.name))
        self.peer.prove(principal)
        return True

    def _disconnect(self, reason: str) -> None:
        """Close a connection that has no terminal: clients show the reason."""
        if self.peer.is_open and self._conch is not None:
            self._conch.sendDisconnect(DISCONNECT_BY_APPLICATION, reason.encode())

    def _put(self, text: str) -> None:
        if self._channel is not None:
            self._channel.write(text.encode("utf-8", "backslashreplace"))  # type: ignore[no-untyped-call]
            if self._channel.waiting > MAX_UNREAD:
                self.give_up("reads too slowly")

    def _take(self) -> None:
        """Take the keys that have come, once there is a dialogue for them."""
        if self._dialogue is None:
            if len(self._keys) > MAX_LINE:
                self._disconnect(f"a line has at most {MAX_LINE} bytes")
            return
        typed, self._keys = self._keys, b""
        try:
            self._take_keys(typed)
        except LineTooLong as error:
            self.refuse(type(error).__name__, str(error), b"")
            self.close(str(error))
        if self._has_typed_last:
            self._has_typed_last = False
            self.take_end()

    def _take_keys(self, typed: bytes) -> None:
        if self._follows_return:
            typed = typed.removeprefix(b"\n")
        self._follows_return = typed.endswith(b"\r") or (self._follows_return and not typed)
        for piece in _CONTROL.split(_LINE_END.sub(b"\n", typed)):
            if piece in _SIGNALS:
                if piece == b"\x03" or not any(self._editor.line):
                    self.take_signal(_SIGNALS[piece])
            elif piece:
                self.take_keys(piece)
                if b"\x0c" in piece:
                    self._put("\x1b[H\x1b[2J")
                if not self._is_busy:
                    self.show_line()
