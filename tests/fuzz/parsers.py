"""The parsers, each as a function that takes any bytes and fails only where the parser is at fault.

A parser may refuse bytes, by the errors that its docstring names. Any other exception is a fault; so is a stream parser that says
something else when the same bytes come in other pieces.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from twisted.logger import globalLogPublisher

from netd.alert.grammar import read_actions, read_condition
from netd.bus.subject import is_subject, matches, split_pattern
from netd.cluster.callwire import BadCall, read_call, read_part
from netd.cluster.eventwire import BadEvents, read_events
from netd.codec import jsontext
from netd.codec.length_header import BadHeader, FrameTooLong, LengthHeaderDecoder
from netd.codec.lines import LineDecoder, LineTooLong
from netd.command.grammar import NotACommand, read_request
from netd.config import ini
from netd.config.descriptions import check_description, split_descriptions
from netd.errors import InvalidArguments, LineError, ProtocolError
from netd.feed import grammar as feed_grammar
from netd.gateway.graphite.targets import read_target
from netd.manhole.telnet import Heard, Signal, TelnetDecoder, TooManyCommands
from netd.recorder.blocks import BadBlock, unpack_block, unpack_journal
from netd.room.texts import BadName, parse_name
from netd.secrets.credentials import parse_credential
from netd.session.lines import BadHello, LineReader, parse_hello
from netd.wire.blocks import block_reader
from netd.wire.checks import parse_check
from netd.wire.framing import FramingFailed, parse_frame, parse_say
from netd.wire.rules import RuleSet, parse_rules
from tests.feed.bench import say
from tests.gateway.visits import GatewayTestCase, handshake
from tests.relay.bench import Relay

__all__ = ["PARSERS"]

Parser = Callable[[bytes], object]


def pieces_of(data: bytes) -> tuple[bytes, list[bytes]]:
    """Bytes as a stream, and the same in pieces. The first byte says how they are cut."""
    step, stream = 1 + data[0] % 7 if data else 1, data[1:]
    return stream, [stream[at : at + step] for at in range(0, len(stream), step)]


def frames(data: bytes) -> None:
    """Frames with a length header."""

    def read(pieces: Iterable[bytes]) -> list[Any]:
        decoder, found = LengthHeaderDecoder(1 << 12), []
        try:
            for piece in pieces:
                decoder.feed(piece)
                while (payload := decoder.next_frame()) is not None:
                    found.append(payload)
        except (BadHeader, FrameTooLong) as error:
            found.append(type(error))
        return found

    whole, pieces = pieces_of(data)
    assert read([whole]) == read(pieces)


def lines(data: bytes) -> None:
    """Lines of bounded length. Only the refusal may depend on the pieces: lines before it are lost with it."""

    def read(pieces: Iterable[bytes]) -> list[bytes] | None:
        decoder, found = LineDecoder(64), []
        try:
            for piece in pieces:
                found += decoder.feed(piece)
        except LineTooLong:
            return None
        return [*found, decoder.finish()]

    whole, pieces = pieces_of(data)
    assert read([whole]) == read(pieces)


def json_text(data: bytes) -> None:
    """JSON; what was read is written and read again as the same."""
    jsontext.leading_objects(data)
    jsontext.is_conclusive(data)
    try:
        value = jsontext.decode(data)
    except jsontext.BadJSON:
        return
    assert jsontext.decode(jsontext.encode(value)) == value


def command(data: bytes) -> None:
    """A line of the command service."""
    try:
        read_request(data, ("command_id", "name"))
    except NotACommand as error:
        assert str(error)


def relay(data: bytes) -> None:
    """A relay's connection of any kind, beside a device; nothing that one says may end in an exception."""
    here = Relay()
    device = here.device()
    whole, pieces = pieces_of(data)
    for parts in ([whole], pieces):
        side = here.connect(port=50500)
        side.say(*parts)
        side.lose()
    device.lose()


def session(data: bytes) -> None:
    """An agent's hello, and its samples."""
    hello, _, rest = data.partition(b"\n")
    try:
        parse_hello(hello)
    except BadHello as error:
        assert str(error)

    def read(pieces: Iterable[bytes]) -> tuple[int, list[Any]]:
        reader, bad, samples = LineReader(), 0, []
        for piece in pieces:
            batch = reader.feed(piece)
            bad += batch.bad
            if batch.block:
                samples += reader.samples(batch.block)
                reader.summarise(batch.block)
                reader.columns(batch.block)
        return bad, samples

    whole, pieces = pieces_of(rest)
    assert read([whole]) == read(pieces)


def feed(data: bytes) -> None:
    """A message of a feed's client."""
    try:
        feed_grammar.read_request(data)
    except ProtocolError as error:
        assert str(error)


def room(data: bytes) -> None:
    """The name of a bot."""
    try:
        parse_name(data, 64)
    except BadName as error:
        assert str(error)


def telnet(data: bytes) -> None:
    """What a terminal sends."""

    def read(pieces: Iterable[bytes]) -> list[Any]:
        decoder, found, text = TelnetDecoder(), [], b""
        try:
            for piece in pieces:
                heard: Heard = decoder.feed(piece)
                for typed in heard.typed:
                    if isinstance(typed, Signal):
                        found += [text, typed]
                        text = b""
                    else:
                        text += typed
        except TooManyCommands:
            return []
        return [*found, text]

    whole, pieces = pieces_of(data)
    assert read([whole]) == read(pieces)


