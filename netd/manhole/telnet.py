"""The telnet protocol as far as a line-mode login needs it (RFC 854; echo: RFC 857).

Sans-I/O: bytes come in; typed text, signals and the answers to the peer's negotiation come out. Every option of the peer's is
refused. The one that is offered is ECHO, which makes the peer's own terminal stop showing what is typed: a password.
Nothing is buffered but one unfinished command, which is bounded.
"""

from __future__ import annotations

import enum
import re

from attrs import define, field

from netd.errors import ProtocolError

__all__ = ["HIDE_INPUT", "MAX_COMMAND", "MAX_COMMANDS", "SHOW_INPUT", "Heard", "Signal", "TelnetDecoder", "TooManyCommands"]

MAX_COMMAND = 1024
"""The longest subnegotiation, in bytes."""

MAX_COMMANDS = 256
"""How many telnet commands a peer may send without any text between them."""

HIDE_INPUT = b"\xff\xfb\x01"
"""IAC WILL ECHO: do not show what is typed."""

SHOW_INPUT = b"\xff\xfc\x01"
"""IAC WONT ECHO: show it again."""

_IAC, _WILL, _WONT, _DO, _DONT, _ECHO = b"\xff", b"\xfb", b"\xfc", b"\xfd", b"\xfe", b"\x01"
_COMMAND = re.compile(rb"\xff(?:([\xfb-\xfe])(.)|\xfa(?:[^\xff]|\xff[^\xf0])*+\xff\xf0|(\xff)|([^\xfa-\xff]))", re.DOTALL)
_LINE_END = re.compile(rb"\r[\n\0]?")
_CONTROL = re.compile(rb"[\x03\x04]")


class TooManyCommands(ProtocolError):
    """A flood of telnet commands, or one that never ends."""


class Signal(enum.Enum):
    """What a person says beside text."""

    INTERRUPT = "interrupt"
    """Ctrl-C, or telnet's IP, BRK or ABORT."""
    END = "end"
    """Ctrl-D, or telnet's EOF."""


_SIGNALS = {
    b"\xf4": Signal.INTERRUPT,
    b"\xf3": Signal.INTERRUPT,
    b"\xee": Signal.INTERRUPT,
    b"\xec": Signal.END,
}
_ERASING = {b"\xf7": b"\x7f", b"\xf8": b"\x15"}
"""Telnet's EC and EL, as the keys that they are: Backspace and Ctrl-U."""
_KEYS = {b"\x03": Signal.INTERRUPT, b"\x04": Signal.END}


@define
class Heard:
    """What a piece of the stream held.

    :ivar answers: bytes to send back, before anything else: a client that threw its output away on Ctrl-C shows it again only
        after the answer to its DO TIMING-MARK.
    :ivar typed: text, each of its lines ended by a single newline, and signals, in order.
    """

    answers: bytes = b""
    typed: list[bytes | Signal] = field(factory=list)


class TelnetDecoder:
    """Takes a telnet stream apart."""

    __slots__ = ("_commands", "_follows_return", "_kept", "_offers")

    def __init__(self) -> None:
        self._kept = b""
        self._follows_return = False
        self._offers = 0
        self._commands = 0

    def offer(self) -> bytes:
        """What makes the peer hide what is typed; its answer will be expected."""
        self._offers += 1
        return HIDE_INPUT

    def withdraw(self) -> bytes:
        """What makes the peer show what is typed; its answer will be expected."""
        self._offers += 1
        return SHOW_INPUT

    def feed(self, received: bytes) -> Heard:
        """Take the next bytes.

        :raises TooManyCommands: when the peer has said :data:`MAX_COMMANDS` commands in a row, or one of over
            :data:`MAX_COMMAND` bytes.
        """
        stream, self._kept = self._kept + received, b""
        heard = Heard()
        position = 0
        while position < len(stream):
            start = stream.find(_IAC, position)
            self._text(stream[position:] if start < 0 else stream[position:start], heard)
            if start < 0:
                break
            command = _COMMAND.match(stream, start)
            if command is None:
                self._keep(stream[start:])
                break
            position = command.end()
            self._command(command, heard)
        return heard

    def _keep(self, unfinished: bytes) -> None:
        if len(unfinished) > MAX_COMMAND:
            raise TooManyCommands(f"a telnet command has at most {MAX_COMMAND} bytes")
        self._kept = unfinished

    def _text(self, text: bytes, heard: Heard) -> None:
        if self._follows_return and text[:1] in {b"\n", b"\0"}:
            text = text[1:]
            self._follows_return = False
        if not text:
            return
        self._commands = 0
        self._follows_return = text.endswith(b"\r")
        text = _LINE_END.sub(b"\n", text)
        position = 0
        for control in _CONTROL.finditer(text):
            heard.typed += [text[position : control.start()], _KEYS[control[0]]]
            position = control.end()
        heard.typed.append(text[position:])

    def _command(self, command: re.Match[bytes], heard: Heard) -> None:
        verb, option, literal, simple = command.groups()
        if literal:
            self._text(literal, heard)
            return
        self._commands += 1
        if self._commands > MAX_COMMANDS:
            raise TooManyCommands(f"at most {MAX_COMMANDS} telnet commands in a row")
        if verb == _DO:
            heard.answers += self._refuse_to_do(option)
        elif verb == _DONT and option == _ECHO:
            self._offers = max(0, self._offers - 1)
        elif verb == _WILL:
            heard.answers += _IAC + _DONT + option
        elif simple in _SIGNALS:
            heard.typed.append(_SIGNALS[simple])
        elif simple in _ERASING:
            heard.typed.append(_ERASING[simple])

    def _refuse_to_do(self, option: bytes) -> bytes:
        if option == _ECHO and self._offers:
            self._offers -= 1
            return b""
        return _IAC + _WONT + option
