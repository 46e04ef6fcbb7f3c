"""What the peers of one wire say goes to the bus here: each reading finds its name, channel, label and unit. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Protocol

from netd.interfaces import IBus
from netd.message import Described, Message, Want
from netd.wire.channels import SHOWN_EVERY, ChannelPublisher, LateSamples, WireChannel
from netd.wire.fields import WireReading
from netd.wire.plain import SampleBlock
from netd.wire.results import WirePeer, WireValue
from netd.wire.roster import WireLinked, WireName, WireRoster, free_token
from netd.wire.rules import Rule

__all__ = ["HubLog", "HubRules", "WireHub", "described"]

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


class WireHub:
    """The peers of one wire.

    :param rules: the options in force.
    :param log: takes what is to be logged.
    :param wake: called when :meth:`ChannelPublisher.settle` is to be called about a second later.
    :ivar counts: what was counted, by kind.
    :ivar roster: the names of the peers.
    :ivar publisher: publishes their samples.
    :ivar tells_each: whether the samples of the last block were published one by one, as somebody wants them.
    """

    def __init__(self, bus: IBus, rules: HubRules, log: HubLog, wake: Callable[[], object]) -> None:
        self._bus = bus
        self._rules = rules
        self._log = log
        self._prefix = f"wire.{rules.instance}"
        self._given = {name: (label, unit) for name, label, unit in rules.channels or ()}
        self.counts: Counter[str] = Counter()
        self.roster = WireRoster(bus, self._prefix, rules.max_names, self._limit)
        self.publisher = ChannelPublisher(bus, wake)
        self.tells_each = False

    def follow(self, rules: HubRules) -> None:
        """Go by other options: labels and units of channels are looked up again."""
        self._rules = rules
        self.roster.most = rules.max_names
        self.publisher.catch_up()
        for known in self.roster.names.values():
            known.late.clear()  # their rules may be others now
        given = {name: (label, unit) for name, label, unit in rules.channels or ()}
        if given != self._given:
            self._given = given
            for known in self.roster.names.values():
                for name, channel in known.channels.items():
                    self._describe(channel, name, channel.unit, channel.place)

    def wall(self) -> float:
        """Return the present time, in seconds since 1970."""
        return self._bus.wall()

    # What they say

    def sample(self, name: str, readings: Sequence[WireReading], time: float | None, rule: Rule | None) -> None:
        """Take samples of *name*, or of those that speak through it."""
        self.publisher.catch_up()
        wall = self._bus.wall()
        for reading in readings:
            channel = self._channel(reading.name or name, reading, rule)
            if channel is not None:
                value = channel.value + reading.value if reading.adds else reading.value
                said = time if reading.time is None else reading.time
                self.publisher.take(channel, value, wall, said)

    def sampled(self, name: str, block: SampleBlock, rule: Rule) -> None:
        """Take many messages of *name* at once. They are taken apart only where somebody wants each value."""
        wall = self._bus.wall()
        known = self.roster.names.get(name)
        late = None if known is None else known.late.get(block.reader)
        if late is not None:
            if abs(wall - late.shown) < SHOWN_EVERY and not self.publisher.is_wanted(late):
                self.publisher.count_later(late, block, wall)
                return
            self.publisher.count(late)
            del self.roster.names[name].late[block.reader]
        found = [(self._channel(name, reading, rule), reading) for reading in block.newest()]
        taken = [(place, channel, reading) for place, (channel, reading) in enumerate(found) if channel is not None]
        wants = [self._bus.wants(channel.subject) for _, channel, _ in taken]
        is_many = block.count > 1
        columns, times = block.columns() if is_many and any(want in (Want.EACH, Want.BATCH) for want in wants) else ((), ())
        for (place, channel, reading), want in zip(taken, wants, strict=True):
            if not is_many:
                self.publisher.take(channel, reading.value, wall, reading.time)
            elif want is Want.BATCH:
                self.publisher.batch(channel, columns[place].values, times, wall)
            elif want is Want.EACH:
                for value, said in zip(columns[place].values, times or [None] * block.count, strict=True):
                    self.publisher.take(channel, value, wall, said)
            else:
                channel.samples += block.count - 1
                self.publisher.take(channel, reading.value, wall, reading.time)
        self.tells_each = Want.EACH in wants
        if len(taken) == len(found) and not any(wants):
            self.roster.names[name].late[block.reader] = LateSamples([channel for _, channel, _ in taken], wall)

    def said(self, name: str, values: Mapping[str, Any]) -> None:
        """Publish an event of *name*."""
        known = self.roster.known(name)
        if known is not None:
            self._bus.publish(Message(f"{self._prefix}.said.{known.token}", dict(values)))

    def _channel(self, name: str, reading: WireReading, rule: Rule | None) -> WireChannel | None:
        known = self.roster.names.get(name) or self.roster.known(name)
        if known is None:
            return None
        channel = known.channels.get(reading.channel)
        if channel is None:
            if len(known.channels) >= self._rules.max_channels:
                self._limit("max_channels", f"max_channels ({self._rules.max_channels}) of {name} reached; new ones are ignored")
                return None
            if not self.roster.is_good(reading.channel):
                return None
            place, prefix = _place_of(rule), f"{self._prefix}.sample.{known.token}."
            taken = {one.subject.removeprefix(prefix) for one in known.channels.values()}
            channel = WireChannel(prefix + free_token(reading.channel, taken), "", "", place)
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

    def _limit(self, kind: str, text: str, most: int = 1) -> None:
        self.counts[kind] += 1
        self._log.limited(kind, text, most)

    # For people

    @property
    def names(self) -> Iterable[WireName]:
        """All names, in the order in which they became known."""
        self.publisher.catch_up()
        return self.roster.names.values()

    @property
    def channels(self) -> int:
        """The number of channels."""
        return sum(len(known.channels) for known in self.roster.names.values())


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
