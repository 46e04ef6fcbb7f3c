"""The feed: its sources, its clients, and their reports.

Connections (``machine``) and operations (``service``) both use it. It knows no reactor: clock, bus and chance are handed in.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from attrs import define, evolve, field

from netd.bus.subject import split_pattern
from netd.codec.units import ABSENT, Absent
from netd.feed.events import BlockReported, ClientRemarked, RoundMade
from netd.feed.generator import Generator
from netd.feed.grammar import BadFeedRequest, Subscribe, check_types
from netd.feed.reports import LONGEST_REMARK, FeedClient, ReportLedger
from netd.feed.rounds import TYPES, Form, Round
from netd.feed.rules import FeedRules
from netd.feed.streams import FeedSource, FeedStream, FeedSurroundings
from netd.feed.window import Window
from netd.interfaces import IBus
from netd.message import Message

__all__ = ["Feed"]


@define(eq=False)
class Feed:
    """One feed.

    :ivar prefix: first tokens of its subjects, ``feed.<instance>``.
    :ivar generators: the makers of values by locale, the common one first; empty for a feed that passes on subjects.
    :ivar texts: the form of deliveries to first-dialect clients.
    :ivar ledger: the reports of clients.
    :ivar streams: the streams that newer clients asked for, beside the common source.
    """

    rules: FeedRules
    bus: IBus
    prefix: str
    surroundings: FeedSurroundings
    ledger: ReportLedger
    generators: Mapping[str, Generator] = field(factory=dict)
    common: FeedStream | Window = field(init=False)
    texts: Form = field(init=False)
    streams: dict[object, FeedStream] = field(factory=dict)

    def __attrs_post_init__(self) -> None:
        self.texts = Form(self.rules.fields if self.rules.pattern is None else (), is_old=True)
        if self.rules.pattern is not None:
            self.common = Window(self.surroundings, self.bus, self.rules.pattern)
        else:
            values = next(iter(self.generators.values())).values(self.rules.seed)
            self.common = FeedStream(self.surroundings, values, self.rules.interval, self.rules.per_client, self)

    def follow(self, rules: FeedRules) -> None:
        """Go by *rules* from now on; the source, its values and their seed stay as they are."""
        self.rules = rules
        if isinstance(self.common, FeedStream):
            self.texts = Form(rules.fields, is_old=True)
            self.common.change_interval(rules.interval)

    def prepare(self) -> None:
        """Prepare the makers of values, which takes some time. To be called before :meth:`start`."""
        for generator in self.generators.values():
            generator.prepare()

    def start(self) -> None:
        """Begin to deliver."""
        self.common.start()

    def stop(self) -> None:
        """Deliver nothing more."""
        self.common.stop()
        for stream in self.streams.values():
            stream.stop()

    # Clients

    def join(self, member: Any) -> None:
        """Deliver the common source to *member*, as texts."""
        self.leave(member)
        member.source = self.common
        if isinstance(self.common, FeedStream):
            self.common.join_in_turn(member, self.texts)
        else:
            self.common.join(member, self.texts, is_apart=False)

    def leave(self, member: Any) -> None:
        """Deliver nothing more to *member*."""
        source, member.source = member.source, None
        if source is None:
            return
        source.leave(member)
        if isinstance(source, FeedStream) and source is not self.common and not source.audience.members:
            source.stop()
            self.streams = {key: stream for key, stream in self.streams.items() if stream is not source}

    def subscribe(self, member: Any, asked: Subscribe) -> Subscribe:
        """Deliver to *member* what it asks for.

        :returns: the request, with defaults filled in.
        :raises BadFeedRequest: when that cannot be delivered. The deliveries of before go on then.
        """
        if self.rules.pattern is not None:
            return self._subscribe_to_window(member, asked)
        check_types(asked.types)
        interval = self._interval(asked)
        if asked.locale is not None and asked.locale not in self.generators:
            raise BadFeedRequest(f"there is no locale {asked.locale!a}; there are {', '.join(self.generators)}")
        locale = asked.locale or next(iter(self.generators))
        types = asked.types or TYPES
        self._move(member, self._stream(member, interval, locale, asked.seed), Form(types), asked.block > 1)
        return evolve(asked, types=types, interval=interval, locale=locale)

    def describe_offer(self) -> dict[str, Any]:
        """What newer clients can choose from, as plain JSON values."""
        if self.rules.pattern is not None:
            return {"source": self.rules.pattern}
        return {
            "source": "faker",
            "types": list(TYPES),
            "interval": self.rules.interval,
            "min_interval": min(self.rules.min_interval, self.rules.interval),
            "locales": list(self.generators),
        }

    def interval_of(self, source: FeedSource | None) -> float | Absent:
        """Seconds between two samples of a client's source; absent where nobody knows them."""
        return source.interval if isinstance(source, FeedStream) else ABSENT

    # Rounds

    def wants_rounds(self) -> bool:
        """Return True if the bus has subscribers for rounds."""
        return bool(self.bus.wants(f"{self.prefix}.round"))

    def made(self, made: Round) -> None:
        """Publish a common round, if it has subscribers."""
        if self.wants_rounds():
            self.bus.publish(Message(f"{self.prefix}.round", RoundMade(made.seq, made.time, made.values)))

    # What they say

    def reported(self, client: FeedClient, block: int, seconds: float) -> None:
        """Keep and publish that *client* has received a block."""
        self.ledger.report(client, block, seconds)
        self.bus.publish(
            Message(f"{self.prefix}.report", BlockReported(client.name, client.address, block, seconds, client.rate))
        )

    def remarked(self, client: FeedClient, text: str) -> None:
        """Keep and publish a remark of *client*: any message that is neither a name nor a report."""
        self.ledger.remark(client, text)
        self.bus.publish(Message(f"{self.prefix}.remark", ClientRemarked(client.name, client.address, text[:LONGEST_REMARK])))

    def _interval(self, asked: Subscribe) -> float:
        if asked.interval is None:
            return self.rules.interval
        least = min(self.rules.min_interval, self.rules.interval)
        if not least <= asked.interval <= 3600:
            raise BadFeedRequest(f"`subscribe.interval` is from {least:g} to 3600 seconds here")
        return asked.interval

    def _subscribe_to_window(self, member: Any, asked: Subscribe) -> Subscribe:
        if (asked.interval, asked.locale, asked.seed) != (None, None, None):
            raise BadFeedRequest(f"this feed passes on {self.rules.pattern}: it has no interval, locale or seed to choose")
        for pattern in asked.types:
            try:
                split_pattern(pattern)
            except ValueError as error:
                raise BadFeedRequest(f"`subscribe.types`: {error}") from None
        self._move(member, self.common, Form(asked.types), asked.block > 1)
        return asked

    def _stream(self, member: Any, interval: float, locale: str, seed: int | None) -> FeedStream:
        """The stream that is like this; one with a seed begins with its client, and is nobody else's."""
        common = self.common
        assert isinstance(common, FeedStream)
        if seed is None and interval == common.interval and locale == next(iter(self.generators)):
            return common
        key: object = (interval, locale) if seed is None else member
        stream = self.streams.get(key) if seed is None else None
        if stream is None:
            if len(self.streams) - self._is_alone(member) >= self.rules.max_streams:
                raise BadFeedRequest(
                    f"{self.rules.max_streams} other choices are being served; leave out interval, locale and seed"
                )
            stream = FeedStream(self.surroundings, self.generators[locale].values(seed), interval, self.rules.per_client)
            self.leave(member)
            self.streams[key] = stream
            stream.start()
        return stream

    def _is_alone(self, member: Any) -> bool:
        """Whether the stream of *member* ends when it leaves."""
        return member.source is not None and member.source is not self.common and len(member.source.audience.members) == 1

    def _move(self, member: Any, source: FeedStream | Window, form: Form, is_apart: bool) -> None:
        if member.source is not source:
            self.leave(member)
            member.source = source
        source.join(member, form, is_apart)