def text_of(data: bytes) -> str:
    """Bytes as a text of the same length."""
    return data.decode("latin-1")


def settings(data: bytes) -> None:
    """An INI file, and what its values are: endpoints, conditions and actions of alerts, subjects, targets of Graphite."""
    text = data.decode("utf-8", "replace")
    blocks, mistakes = ini.read(text)
    assert all(mistake for mistake in mistakes), blocks
    for reads in (read_condition, read_actions, read_target, check_description, split_pattern):
        try:
            reads(text)
        except (ValueError, InvalidArguments) as error:
            assert str(error)
    for description in split_descriptions(text):
        try:
            check_description(description)
        except ValueError as error:
            assert str(error)
    if is_subject(text):
        assert matches(text, text)


def credential(data: bytes) -> None:
    """A line of the file of tokens."""
    try:
        told = parse_credential(text_of(data))
    except ValueError as error:
        assert str(error)
    else:
        assert parse_credential(told.to_line()) == told


def cluster(data: bytes) -> None:
    """What another node says."""
    for reads, refusal in ((read_events, BadEvents), (read_call, BadCall), (read_part, BadCall)):
        try:
            reads(data)
        except refusal as error:
            assert str(error)


WIRE_FRAMES = (
    *(
        "lines",
        r"lines:\r",
        "until:;",
        "until:aab",
        r"between:\x02:\x03",
        "between:<:>:2",
        "length:8",
        "length:2:big:add=-2",
        "json",
    ),
    *("length:1:big:at=2:add=2:start=7878", "bytes:4", "bytes:4:start=aa", "silence:1s"),
)


def wire_frames(data: bytes) -> None:
    """The framings of wires."""

    def read(pieces: Iterable[bytes]) -> list[Any]:
        decoder, found = parse_frame(text).decoder(64), []
        try:
            for piece in pieces:
                found += decoder.feed(piece)
                assert decoder.held <= 128
            found += decoder.end()
        except FramingFailed as error:
            assert str(error)
            found += [*error.messages, None]
        return found

    text = WIRE_FRAMES[data[0] % len(WIRE_FRAMES)] if data else "lines"
    whole, pieces = pieces_of(data[1:])
    assert read([whole]) == read(pieces)


def wire_rules(data: bytes) -> None:
    """What describes a wire: frames, checks and rules; and a message that these rules are tried on, also as a block."""
    text, _, message = text_of(data).partition("\0")
    for reads in (parse_frame, parse_say, parse_check):
        try:
            reads(text)
        except ValueError as error:
            assert str(error)
    try:
        rules = RuleSet(parse_rules(text))
    except LineError as error:
        assert str(error)
        return
    said = message.encode("latin-1")
    rules.match(said)
    frame = parse_frame("lines")
    reader, decoder = block_reader(rules, frame, 4096), frame.decoder(4096)
    if reader is not None:
        decoder.feed(b"\n")
        try:
            block = reader.feed(decoder, said).block
        except FramingFailed:
            return
        if block is not None:
            assert block.newest()
            assert all(len(column.values) == block.count for column in block.columns()[0])


def records(data: bytes) -> None:
    """A damaged block of the recorder's."""
    for reads in (unpack_block, unpack_journal):
        try:
            reads(data)
        except BadBlock as error:
            assert str(error)


class _Gateway(GatewayTestCase):
    """A gateway without a test: each input is a visitor of its own."""

    def __init__(self) -> None:
        super().__init__("end")
        self.setUp()
        self.failures: list[Any] = []
        globalLogPublisher.addObserver(self._see)

    def _see(self, event: dict[str, Any]) -> None:
        if "log_failure" in event:
            self.failures.append(event["log_failure"])

    def hear_out(self, opening: bytes, data: bytes) -> None:
        """Say *data* after *opening*; nothing of it may end in an exception."""
        whole, pieces = pieces_of(data)
        for parts in ([whole], pieces):
            visitor = self.visit()
            if opening:
                visitor.say(opening)
            visitor.say(*parts)
            visitor.lose()
        if self.failures:
            self.failures.pop().raiseException()


_made: list[_Gateway] = []


def _gateway() -> _Gateway:
    if not _made:
        _made.append(_Gateway())
    return _made[0]


def http(data: bytes) -> None:
    """A connection to the gateway."""
    _gateway().hear_out(b"", data)


def websocket(data: bytes) -> None:
    """Frames after a handshake: as they are, and what a client would frame."""
    _gateway().hear_out(handshake(), data)
    _gateway().hear_out(handshake(), data[:1] + say(text_of(data[1:])))


PARSERS: dict[str, Parser] = {
    parser.__name__: parser
    for parser in (
        frames,
        lines,
        json_text,
        command,
        relay,
        session,
        feed,
        room,
        telnet,
        settings,
        credential,
        cluster,
        wire_frames,
        wire_rules,
        records,
        http,
        websocket,
    )
}
"""All of them by name."""
