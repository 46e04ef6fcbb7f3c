"""What the connections of one wire share: the names of its peers, the subjects of their samples, and who is there."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Container, Iterable, Mapping, Sequence
from hashlib import blake2s
from typing import Any, Protocol

from attrs import define, field

from netd.bus.subject import token
from netd.codec.samples import Samples, SampleTaken
from netd.interfaces import IBus
from netd.message import Described, Message, Want
from netd.plaintext import is_text
from netd.wire.events import WirePresence
from netd.wire.fields import WireReading
from netd.wire.plain import PlainReader, SampleBlock
from netd.wire.results import WirePeer, WireValue
from netd.wire.rules import Rule

__all__ = ["HubLog", "HubRules", "WireHub", "WireLinked", "WireName", "described"]

SHOWN_EVERY = 1.0
"""Seconds between two samples of a channel on the bus that nobody asks for: the bus always has a recent one."""


LONGEST = 128
"""Characters of a name: of a peer, or of a channel."""

MOST_DISPUTES = 10
"""Lines a minute about units that differ. Each channel has one line, ever."""


class HubRules(Protocol):
    """The options that a hub goes by; see :mod:`netd.wire.config`."""

    @property
    def instance(self) -> str: ...
    @property
    def max_names(self) -> int: ...
    @property
    def max_channels(self) -> int: ...
    @property
    def channels(self) -> tuple[tuple[str, str, str], ...] | None: ...


class HubLog(Protocol):
    """Writes the lines of a hub's log, within limits."""

    def limited(self, kind: str, text: str, most: int = 1) -> None:
        """Something was refused, which is counted as *kind*; a minute has *most* lines of it."""


class WireLinked(Protocol):
    """A connection, or the address of datagrams, as the hub sees it."""

    @property
    def address(self) -> str:
        """Where it comes from."""

    @property
    def messages(self) -> int:
        """How many messages it has sent."""

    @property
    def heard(self) -> float:
        """When the last byte came, in seconds since 1970."""

    def replaced(self, reason: str) -> None:
        """End: another has its name."""


@define(eq=False)
class WireChannel:
    """A channel of a peer.

    :ivar place: where the rule is written that gave the unit.
    :ivar is_disputed: whether another unit has come since.
    :ivar values: samples of this turn that are to be published together.
    """

    subject: str
    label: str
    unit: str
    place: str
    is_disputed: bool = False
    value: float = 0.0
    time: float = 0.0
    agent_time: float | None = None
    samples: int = 0
    shown: float = 0.0
    is_behind: bool = False
    values: list[float] = field(factory=list)
    agent_times: list[float | None] = field(factory=list)


@define(eq=False)
class _LateSamples:
    """Samples of a peer that one rule has read, which are counted at the next look at the hub: nobody wants them now.

    :ivar channels: in the order of the block's readings.
    :ivar shown: when the newest of them were on the bus.
    :ivar block: the last one; None if nothing is late.
    :ivar count: the samples of each channel in all blocks.
    :ivar time: when the last block came.
    """

    channels: Sequence[WireChannel]
    shown: float
    block: SampleBlock | None = None
    count: int = 0
    time: float = 0.0


@define(eq=False)
class WireName:
    """A name: of a peer that is or was there, or for which another speaks.

    :ivar number: in the order in which the names became known.
    :ivar links: its connections.
    :ivar is_said: whether it is one that a peer has said, which one connection has alone.
    :ivar late: its samples that are not counted yet, by what reads them.
    """

    name: str
    token: str
    number: int
    address: str = ""
    since: float | None = None
    last_seen: float | None = None
    reason: str = ""
    is_said: bool = False
    links: list[WireLinked] = field(factory=list)
    channels: dict[str, WireChannel] = field(factory=dict)
    late: dict[PlainReader, _LateSamples] = field(factory=dict)


