"""How the bytes of a conversation become messages: the first framing that consumes the bytes of every connection to the end.

The order of the candidates matters. A length in text is the strongest sign and a terminator the most frequent; a length in binary
is tried only on bytes that are no text, because messages of one size agree with a length anywhere in them.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from itertools import takewhile

from attrs import evolve, frozen

from netd.wire.framing import FramingFailed, parse_frame
from netd.wire.learn.binary import binary_lengths, filled_records, records
from netd.wire.learn.conversation import Conversation, Talk
from netd.wire.learn.wording import escaped, guarded, is_plain, is_text
from netd.wire.recording import Transport

__all__ = ["FoundFrame", "cut_all", "find_frame"]

LONGEST_FRAME = 1 << 20
"""Bytes of a message that the search allows; what a section allows is another question."""

_FEWEST_PROMPTS = 3
_LOST = 20
"""One byte in so many may be strange to a framing that finds its beginning again."""
_LONGEST_TEXT_LENGTH = 64
"""Digits and blanks in front of a message, as the option takes them."""
_SHORTEST_SILENCE = 0.02
_LINES = "lines"


@frozen
class FoundFrame:
    """A framing.

    :ivar frame: the option of this name.
    :ivar say: the option of this name; None if it is as *frame*.
    :ivar doubt: why a person should look at it; None if the bytes leave no doubt.
    :ivar is_filled: whether texts are filled up with zeros, which are no part of them.
    """

    frame: str
    say: str | None = None
    doubt: str | None = None
    is_filled: bool = False


def find_frame(conversation: Conversation) -> FoundFrame:
    """Return the framing of *conversation*."""
    talks = [talk for talk in conversation.talks if talk.bytes_of(is_said=True)]
    found = _of_datagrams(talks) if conversation.transport is Transport.UDP else _of_streams(talks)
    return evolve(found, say=_say(conversation, found.frame))


def cut_all(frame: str, streams: Iterable[tuple[bytes, bool]]) -> list[list[bytes]] | None:
    """Return the messages of each stream, or None if *frame* does not consume one of them to the end.

    :param streams: bytes, and whether their end is in them. A recording that was stopped may end within a message.
    """
    found = []
    for data, is_whole in streams:
        decoder = parse_frame(frame).decoder(LONGEST_FRAME)
        try:
            messages = decoder.feed(data)
        except FramingFailed:
            return None
        if decoder.lost * _LOST > len(data) or (decoder.held and (is_whole or len(messages) < 3)):
            return None
        found.append(messages)
    return found


def _of_datagrams(talks: Sequence[Talk]) -> FoundFrame:
    datagrams = [one.data for talk in talks for one in talk.side(is_said=True)]
    has_lines = any(b"\n" in one.rstrip(b"\r\n") for one in datagrams) and all(is_text(one) for one in datagrams)
    return FoundFrame(_LINES if has_lines and not _are_json(datagrams) else "datagram")


def _are_json(texts: Iterable[bytes]) -> bool:
    return all(text.lstrip()[:1] in (b"{", b"[") and text.rstrip()[-1:] in (b"}", b"]") for text in texts)


def _of_streams(talks: Sequence[Talk]) -> FoundFrame:
    streams = [(talk.bytes_of(is_said=True), talk.is_whole) for talk in talks]
    if not streams:
        return FoundFrame(_LINES)
    filled = filled_records([data for data, _ in streams], [run for talk in talks for run in talk.runs(is_said=True)])
    if filled is not None:
        return FoundFrame(filled, is_filled=True)
    for frame in _candidates(talks, streams):
        if cut_all(frame, streams) is not None:
            return FoundFrame(frame)
    if all(is_text(data) for data, _ in streams) and all(_is_one_message(talk) for talk in talks):
        return FoundFrame(_LINES)  # the end of a connection ends a message, too
    pause = _shortest_pause(talks)
    return FoundFrame(f"silence:{pause * 1000:.0f}ms", doubt="no byte ends a message; a pause does")


def _candidates(talks: Sequence[Talk], streams: Sequence[tuple[bytes, bool]]) -> Iterator[str]:
    data = [one for one, _ in streams]
    runs = [run for talk in talks for run in talk.runs(is_said=True)]
    yield from _text_lengths(data)
    if not any(run.endswith((b"\n", b"\r", b"\0")) for run in runs) and len(runs) >= _FEWEST_PROMPTS:
        yield from _common_ends(runs)  # a prompt, which no line feed follows
    yield from _terminators(streams)
    if not all(map(is_plain, data)):
        yield from binary_lengths(data, [list(talk.runs(is_said=True, pause=_SHORTEST_SILENCE)) for talk in talks])
    yield from _brackets(data)
    if not all(map(is_plain, data)):
        yield from records(data, runs)
    if all(one.lstrip()[:1] in (b"{", b"[") for one in data):
        yield "json"
    yield from _common_ends(runs)


def _text_lengths(streams: Sequence[bytes]) -> Iterator[str]:
    """Lengths in decimal digits that are padded by blanks or zeros."""
    head = re.match(rb"[0-9]+ *| +[0-9]+", streams[0])
    if head is None:
        return
    is_zeroed = any(one[:1] == b"0" for one in streams)
    for size in range(min(len(head[0]), _LONGEST_TEXT_LENGTH), 0, -1):
        frames = cut_all(f"length:{size}", ((one, True) for one in streams))
        if frames is not None and (size >= 3 or sum(map(len, frames)) >= 3):
            yield f"length:{size}:digits" if is_zeroed else f"length:{size}"


def _terminators(streams: Sequence[tuple[bytes, bool]]) -> Iterator[str]:
    for frame, end in ((_LINES, b"\n"), (r"lines:\r", b"\r"), (r"lines:\0", b"\0")):
        if all(_is_ended_by(end, data, is_whole) for data, is_whole in streams):
            pieces = [piece for data, _ in streams for piece in data.split(end) if piece.strip()]
            is_cut_json = any(piece.lstrip()[:1] in (b"{", b"[") for piece in pieces) and not _are_json(pieces)
            if not is_cut_json and all(map(is_text, pieces)):
                yield frame


def _is_ended_by(end: bytes, data: bytes, is_whole: bool) -> bool:
    """Whether *end* ends the last message. What begins behind it may be cut off by the end of the recording."""
    return data.endswith(end) or (data.count(end) >= 3 and (not is_whole or len(data.rpartition(end)[2]) < 80))


_PAIRS = ((b"\x02", b"\x03"), (b"\x01", b"\x04"), (b"\x0b", b"\x1c\r"), (b"(", b")"), (b"<", b">"), (b"[", b"]"))


def _brackets(streams: Sequence[bytes]) -> Iterator[str]:
    """Messages between a byte that begins them and one that ends them, with some bytes of a check behind it."""
    for begin, end in _PAIRS:
        for tail in range(3):
            inner = rb"(?:(?!%b).)+?" % re.escape(end)
            whole = rb"(?:%b%b%b.{%d}[\r\n]*)+" % (re.escape(begin), inner, re.escape(end), tail)
            if all(re.fullmatch(whole, one, re.DOTALL) for one in streams):
                yield f"between:{escaped(begin)}:{escaped(end)}" + (f":{tail}" if tail else "")


_END_MARK = re.compile(rb"(?:<[^<>]{1,12}>|[^A-Za-z0-9\s]{1,4}(?: |[\r\n]{0,4})|[\r\n]{2,4})$")


def _common_ends(runs: Sequence[bytes]) -> Iterator[str]:
    """What ended each run of bytes: before each answer, before each pause, and at the end."""
    if len(runs) < 2:
        return
    if not all(map(is_text, runs)):
        return
    alike = takewhile(lambda column: len(set(column)) == 1, zip(*(run[::-1] for run in runs), strict=False))
    common = bytes(column[0] for column in alike)[::-1]
    found = _END_MARK.search(common)
    if found is None:
        return
    mark = found[0]
    if len(set(mark)) > 1 and not mark.startswith(b"<"):
        mark = mark if mark[-1:] in b"\r\n " else mark[-1:]
    yield f"until:{guarded(escaped(mark))}"


def _is_one_message(talk: Talk) -> bool:
    """Whether the program said one thing and hung up, and needed no answer for it."""
    return talk.is_whole and len(list(talk.runs(is_said=True))) == 1 and not talk.bytes_of(is_said=False)


def _shortest_pause(talks: Sequence[Talk]) -> float:
    """Seconds that tell two messages apart: 50 ms, or less where the program was quicker."""
    gaps = [
        later.time - sooner.time
        for talk in talks
        for sooner, later in zip(talk.side(is_said=True), talk.side(is_said=True)[1:], strict=False)
    ]
    least = min((gap for gap in gaps if gap >= _SHORTEST_SILENCE), default=0.1)
    return 0.05 if least >= 0.1 else _SHORTEST_SILENCE


def _say(conversation: Conversation, frame: str) -> str | None:
    """How what the program hears is framed; None if as *frame*, or if it hears nothing."""
    heard = conversation.runs(is_said=False)
    if not heard or frame == "datagram" or frame.startswith("silence"):
        return None
    if frame == _LINES and all(data.endswith(b"\r\n") and _lone(data) == 0 for data in heard):
        return r"until:\r\n"
    if frame != _LINES and all(is_text(data) and data.endswith(b"\n") for data in heard):
        return r"until:\r\n" if all(data.endswith(b"\r\n") for data in heard) else _LINES
    if frame.startswith("lines"):
        end = {r"lines:\r": b"\r", r"lines:\0": b"\0"}.get(frame, b"\n")
        return None if all(data.endswith(end) for data in heard) else "raw"
    framed = cut_all(frame, ((talk.bytes_of(is_said=False), True) for talk in conversation.talks))
    return None if framed is not None else "raw"


def _lone(data: bytes) -> int:
    """The number of line feeds without a carriage return before them."""
    return data.count(b"\n") - data.count(b"\r\n")
