"""The outlet of one machine: what it says goes to a transport, what it hears to the hub, and its clocks to the reactor."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, ClassVar

from netd.bus.subject import token as token_of
from netd.errors import NotPermitted
from netd.plaintext import is_text
from netd.principal import Kind, Principal, check
from netd.reserved import Reserves, check_owns, owns, refusal
from netd.wire.fields import WireReading
from netd.wire.machine import WireMachine
from netd.wire.outlet import Answer, Report, WireNote
from netd.wire.plain import SampleBlock
from netd.wire.plan import WirePlan
from netd.wire.rights import CONNECT
from netd.wire.rules import Rule
from netd.wire.section import WireSection, WireTalker

__all__ = ["WireLink"]

LONGEST_NAME = 63

FIRST_LINES = 3
"""Messages of a connection that no rule takes which are logged one by one. Then one line a minute tells how many there were."""

WINDOW = 10.0
"""Seconds over which the cost of regular expressions is summed up."""

MOST_COST = 0.05
"""The part of that time that they may take on one connection."""


class WireLink(ABC):
    """One connection, or one address that sends datagrams.

    :param source: the host or device of the other side, whose lines in the log are limited together.
    :cvar is_forgeable: whether anybody can send in its name.
    :ivar address: of the other side, for people.
    :ivar heard: when the last byte came, in seconds since 1970.
    """

    is_forgeable: ClassVar[bool] = False

    __slots__ = (
        "_cost",
        "_is_datagram",
        "_is_dialled",
        "_since",
        "_source",
        "_timer",
        "_told",
        "address",
        "heard",
        "machine",
        "section",
    )

    def __init__(
        self, section: WireSection, name: str, address: str, source: str, is_dialled: bool = False, is_datagram: bool = False
    ) -> None:
        self.section = section
        self.address = address
        self._source = source
        self._told = 0
        self.heard = 0.0
        self._is_dialled = is_dialled
        self._is_datagram = is_datagram
        self._timer: Any = None
        self._since = 0.0
        self._cost = 0.0
        self.machine = WireMachine(self._plan(), self, name, address)
        self.machine.meter = self

    def _plan(self) -> WirePlan:
        """Return what its machine goes by; another one after a reload."""
        return self.section.plan(self._is_dialled, self._is_datagram)

    # What a transport does

    @abstractmethod
    def write(self, data: bytes) -> None:
        """Send *data*."""

    @abstractmethod
    def finish(self, reason: str) -> None:
        """End the connection."""

    @abstractmethod
    def pause(self, is_paused: bool) -> None:
        """Read no more, or go on."""

    @abstractmethod
    def principal(self) -> Principal:
        """Return who the other side is."""

    def prove(self, token: str) -> None:
        """Take *token* for a proof of who it is.

        :raises NotPermitted: if it is none.
        """
        raise NotPermitted("tokens prove nothing here")

    @abstractmethod
    def reserves(self) -> Reserves:
        """Return what knows the names that have credentials."""

    # What happens to it

    def connected(self) -> None:
        """It is there."""
        self.heard = self.section.hub.wall()
        self._be_there(True)
        self.act(self.machine.opened)

    def received(self, data: bytes) -> None:
        """A datagram has come."""
        self.heard = self.section.hub.wall()
        self.act(lambda now: self.machine.received(data, now))

    def received_portion(self, data: bytes) -> bytes:
        """Bytes have come. Return those that are for the next portion."""
        self.heard = self.section.hub.wall()
        left = self.machine.received_portion(data, self.section.clock.seconds())
        self.section.hub.publisher.flush()
        self._arm()
        return left

    def gone(self, reason: str) -> None:
        """It has ended."""
        self._be_there(False)
        self.act(self.machine.ended)
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self.machine.identity.name:
            self.section.hub.roster.depart(self, self.machine.identity.name, reason)

    def _be_there(self, is_there: bool) -> None:
        if is_there:
            self.section.talkers[self] = None
        else:
            self.section.talkers.pop(self, None)

    def act(self, do: Callable[[float], object]) -> None:
        """Call *do* with the present time of the monotonic clock, then publish and wait as is to be done."""
        do(self.section.clock.seconds())
        self.section.hub.publisher.flush()
        self._arm()

    @property
    def talker(self) -> WireTalker:
        """The peer that is told what others say."""
        return self

    @property
    def is_proven(self) -> bool:
        """See :class:`netd.wire.section.WireTalker`."""
        return not self.machine.identity.needs_proof

    def speak(self, payload: bytes) -> None:
        """See :class:`netd.wire.section.WireTalker`."""
        self.act(lambda now: self.machine.say(payload, now))

    def send(self, text: str, report: Report) -> None:
        """See :class:`netd.wire.section.WireTalker`."""
        self.act(lambda now: self.machine.send(text, report, now))

    def ask(self, text: str, report: Report) -> None:
        """See :class:`netd.wire.section.WireTalker`."""
        self.act(lambda now: self.machine.ask(text, report, now))

    def leave(self, reason: str) -> None:
        """See :class:`netd.wire.section.WireTalker`."""
        self.machine.close(reason)

    def follow(self) -> None:
        """See :class:`netd.wire.section.WireTalker`."""
        self.act(lambda now: self.machine.follow(self._plan(), now))

    def replaced(self, reason: str) -> None:
        """See :class:`netd.wire.roster.WireLinked`."""
        self.machine.close(reason)

    @property
    def messages(self) -> int:
        """How many messages it has sent."""
        return self.machine.messages

    def _arm(self) -> None:
        """Have the machine woken when something is due. A timer that comes too early is harmless, and moved on then."""
        due = self.machine.due()
        clock = self.section.clock
        if due is None:
            return
        if self._timer is not None:
            if self._timer.getTime() <= due:
                return
            self._timer.cancel()
        self._timer = clock.callLater(max(0.0, due - clock.seconds()), self._wake)

    def _wake(self) -> None:
        self._timer = None
        self.act(self.machine.wake)

    # IWireOutlet

    def say(self, data: bytes) -> None:
        """See :class:`netd.wire.outlet.IWireOutlet`."""
        self.write(data)

    def arrived(self, name: str) -> None:
        """See :class:`netd.wire.outlet.IWireOutlet`."""
        self.section.hub.roster.arrive(self, name, is_said=False)

    def named(self, name: str, token: str) -> str:
        """See :class:`netd.wire.outlet.IWireOutlet`."""
        if not is_text(name) or len(name) > LONGEST_NAME:
            return f"a name is 1 to {LONGEST_NAME} characters of text"
        roster, before = self.section.hub.roster, self.machine.identity.name
        holder = roster.link_of(name)
        if self.is_forgeable and isinstance(holder, WireLink) and not holder.is_forgeable:
            return f"a connection is called {name}, and the address of a datagram can be forged"
        try:
            if token:
                self.prove(token)
            check(self.principal(), CONNECT, f"wire.{self.section.config.instance}.presence.{roster.token_of(name)}", name)
            for one in self._meant_by(name):
                check_owns(self.reserves(), self.principal(), Kind.DEVICE, one)
        except NotPermitted as error:
            self.note(WireNote.UNPROVEN, str(error), b"")
            return str(error)
        if before:
            roster.depart(self, before, f"it is called {name} now")
        return "" if roster.arrive(self, name, is_said=True) else "there are too many names (`max_names`)"

    def sample(self, name: str, readings: Sequence[WireReading], time: float | None, rule: Rule) -> None:
        """See :class:`netd.wire.outlet.IWireOutlet`."""
        if any(reading.name is not None for reading in readings):
            readings = [reading for reading in readings if reading.name is None or self._may_speak_for(reading.name)]
        self.section.hub.sample(name, readings, time, rule)

    def sampled(self, name: str, block: SampleBlock, rule: Rule) -> None:
        """See :class:`netd.wire.outlet.IWireOutlet`."""
        self.section.hub.sampled(name, block, rule)

    def said(self, name: str, values: Mapping[str, Any], rule: Rule | None) -> None:
        """See :class:`netd.wire.outlet.IWireOutlet`."""
        if name == self.machine.identity.name or self._may_speak_for(name):
            self.section.hub.said(name, values)

    def _may_speak_for(self, name: str) -> bool:
        """Whether what is said of *name* counts: gateways speak for many, but not for a name that is proved by a token."""
        if name == self.machine.identity.name:
            return True
        if all(owns(self.reserves(), self.principal(), Kind.DEVICE, one) for one in self._meant_by(name)):
            return True
        self.note(WireNote.UNPROVEN, refusal(Kind.DEVICE, name), b"")
        return False

    def _meant_by(self, name: str) -> Iterable[str]:
        """Return *name*, and the one whose subjects it might have: `ada!` those of `ada`. One that is known has its own."""
        return (name,) if self.section.hub.roster.is_known(name) else (name, token_of(name))

    def told(self, name: str, payload: bytes, includes_itself: bool) -> None:
        """See :class:`netd.wire.outlet.IWireOutlet`."""
        for talker in self.section.admitted():
            if includes_itself or talker is not self.talker:
                talker.speak(payload)

    def called(self, function: str, values: Mapping[str, Any], answer: Answer) -> None:
        """See :class:`netd.wire.outlet.IWireOutlet`."""
        self.section.calls.run(function, values, self._later(answer))

    def sent(self, target: str, text: str, answer: Answer) -> None:
        """See :class:`netd.wire.outlet.IWireOutlet`."""
        report = self._later(answer)
        kind, _, rest = target.partition(".")
        own = self.section.peer(target)
        if own is not None:
            own.send(text, report)
        elif kind == "wire" and "." in rest:
            instance, _, name = rest.partition(".")
            self.section.calls.send_to_wire(instance, name, text, report)
        else:
            self.section.calls.send(target, text, report)

    def _later(self, answer: Answer) -> Callable[[str | None, str], object]:
        return lambda text, error: self.act(lambda now: answer(text, error, now))

    def wall(self) -> float:
        """See :class:`netd.wire.outlet.IWireOutlet`."""
        return self.section.hub.wall()

    def hold(self, is_held: bool) -> None:
        """See :class:`netd.wire.outlet.IWireOutlet`."""
        self.pause(is_held)

    def close(self, reason: str) -> None:
        """See :class:`netd.wire.outlet.IWireOutlet`."""
        self.finish(reason)

    def note(self, kind: WireNote, why: str, message: bytes) -> None:
        """See :class:`netd.wire.outlet.IWireOutlet`."""
        most = 1
        if kind is WireNote.UNMATCHED:
            self._told += 1
            most = FIRST_LINES if self._told <= FIRST_LINES else 1
        self.section.note(kind, self.address, why, message, self._source, most, self.machine.identity.name)

    # Meter

    def clock(self) -> float:
        """See :class:`netd.wire.rules.Meter`."""
        seconds: float = self.section.clock.seconds()
        return seconds

    def took(self, rule: Rule, seconds: float) -> None:
        """See :class:`netd.wire.rules.Meter`. A peer whose messages cost too much is cut: they hold all others up."""
        now = self.clock()
        if now - self._since > WINDOW:
            self._since, self._cost = now, 0.0
        self._cost += seconds
        if self._cost > WINDOW * MOST_COST:
            self._cost = 0.0
            cost = f"takes over {MOST_COST:.0%} of the time; write a pattern of text"
            why = f"the regular expression of {rule.place} {cost}: {rule.text}"
            self.note(WireNote.RATE, why, b"")
            self.machine.close("its messages cost too much time")
