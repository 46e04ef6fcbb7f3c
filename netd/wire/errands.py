"""A peer to which netd makes a connection for each thing that it asks or says: ``dial = each``.

Many small servers serve one message a connection. The connection ends with the answer; where none is awaited, when the remote
ends it, something else is to be said, or ``answer_timeout`` is over.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from functools import partial
from typing import Any, Protocol

from attrs import define, evolve

from netd.wire.link import WireLink
from netd.wire.machine import WireMachine
from netd.wire.outlet import Report
from netd.wire.plan import AskedRegularly, WirePlan
from netd.wire.section import WireSection
from netd.wire.template import WireTemplate
from netd.wire.voice import MOST_WAITING

__all__ = ["ErrandDialer", "WireErrands"]


class ErrandDialer(Protocol):
    """Makes the connections."""

    def begin(self) -> None:
        """Dial, and again until a connection is there."""

    def rest(self) -> None:
        """Dial no more; a connection that is there goes on."""

    @property
    def last_failure(self) -> str:
        """Why the last attempt failed."""


@define(eq=False)
class _Errand:
    """A thing to ask or to say.

    :ivar report: told if no connection can be made for it.
    :ivar begin: what is done on the connection; None for a question of the section, which the machine asks itself.
    :ivar ask: that question.
    :ivar number: which line of ``ask`` or ``every`` it is; None for what somebody else wants.
    :ivar is_answered: whether the connection is to stay until an answer has come.
    """

    report: Report | None = None
    begin: Callable[[WireMachine, float], object] | None = None
    ask: AskedRegularly | None = None
    number: tuple[str, int] | None = None
    is_answered: bool = True


class WireErrands:
    """The peer, as the section and the hub see it.

    :param remote: its description.
    :ivar name: what it is called.
    """

    is_proven = True

    def __init__(self, section: WireSection, remote: str, dialer: ErrandDialer) -> None:
        self.section = section
        self.address = remote
        self.name = section.named_remote(remote)
        self._heard = 0.0
        self._dialer = dialer
        self._queue: deque[_Errand] = deque()
        self._current: _Errand | None = None
        self._link: WireLink | None = None
        self._linger: float | None = None
        self._deadline: float | None = None
        self._asks: list[float | None] = []
        self._every: list[float] = []
        self._timer: Any = None
        self._messages = 0
        self._is_there = False
        self._is_stopped = True

    # Its life

    def start(self) -> None:
        """Begin with the questions."""
        self._is_stopped = False
        self.section.talkers[self] = None
        self.section.errands[self.name] = self
        self._start_clocks()

    def stop(self, reason: str) -> None:
        """Begin nothing more; what waits is given up."""
        self._is_stopped = True
        self.section.talkers.pop(self, None)
        if self.section.errands.get(self.name) is self:
            del self.section.errands[self.name]
        waiting, self._queue = list(self._queue), deque()
        self._give_up(waiting, reason)
        self._depart(reason)
        self._cancel()

    def follow(self) -> None:
        """See :class:`netd.wire.section.WireTalker`."""
        self._queue = deque(errand for errand in self._queue if errand.number is None)
        name = self.section.named_remote(self.address)
        if name != self.name:
            self._depart(f"it is called {name} now")
            if self.section.errands.get(self.name) is self:
                del self.section.errands[self.name]
            self.name = name
            self.section.errands[name] = self
        self._start_clocks()

    def go_on(self) -> None:
        """Dial again for what waits."""
        if self._queue and self._link is None and not self._is_stopped:
            if self._deadline is None:
                self._deadline = self._now() + self.section.config.dial_timeout
            self._dialer.begin()

    def _start_clocks(self) -> None:
        now, plan = self._now(), self.section.plan(is_dialled=True)
        self._asks = [now for _ in plan.asks]
        self._every = [now + one.period for one in plan.every]
        self._wake()

    # What others want of it

    def speak(self, payload: bytes) -> None:
        """See :class:`netd.wire.section.WireTalker`."""
        self._add(_Errand(begin=lambda machine, now: machine.say(payload, now), is_answered=False))

    def send(self, text: str, report: Report) -> None:
        """See :class:`netd.wire.section.WireTalker`."""
        is_answered = self.section.plan(is_dialled=True).ack is not None
        self._add(_Errand(report, lambda machine, now: machine.send(text, report, now), is_answered=is_answered))

    def ask(self, text: str, report: Report) -> None:
        """See :class:`netd.wire.section.WireTalker`."""
        self._add(_Errand(report, lambda machine, now: machine.ask(text, report, now)))

    def leave(self, reason: str) -> None:
        """See :class:`netd.wire.section.WireTalker`."""
        if self._link is not None:
            self._link.leave(reason)

    def replaced(self, reason: str) -> None:
        """See :class:`netd.wire.roster.WireLinked`."""
        self.leave(reason)

    @property
    def messages(self) -> int:
        """How many messages it has sent."""
        return self._messages + (0 if self._link is None else self._link.messages)

    @property
    def heard(self) -> float:
        """When the last byte came, in seconds since 1970."""
        return self._heard if self._link is None else self._link.heard

    def _add(self, errand: _Errand) -> None:
        if len(self._queue) >= MOST_WAITING:
            self._give_up([errand], f"{MOST_WAITING} others wait; try again later")
            return
        self._queue.append(errand)
        if self._linger is not None:
            self._end("something else is to be said")
        self.go_on()
        self._arm()

    # Connections

    def plan(self) -> WirePlan:
        """Return what the machine of the present connection goes by: it asks the one question that the connection is for."""
        ask = None if self._current is None else self._current.ask
        asks = () if ask is None else (evolve(ask, period=0.0),)
        return evolve(self.section.plan(is_dialled=True), asks=asks, every=(), is_dialled=False)

    def next(self) -> None:
        """Take the next errand: a connection for it is there."""
        self._dialer.rest()
        self._deadline = None
        self._current = self._queue.popleft() if self._queue else None

    def begun(self, link: WireLink) -> None:
        """Do the errand: the connection is open, and its greeting is said."""
        self._link = link
        if not self._is_there:
            self._is_there = self.section.hub.roster.arrive(self, self.name, is_said=False)
        errand = self._current
        if errand is not None and errand.begin is not None:
            begin = errand.begin
            link.act(lambda now: begin(link.machine, now))
        if errand is not None and not errand.is_answered and not self._queue:
            self._linger = self._now() + self.section.config.answer_timeout
            self._arm()
        else:
            link.act(link.machine.end_when_done)

    def ended(self, link: WireLink) -> None:
        """The connection is gone."""
        self._messages += link.messages
        self._heard = link.heard
        self._link = self._current = self._linger = None
        if not self._is_stopped:
            self.section.clock.callLater(0, self._wake)  # the dialer learns it first

    def _end(self, reason: str) -> None:
        """End a connection on which no answer is awaited."""
        assert self._link is not None, "it is the one that lingers"
        self._linger = None
        self._link.leave(reason)

    # Time

    def _now(self) -> float:
        now: float = self.section.clock.seconds()
        return now

    def _wake(self) -> None:
        self._timer = None
        if self._is_stopped:
            return
        now = self._now()
        if self._deadline is not None and self._deadline <= now:
            self._miss()
        self._add_what_is_due(now)
        if self._linger is not None and self._linger <= now:
            self._end("nothing else is to be said")
        self.go_on()
        self._arm()

    def _miss(self) -> None:
        """Give up what waits: the remote cannot be reached."""
        self._deadline = None
        late, self._queue = list(self._queue), deque()
        self._dialer.rest()
        why = f"{self.address} cannot be reached: {self._dialer.last_failure}"
        self._depart(why)
        self._give_up(late, why)

    def _add_what_is_due(self, now: float) -> None:
        plan = self.section.plan(is_dialled=True)
        there = [self._current, *self._queue]
        waiting = {errand.number for errand in there if errand is not None}
        for number, due in enumerate(self._asks):
            if due is not None and due <= now:
                ask = plan.asks[number]
                self._asks[number] = now + ask.period if ask.period else None
                if ("ask", number) not in waiting:
                    self._add(_Errand(ask=ask, number=("ask", number)))
        for number, time in enumerate(self._every):
            if time <= now:
                said = plan.every[number]
                self._every[number] = now + said.period
                if ("every", number) not in waiting:
                    begin = partial(_say, said.text)
                    self._add(_Errand(begin=begin, number=("every", number), is_answered=False))

    def _arm(self) -> None:
        times = [time for time in (*self._asks, *self._every, self._linger, self._deadline) if time is not None]
        if not times or self._is_stopped:
            return
        due = max(self._now(), min(times))
        if self._timer is not None:
            if self._timer.getTime() <= due:
                return
            self._timer.cancel()
        self._timer = self.section.clock.callLater(due - self._now(), self._wake)

    def _cancel(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _depart(self, reason: str) -> None:
        if self._is_there:
            self._is_there = False
            self.section.hub.roster.depart(self, self.name, reason)

    @staticmethod
    def _give_up(errands: list[_Errand], why: str) -> None:
        for errand in errands:
            if errand.report is not None:
                errand.report(None, why)


def _say(text: WireTemplate, machine: WireMachine, now: float) -> None:
    machine.say_filled(text, now)