class WireHub:
    """The peers of one wire.

    :param rules: the options in force.
    :param log: takes what is to be logged.
    :param wake: called when :meth:`settle` is to be called about a second later.
    :ivar counts: what was counted, by kind.
    :ivar tells_each: whether the samples of the last block were published one by one, as somebody wants them.
    """

    def __init__(self, bus: IBus, rules: HubRules, log: HubLog, wake: Callable[[], object]) -> None:
        self._bus = bus
        self._rules = rules
        self._log = log
        self._wake = wake
        self._prefix = f"wire.{rules.instance}"
        self._names: dict[str, WireName] = {}
        self._by_token: dict[str, WireName] = {}
        self._given = {name: (label, unit) for name, label, unit in rules.channels or ()}
        self._batched: list[WireChannel] = []
        self._behind: list[WireChannel] = []
        self._late: list[_LateSamples] = []
        self.tells_each = False
        self.counts: Counter[str] = Counter()

    def follow(self, rules: HubRules) -> None:
        """Go by other options: labels and units of channels are looked up again."""
        self._rules = rules
        self._catch_up()
        for known in self._names.values():
            known.late.clear()  # their rules may be others now
        given = {name: (label, unit) for name, label, unit in rules.channels or ()}
        if given != self._given:
            self._given = given
            for known in self._names.values():
                for name, channel in known.channels.items():
                    self._describe(channel, name, channel.unit, channel.place)

    def wall(self) -> float:
        """Return the present time, in seconds since 1970."""
        return self._bus.wall()

    # Who is there

    def arrive(self, link: WireLinked, name: str, is_said: bool) -> bool:
        """*link* is called *name* from now on. Return False if there are too many names."""
        known = self._known(name)
        if known is None:
            return False
        took = ""
        if is_said:
            for other in [other for other in known.links if other is not link]:
                took = other.address
                self._leave(known, other, "")
                other.replaced(f"another connection is called {name} now")
        if link not in known.links:
            known.links.append(link)
        known.is_said = is_said
        if len(known.links) == 1:
            known.since = self._bus.wall()
            known.address = link.address
            known.reason = f"it took the name from {took}" if took else ""
            self._tell(known, online=True)
        return True

    def depart(self, link: WireLinked, name: str, reason: str) -> None:
        """*link* is called *name* no longer: it is gone, or has another name."""
        known = self._names.get(name)
        if known is not None and link in known.links:
            self._leave(known, link, reason)

    def _leave(self, known: WireName, link: WireLinked, reason: str) -> None:
        known.links.remove(link)
        known.last_seen = link.heard
        if not known.links and reason:
            known.reason = reason
            self._tell(known, online=False)

    def _tell(self, known: WireName, online: bool) -> None:
        wall = self._bus.wall()
        seen = wall if online or known.last_seen is None else known.last_seen
        event = WirePresence(known.name, known.address, online, seen, known.reason, known.since or wall)
        self._bus.publish(Message(f"{self._prefix}.presence.{known.token}", event))

    def link_of(self, name: str) -> WireLinked | None:
        """Return the newest connection of *name*; None if it is not there."""
        known = self._names.get(name)
        return known.links[-1] if known is not None and known.links else None

    @property
    def online(self) -> list[str]:
        """The names of all peers that are there."""
        return [known.name for known in self._names.values() if known.links]

    # What they say

    def sample(self, name: str, readings: Sequence[WireReading], time: float | None, rule: Rule | None) -> None:
        """Take samples of *name*, or of those that speak through it."""
        if self._late:
            self._catch_up()
        wall = self._bus.wall()
        for reading in readings:
            channel = self._channel(reading.name or name, reading, rule)
            if channel is not None:
                value = channel.value + reading.value if reading.adds else reading.value
                said = time if reading.time is None else reading.time
                self._take(channel, value, wall, said)

    def sampled(self, name: str, block: SampleBlock, rule: Rule) -> None:
        """Take many messages of *name* at once. They are taken apart only where somebody wants each value."""
        wall = self._bus.wall()
        known = self._names.get(name)
        late = None if known is None else known.late.get(block.reader)
        if late is not None:
            if abs(wall - late.shown) < SHOWN_EVERY and not self._is_wanted(late):
                self._count_later(late, block, wall)
                return
            self._count(late)
            del self._names[name].late[block.reader]
        found = [(self._channel(name, reading, rule), reading) for reading in block.newest()]
        taken = [(place, channel, reading) for place, (channel, reading) in enumerate(found) if channel is not None]
        wants = [self._bus.wants(channel.subject) for _, channel, _ in taken]
        is_many = block.count > 1
        columns, times = block.columns() if is_many and any(want in (Want.EACH, Want.BATCH) for want in wants) else ((), ())
        for (place, channel, reading), want in zip(taken, wants, strict=True):
            if not is_many:
                self._take(channel, reading.value, wall, reading.time)
            elif want is Want.BATCH:
                self._batch(channel, columns[place].values, times, wall)
            elif want is Want.EACH:
                for value, said in zip(columns[place].values, times or [None] * block.count, strict=True):
                    self._take(channel, value, wall, said)
            else:
                channel.samples += block.count - 1
                self._take(channel, reading.value, wall, reading.time)
        self.tells_each = Want.EACH in wants
        if len(taken) == len(found) and not any(wants):
            self._names[name].late[block.reader] = _LateSamples([channel for _, channel, _ in taken], wall)

    def _is_wanted(self, late: _LateSamples) -> bool:
        wants = self._bus.wants
        for channel in late.channels:  # noqa: SIM110 - any() would take twice as long, for each read
            if wants(channel.subject):
                return True
        return False

    def _count_later(self, late: _LateSamples, block: SampleBlock, wall: float) -> None:
        if late.block is None:
            self._late.append(late)
            if len(self._late) == 1:
                self._wake()
        late.block = block
        late.count += block.count
        late.time = wall

    def _catch_up(self) -> None:
        """Count what is late."""
        late, self._late = self._late, []
        for one in late:
            self._count(one)

    def _count(self, late: _LateSamples) -> None:
        if late.block is None:
            return
        for channel, reading in zip(late.channels, late.block.newest(), strict=True):
            channel.value, channel.time, channel.agent_time = reading.value, late.time, reading.time
            channel.samples += late.count
            self._fall_behind(channel)
        late.block, late.count, late.shown = None, 0, late.time

    def _batch(self, channel: WireChannel, values: Sequence[float], times: Sequence[float | None], wall: float) -> None:
        if not channel.values:
            self._batched.append(channel)
        said = times or [None] * len(values)
        channel.values.extend(values)
        channel.agent_times.extend(said)
        channel.value, channel.time, channel.agent_time = values[-1], wall, said[-1]
        channel.samples += len(values)

    def said(self, name: str, values: Mapping[str, Any]) -> None:
        """Publish an event of *name*."""
        known = self._known(name)
        if known is not None:
            self._bus.publish(Message(f"{self._prefix}.said.{known.token}", dict(values)))

    def flush(self) -> None:
        """Publish what was kept for a batch."""
        for channel in self._batched:
            values, times = channel.values, channel.agent_times
            channel.values, channel.agent_times = [], []
            has_times = any(time is not None for time in times)
            batch = Samples(channel.time, values, times if has_times else ()) if len(values) > 1 else None
            self._publish(channel, batch)
        self._batched.clear()

    def settle(self) -> None:
        """Publish the newest samples that nobody has asked for."""
        self._catch_up()
        behind, self._behind = self._behind, []
        for channel in behind:
            if channel.is_behind:
                self._publish(channel)

    def _take(self, channel: WireChannel, value: float, wall: float, said: float | None) -> None:
        want = self._bus.wants(channel.subject)
        if want is Want.BATCH:
            self._batch(channel, (value,), (said,), wall)
            return
        channel.value, channel.time, channel.agent_time = value, wall, said
        channel.samples += 1
        if want is Want.EACH or abs(wall - channel.shown) >= (self._bus.interval(channel.subject) if want else SHOWN_EVERY):
            self._publish(channel)
        else:
            self._fall_behind(channel)

    def _fall_behind(self, channel: WireChannel) -> None:
        if not channel.is_behind:
            channel.is_behind = True
            self._behind.append(channel)
            if len(self._behind) == 1:
                self._wake()

    def _publish(self, channel: WireChannel, batch: Samples | None = None) -> None:
        channel.is_behind = False
        channel.shown = channel.time
        event = SampleTaken(channel.value, channel.time, channel.agent_time)
        self._bus.publish(Message(channel.subject, event, batch=batch))

    def _channel(self, name: str, reading: WireReading, rule: Rule | None) -> WireChannel | None:
        known = self._names.get(name) or self._known(name)
        if known is None:
            return None
        channel = known.channels.get(reading.channel)
        if channel is None:
            if len(known.channels) >= self._rules.max_channels:
                self._limit("max_channels", f"max_channels ({self._rules.max_channels}) of {name} reached; new ones are ignored")
                return None
            if not self._is_good(reading.channel):
                return None
            place, prefix = _place_of(rule), f"{self._prefix}.sample.{known.token}."
            taken = {one.subject.removeprefix(prefix) for one in known.channels.values()}
            channel = WireChannel(prefix + _free_token(reading.channel, taken), "", "", place)
            self._describe(channel, reading.channel, reading.unit, place)
            known.channels[reading.channel] = channel
        elif reading.unit and reading.unit != channel.unit and not channel.is_disputed and reading.channel not in self._given:
            self._complain(name, reading, channel, rule)
        return channel

    def _complain(self, name: str, reading: WireReading, channel: WireChannel, rule: Rule | None) -> None:
        if not channel.unit:
            self._describe(channel, reading.channel, reading.unit, _place_of(rule))
            return
        channel.is_disputed = True
        now, before = f"{reading.unit}{_place_of(rule)}", f"{channel.unit}{channel.place}"
        text = f"{reading.channel} of {reading.name or name} comes in {now}, before in {before}; it keeps {channel.unit}"
        self._limit("unit", text, MOST_DISPUTES)

    def _describe(self, channel: WireChannel, name: str, unit: str, place: str) -> None:
        label, own = self._given.get(name, ("", ""))
        channel.label, channel.unit, channel.place = label, own or unit, place
        self._bus.describe(channel.subject, Described(label, channel.unit))

    def _known(self, name: str) -> WireName | None:
        known = self._names.get(name)
        if known is None:
            if len(self._names) >= self._rules.max_names:
                self._limit("max_names", f"max_names ({self._rules.max_names}) reached; new names are ignored")
                return None
            if not self._is_good(name):
                return None
            known = self._names[name] = WireName(name, self.token_of(name), len(self._names))
            self._by_token[known.token] = known
        return known

    def is_known(self, name: str) -> bool:
        """Whether something was heard of *name* before."""
        return name in self._names

    def token_of(self, name: str) -> str:
        """Return the token of *name* in subjects, which is that of no other name; of a new name, the one that it will have."""
        known = self._names.get(name)
        return _free_token(name, self._by_token) if known is None else known.token

    def _is_good(self, name: str) -> bool:
        """Whether a peer or a channel may be called so by what somebody says."""
        if is_text(name) and len(name) <= LONGEST:
            return True
        self._limit("bad name", f"{name[:40]!r} is no name: one has at most {LONGEST} characters of text; it is ignored")
        return False

    def _limit(self, kind: str, text: str, most: int = 1) -> None:
        self.counts[kind] += 1
        self._log.limited(kind, text, most)

    # For people

    @property
    def names(self) -> Iterable[WireName]:
        """All names, in the order in which they became known."""
        self._catch_up()
        return self._names.values()

    @property
    def channels(self) -> int:
        """The number of channels."""
        return sum(len(known.channels) for known in self._names.values())


def _free_token(name: str, taken: Container[str]) -> str:
    """Return a token of *name* that is not *taken*. The second of a kind has a digest of its name, which stays the same."""
    free = token(name)
    while free in taken:
        free = f"{free}-{blake2s(name.encode('utf-8', 'surrogatepass'), digest_size=4).hexdigest()}"
    return free


def _place_of(rule: Rule | None) -> str:
    return "" if rule is None else f" ({rule.place})"


def described(known: WireName) -> WirePeer:
    """Describe a name, with its newest values."""
    links: Iterable[WireLinked] = known.links
    heard = [link.heard for link in links]
    return WirePeer(
        name=known.name,
        address=known.address,
        online=bool(known.links),
        since=known.since if known.links else None,
        last_seen=max(heard, default=known.last_seen),
        messages=sum(link.messages for link in links),
        reason="" if known.links else known.reason,
        values={
            name: WireValue(one.value, one.unit, one.label, one.time, one.samples)
            for name, one in known.channels.items()
            if one.samples
        },
    )
