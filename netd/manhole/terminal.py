"""A terminal: typed lines in, text out, with bounds on everything, over whatever carries it.

A *dialogue* acts on the lines: over telnet first the login, then the menu, then perhaps the Python prompt. The terminal hands
each line to the current dialogue, and keeps lines that are typed ahead while that one is busy. Telnet
(:mod:`netd.manhole.protocol`) and SSH (:mod:`netd.manhole.ssh`) add the way of the bytes.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar, Protocol

from netd.connection.bounds import Bounds, Policy
from netd.connection.protocol import PeerProtocol
from netd.manhole.editor import LineEditor
from netd.manhole.telnet import Signal
from netd.principal import Proof

if TYPE_CHECKING:
    from netd.manhole.protocol import ManholeFactory

__all__ = ["MAX_LINE", "MAX_TYPED_AHEAD", "MAX_UNREAD", "Dialogue", "Terminal"]

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

    def complete(self, before: str) -> Sequence[str] | None:
        """Return what the last word of *before*, the text up to the cursor, may become; None where the Tab key is text."""

    def interrupt(self) -> None:
        """Ctrl-C was typed."""

    def end(self) -> None:
        """Ctrl-D was typed."""

    def expired(self) -> None:
        """The time set by :meth:`Terminal.expire_after` has passed."""

    def closed(self) -> None:
        """The terminal is gone: stop everything that still runs."""


class Terminal(PeerProtocol):
    """One connection: to its dialogues, a terminal. Override :meth:`show`, and what a way of the bytes does differently.

    :cvar way: the protocol, for people.
    """

    bounds: ClassVar[Bounds] = Bounds(Policy.DISCONNECT, MAX_UNREAD)
    way: ClassVar[str]
    says_when_identified = True
    has_own_login = True
    factory: ManholeFactory

    def __init__(self, factory: ManholeFactory) -> None:
        super().__init__(factory)
        self._editor = LineEditor(MAX_LINE, self._complete)
        self._prompt = ""
        self._typed: deque[bytes | Signal] = deque()
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
            self.show(text)

    def hide_input(self) -> None:
        """Do not remember lines for the arrow keys, nor show them. Override to tell the terminal."""
        self._editor.is_secret = True

    def show_input(self) -> None:
        """Show and remember lines again. Override to tell the terminal."""
        self._editor.is_secret = False
        self._prompt = ""

    def set_busy(self, is_busy: bool) -> None:
        """Keep further lines back (True), or hand them to the dialogue again. Ctrl-C is handed over in any case."""
        self._is_busy = is_busy
        self._hand_out()

    @property
    def is_logged_in(self) -> bool:
        """Whether somebody has logged in. On a unix socket, the system tells who is there; but the manhole asks all the same."""
        return self.peer.principal.proof in {Proof.PASSWORD, Proof.KEY}

    def expire_after(self, seconds: float | None) -> None:
        """Call the dialogue's ``expired`` after so many seconds, or not at all (None)."""
        self.peer.expire_after(seconds)

    def close(self, reason: str) -> None:
        """Show *reason* as the last line, and close."""
        if self.is_open:
            self.write(f"{reason}\n")
            self.peer.close(reason)

    # For a way of the bytes

    def show(self, text: str) -> None:
        """Send *text* to the terminal, which is open. Override."""
        raise NotImplementedError  # telnet and SSH each have bytes of their own for a text

    def show_line(self) -> None:
        """Show the prompt and the unfinished line again, because the terminal does not know what its keys have changed."""
        raise NotImplementedError  # SSH tells the width of the screen, by which a line is drawn; telnet does not

    def expired(self) -> None:
        if self._dialogue is not None:
            self._dialogue.expired()

    def closed(self) -> None:
        self._typed.clear()
        if self._dialogue is not None:
            self._dialogue.closed()

    def finish(self) -> None:
        self.close(self.factory.farewell)

    def dismiss(self, kind: str, why: str) -> None:
        if self.is_open:
            self.refuse(kind, why, b"")
            self.close(why)

    def is_still_admitted(self) -> bool:
        """Look again whether the peer's address admits it. A proof does not stand for the address here: both are needed."""
        return not self.is_open or self.factory.access.admit_transport(self.transport) is not None

    def is_admitted(self) -> bool:
        """Whether the connection counts as a session."""
        return self._dialogue is not None and self.is_open

    def take_keys(self, typed: bytes) -> None:
        """Take keys other than Ctrl-C and Ctrl-D.

        :raises LineTooLong: when a line is over the limit.
        """
        self._typed.extend(self._editor.feed(typed))
        if self._editor.choices and not self._is_busy:
            self.write(f"\n{'  '.join(one.strip() for one in self._editor.choices)}\n{self._prompt}")
        self._hand_out()

    def take_signal(self, signal: Signal) -> None:
        """Take Ctrl-C or Ctrl-D, at once: before the lines that were typed ahead, which are forgotten."""
        if self._dialogue is not None and self.is_open:
            self._editor.drop()
            self._typed.clear()
            self._obey(self._dialogue, signal)

    def take_end(self) -> None:
        """Nothing more will be typed: end the dialogue after the lines that were."""
        self._typed.append(Signal.END)
        self._hand_out()

    def _hand_out(self) -> None:
        if self._is_handing_out:  # called from within the loop below, by a dialogue that is not busy any more
            return
        self._is_handing_out = True
        try:
            while self._typed and not self._is_busy and self.is_open and self._dialogue is not None:
                line = self._typed.popleft()
                if isinstance(line, Signal):
                    self._obey(self._dialogue, line)
                else:
                    self.say(self._dialogue, line)
        finally:
            self._is_handing_out = False
        self.peer.set_reading(len(self._typed) <= MAX_TYPED_AHEAD)

    def say(self, dialogue: Dialogue, line: bytes) -> None:
        """Hand *line* to *dialogue*."""
        try:
            text = line.decode("utf-8")
        except UnicodeDecodeError:
            self.close("this terminal does not send UTF-8; set its character encoding to UTF-8")
        else:
            dialogue.line(text)

    def _obey(self, dialogue: Dialogue, signal: Signal) -> None:
        if signal is Signal.INTERRUPT:
            dialogue.interrupt()
        else:
            dialogue.end()

    def _complete(self, before: str) -> Sequence[str] | None:
        return None if self._dialogue is None else self._dialogue.complete(before)
