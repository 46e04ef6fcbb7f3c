"""The telnet protocol as far as a line-mode login needs it (RFC 854; echo: RFC 857).

Sans-I/O: bytes come in; typed text, signals, and answers to the peer's negotiation come out. Every option that the peer asks for
is refused. The only one that is offered is ECHO: a client that believes that the server echoes stops showing what is typed, which
hides a password. Only an unfinished command is buffered, and its length is bounded.
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
"""Telnet commands that a peer may send in a row, without any text between them."""

HIDE_INPUT = b"\xff\xfb\x01"
"""IAC WILL ECHO: the client stops showing what is typed."""

SHOW_INPUT = b"\xff\xfc\x01"
"""IAC WONT ECHO: the client shows it again."""

_IAC, _WILL, _WONT, _DO, _DONT, _ECHO = b"\xff", b"\xfb", b"\xfc", b"\xfd", b"\xfe", b"\x01"
_COMMAND = re.compile(rb"\xff(?:([\xfb-\xfe])(.)|\xfa(?:[^\xff]|\xff[^\xf0])*+\xff\xf0|(\xff)|([^\xfa-\xff]))", re.DOTALL)
_LINE_END = re.compile(rb"\r[\n\0]?")
_CONTROL = re.compile(rb"[\x03\x04]")


class TooManyCommands(ProtocolError):
    """Too many telnet commands came in a row, or one was too long."""


class Signal(enum.Enum):
    """A key or a telnet command that is no text."""

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
"""Telnet's EC and EL, as the keys of the same meaning: Backspace and Ctrl-U."""
_KEYS = {b"\x03": Signal.INTERRUPT, b"\x04": Signal.END}


@define
class Heard:
    """The content of a piece of the stream.

    :ivar answers: bytes to be sent back before anything else. On Ctrl-C, some clients discard all output until the answer to
        their DO TIMING-MARK comes; a prompt that was sent before it would be lost.
    :ivar typed: text, in which each line ends with a single newline, and signals, in order.
    """

    answers: bytes = b""
    typed: list[bytes | Signal] = field(factory=list)


class TelnetDecoder:
    """Decodes a telnet stream."""

    __slots__ = ("_commands", "_follows_return", "_kept", "_offers")

    def __init__(self) -> None:
        self._kept = b""
        self._follows_return = False
        self._offers = 0
        self._commands = 0

    def hide_input(self) -> bytes:
        """Return the bytes that make the client hide what is typed. Its answer is expected, and not refused."""
        self._offers += 1
        return HIDE_INPUT

    def show_input(self) -> bytes:
        """Return the bytes that make the client show what is typed. Its answer is expected, too."""
        self._offers += 1
        return SHOW_INPUT

    def feed(self, received: bytes) -> Heard:
        """Decode the next bytes.

        :raises TooManyCommands: after more than :data:`MAX_COMMANDS` commands in a row, or one of over :data:`MAX_COMMAND` bytes.
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
