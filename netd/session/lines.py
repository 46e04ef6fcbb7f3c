"""The newer dialect: a hello that names the channels, then lines ``x 111`` or ``x 111 1732.5`` (session protocol, section 4)."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

from attrs import field, frozen

from netd.codec.jsontext import BadJSON, decode_object, encode
from netd.codec.token_member import token_in
from netd.errors import ProtocolError
from netd.plaintext import is_text
from netd.session.names import is_name
from netd.session.samples import LONGEST, NUMBER, PLAIN_NUMBER, Column, Sample, SampleBatch, Summary, number_of

__all__ = ["HELLO_LIMIT", "MAX_CHANNELS", "AgentHello", "BadHello", "ChannelSpec", "LineReader", "encode_error", "parse_hello"]

HELLO_LIMIT = 1 << 16
"""Bytes in a hello, at most."""

MAX_CHANNELS = 256
"""Channels of one agent, at most."""

LONGEST_TEXT = 100
"""Characters of a label or a unit, at most."""

SHORT = 48
"""Bytes of a block that is summarised line by line, at most."""

_NAME = rb"[A-Za-z0-9_-]{1,63}+"
_ALL_SAMPLES = re.compile(rb"(?:%b %b(?: %b)?+\r?+\n)*+" % (_NAME, PLAIN_NUMBER, PLAIN_NUMBER)).fullmatch
_SAMPLE = re.compile(rb"(%b)[ \t]++(%b)(?:[ \t]++(%b))?+" % (_NAME, NUMBER, NUMBER)).fullmatch
_CHANNEL = re.compile(r"[A-Za-z0-9_-]{1,63}").fullmatch

_SPOILT = b"?"
"""Replaces a line that is too long. With this character in front, the line can be no sample, whatever follows."""


class BadHello(ProtocolError):
    """The first line of a newer agent is no hello; the message says what is wrong with it."""

    kind = "bad hello"


@frozen
class ChannelSpec:
    """The description of a channel, by its agent or in the configuration."""

    name: str
    label: str = ""
    unit: str = ""


@frozen
class AgentHello:
    """The hello of a newer agent.

    :ivar session: the id that netd gave it on the control connection, or None where netd did not dial it.
    :ivar dropped: for each name, label or unit that was left out, what is wrong with it.
    :ivar name: what the agent calls itself, where it does.
    :ivar token: what proves who it is, if it says so.
    """

    session: int | None
    channels: tuple[ChannelSpec, ...]
    dropped: tuple[str, ...] = ()
    name: str | None = None
    token: str | None = field(default=None, repr=False)


def parse_hello(line: bytes) -> AgentHello:
    """Read a hello.

    :raises ProtocolError: naming what is wrong with it.
    """
    members = _members(line)
    session = members.get("session")
    if session is not None and (isinstance(session, bool) or not isinstance(session, int)):
        raise BadHello("the hello's `session` is the id that came on the control connection")
    channels = members.get("channels")
    if not isinstance(channels, dict) or not 1 <= len(channels) <= MAX_CHANNELS:
        raise BadHello(f"the hello's `channels` is an object of 1 to {MAX_CHANNELS} channels")
    dropped: list[str] = []
    name = members.get("name")
    if name is not None and not is_name(name):
        dropped.append("`name` is 1 to 63 characters of A-Z a-z 0-9 _ -, not digits alone")
        name = None
    specs = tuple(_channel(channel, facts, dropped) for channel, facts in channels.items())
    return AgentHello(session, specs, tuple(dropped), name, token_in(members))


def encode_error(text: str, is_denied: bool = False) -> bytes:
    """The line that tells a newer agent why its connection is closed.

    :param is_denied: whether it is because of who the agent is.
    """
    return encode({"error": text, "denied": True} if is_denied else {"error": text}) + b"\n"


def _members(line: bytes) -> dict[str, Any]:
    """The members of a hello. One with strings in another encoding, or with control characters, is read as far as that goes."""
    try:
        return decode_object(line)
    except BadJSON as error:
        refusal = BadHello(f"the hello is {error}")
    if line.count(b"[") + line.count(b"{") > MAX_CHANNELS + 2:
        raise refusal
    try:
        found = json.loads(line.decode(errors="surrogateescape"), strict=False)
    except (ValueError, RecursionError):
        raise refusal from None
    if not isinstance(found, dict):
        raise refusal
    return found


def _channel(name: str, facts: Any, dropped: list[str]) -> ChannelSpec:
    """The description of a channel, without a label or unit that cannot be shown; *dropped* gets the reason."""
    if _CHANNEL(name) is None:
        raise BadHello(f"channel {name[:80]!a}: a name is 1 to 63 characters of A-Z a-z 0-9 _ -")
    if facts is not None and not isinstance(facts, dict):
        dropped.append(f'channel {name}: describe it as {{"label": …, "unit": …}}')
        facts = None
    texts = {}
    for member in ("label", "unit"):
        text = (facts or {}).get(member) or ""
        is_good = isinstance(text, str) and len(text) <= LONGEST_TEXT and is_text(text)
        if not is_good:
            dropped.append(f"channel {name}: `{member}` is a text of at most {LONGEST_TEXT} characters, none a control")
        texts[member] = text if is_good else ""
    return ChannelSpec(name, **texts)


class LineReader:
    """A :class:`netd.session.samples.SampleReader` of the newer dialect."""

    __slots__ = ("_pending",)

    is_waiting = False

    def __init__(self) -> None:
        self._pending = b""

    def feed(self, received: bytes) -> SampleBatch:
        """The lines that *received* completes."""
        if not self._pending and received.endswith(b"\n"):  # as nearly always
            return _parse(received)
        joined = self._pending + received if self._pending else received
        end = joined.rfind(b"\n") + 1
        rest = joined[end:]
        self._pending = rest if len(rest) <= LONGEST else _SPOILT
        return _parse(joined[:end]) if end else SampleBatch()

    def finish(self) -> SampleBatch:
        """Count the line that has begun as bad: the connection has ended, and the number may have been cut."""
        pending, self._pending = self._pending, b""
        return SampleBatch(bad=1, excerpt=pending) if pending.strip() else SampleBatch()

    def summarise(self, block: bytes, spans: bool = True) -> list[Summary]:
        """One entry for each channel in *block*."""
        if len(block) <= SHORT:
            return _summarise_short(block, spans)
        lines = block.split(b"\n")
        lines.pop()
        names, texts = _fields(block, lines)
        newest = dict(zip(names, lines, strict=True))
        span_of = _spans(names, texts) if spans else {}
        found = []
        for name, count in Counter(names).items():
            last = _sample(newest[name])
            found.append(Summary(last.channel, count, last.value, last.time, span_of.get(name)))
        return found

    def samples(self, block: bytes) -> Iterator[Sample]:
        """The samples in *block*, in order."""
        for line in block.split(b"\n"):
            fields = line.split()
            if fields:
                yield Sample(fields[0].decode(), float(fields[1]), float(fields[2]) if len(fields) > 2 else None)

    def columns(self, block: bytes) -> dict[str, Column]:
        """The samples in *block* by channel."""
        lines, spaces = block.count(b"\n"), block.count(b" ")
        if spaces in (lines, 2 * lines):  # all lines have the same number of fields
            parts, step = block.split(), 1 + spaces // lines
            return _columns(parts[::step], list(map(float, parts[1::step])), list(map(float, parts[2::step])) if step > 2 else ())
        samples = list(self.samples(block))
        names = [sample.channel.encode() for sample in samples]
        return _columns(names, [sample.value for sample in samples], [sample.time for sample in samples])


def _summarise_short(block: bytes, spans: bool) -> list[Summary]:
    """Do what :meth:`LineReader.summarise` does, line by line, which takes a sixth of the time for a single sample."""
    found: dict[bytes, Summary] = {}
    for line in block.splitlines():
        name, text, *said = line.split()
        value = float(text)
        before = found.get(name)
        if before is None:
            found[name] = Summary(name.decode(), 1, value, float(said[0]) if said else None, (value, value) if spans else None)
        else:
            low, high = before.span or (value, value)
            span = (min(low, value), max(high, value)) if spans else None
            found[name] = Summary(before.channel, before.samples + 1, value, float(said[0]) if said else None, span)
    return list(found.values())


def _columns(names: list[bytes], values: Sequence[float], times: Sequence[float | None]) -> dict[str, Column]:
    """*values* and *times* by name. *times* has one for each value, or is empty."""
    different = list(dict.fromkeys(names))
    step = len(different)
    if different * (len(names) // step) == names:  # as from most agents: one sample of each channel in turn
        return {name.decode(): Column(values[place::step], times[place::step]) for place, name in enumerate(different)}
    found: dict[bytes, list[int]] = {name: [] for name in different}
    for place, name in enumerate(names):
        found[name].append(place)
    return {
        name.decode(): Column([values[place] for place in places], [times[place] for place in places] if times else ())
        for name, places in found.items()
    }


def _fields(block: bytes, lines: list[bytes]) -> tuple[list[bytes], list[bytes]]:
    """Names and values in *block*. The first way is fast, and does where all lines have the same number of fields."""
    spaces = block.count(b" ")
    if lines and spaces in (len(lines), 2 * len(lines)) and all(line.count(b" ") * len(lines) == spaces for line in set(lines)):
        step = 1 + spaces // len(lines)
        parts = block.split()
        return parts[::step], parts[1::step]
    split = [line.split() for line in lines]
    return [parts[0] for parts in split], [parts[1] for parts in split]


def _spans(names: list[bytes], texts: list[bytes]) -> dict[bytes, tuple[float, float]]:
    found: dict[bytes, tuple[float, float]] = {}
    for name, text in set(zip(names, texts, strict=True)):
        value = float(text)
        low, high = found.get(name, (value, value))
        found[name] = (min(low, value), max(high, value))
    return found


def _sample(line: bytes) -> Sample:
    name, value, *time = line.split()
    return Sample(name.decode(), float(value), float(time[0]) if time else None)


def _parse(body: bytes) -> SampleBatch:
    """Read *body*, which holds whole lines."""
    if _ALL_SAMPLES(body):
        return SampleBatch(body)
    samples, bad, excerpt = [], 0, b""
    for line in body.split(b"\n"):
        stripped = line.strip()
        found = _SAMPLE(stripped)
        if found is not None and all(number_of(number) is not None for number in found.groups()[1:] if number is not None):
            samples.append(b" ".join(part for part in found.groups() if part is not None) + b"\n")
        elif stripped:
            bad, excerpt = bad + 1, excerpt or stripped
    return SampleBatch(b"".join(samples), (), bad, excerpt)
