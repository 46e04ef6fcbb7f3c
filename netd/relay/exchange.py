"""The exchange, which all connections of a relay share: it knows the devices, carries messages to them, and publishes events.

Connections (``machine``) and operations (``service``) both go through it.  It knows no controller and no reactor: the clock, the
end of the reactor turn and the bus are handed in.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from functools import partial
from itertools import count
from typing import Any

from attrs import define, field

from netd.codec.length_header import HEADER, encode_frame
from netd.errors import NotPermitted
from netd.interfaces import Cancellable, IBus, IPeer, IStatePart
from netd.message import Message, Want
from netd.principal import check
from netd.relay.abroad import Abroad
from netd.relay.answers import Keeping
from netd.relay.beats import Beats
from netd.relay.devices import DeviceHello, DeviceLink, DeviceName, Devices, NameHeld
from netd.relay.events import DevicePresence, DeviceRefused, DeviceSaid, DeviceSent, readable
from netd.relay.grammar import RelayDialect, encode_pair
from netd.relay.outcomes import UNKNOWN, Outcomes
from netd.relay.queues import OfflineQueues
from netd.relay.records import DeviceRecords
from netd.relay.requests import RelayRequest, RequestInput, RequestOutcome, RequestStatus
from netd.relay.rights import CONNECT
from netd.relay.rules import RelayRules
from netd.relay.target import Target, address_text

__all__ = ["NO_SUCH_DEVICE", "Exchange"]

NO_SUCH_DEVICE = "no such device"
AWAY = "the device is away"


@define(eq=False)
class Exchange:
    """Carries messages to devices.

    :ivar dialect: how its clients speak, by its rules.
    :ivar prefix: first tokens of its subjects, ``relay.<instance>``.
    :ivar monotonic: the clock of deadlines, which is never set back.
    :ivar later: calls after so many seconds; returns something to cancel.
    :ivar after_turn: calls when all that was sent in this reactor turn has been written.
    :ivar messages: messages that were sent to devices.
    :ivar settled: messages by their last status; of the first dialect, whether the device's connection took them.
    :ivar counts: other counters, by name.
    :ivar records: what a restart finds of the devices.
    :ivar queues: messages for devices that are away.
    :ivar beats: the pings of devices that have asked for them.
    :ivar abroad: the way to the devices of other nodes.
    """

    rules: RelayRules
    devices: Devices
    bus: IBus
    prefix: str
    monotonic: Callable[[], float]
    later: Callable[[float, Callable[[], Any]], Cancellable]
    after_turn: Callable[[Callable[[], None]], None]
    messages: int = 0
    settled: Counter[str] = field(factory=Counter)
    counts: Counter[str] = field(factory=Counter)
    records: DeviceRecords = field(factory=DeviceRecords)
    _ids: Iterator[int] = field(factory=lambda: count(1))
    dialect: RelayDialect = field(init=False)
    outcomes: Outcomes = field(init=False)
    queues: OfflineQueues = field(init=False)
    beats: Beats = field(init=False)
    abroad: Abroad = field(init=False)

    def __attrs_post_init__(self) -> None:
        self.queues = OfflineQueues(self.bus.wall, self.monotonic, self.later, self._note_expired)
        self.beats = Beats(self.monotonic, self.later)
        self.outcomes = Outcomes(self.bus, self.monotonic, self.after_turn)
        self.dialect = RelayDialect.of(self.rules)
        self.abroad = Abroad(self.prefix.partition(".")[2], self)

    def follow(self, rules: RelayRules) -> None:
        """Apply *rules*, to open connections as well."""
        self.rules = rules
        self.dialect = RelayDialect.of(rules)
        self.devices.follow(rules)

    def use_state(self, part: IStatePart) -> None:
        """Find the devices and the messages of earlier runs again. All are away; nobody has subscribed to their presence yet."""
        self.records.load(part, self.devices, self.devices.remembered, self.bus.wall())
        for link in self.devices.absent():
            self._publish_presence(link, "netd was started anew")
        self.queues.load(part.table("queue"), self.rules, self.devices, self._ids.__next__, self._follow_kept, self.settled)

    def note_alive(self) -> None:
        """Note that the daemon is alive, and so are the connected devices."""
        self.records.note_alive(self.devices, self.bus.wall())

    def connect(self, peer: IPeer, host: str, port: int, hello: DeviceHello | None, owner: str | None = None) -> DeviceLink:
        """Add a device, send it the messages that waited for it, and publish its presence.

        :raises NameHeld: when another device holds its name. That one is probed: after 5 s, the name is free if it is dead.
        :raises NotPermitted: when the principal of *peer* may not be this device.
        """
        name = self.devices.name_at(host, hello, peer.principal)
        device = self.devices.subject_at(host, name)
        is_new = self.devices.name_of(device) is None
        try:
            for called in (name, *(hello.aliases if hello else ())):
                check(peer.principal, CONNECT, self.subject("presence", device), called)
            link, replaced = self.devices.connect(peer, host, port, hello, owner)
        except (NameHeld, NotPermitted) as error:
            self._deny(error, name, address_text(host, port))
            raise
        self.records.saw(link, is_new)
        if replaced is not None:
            self._replace(replaced, link)
        if link.answers:
            welcome = {"status": "welcome", "name": link.name, "address": link.address, "generation": link.generation}
            ping = None if hello is None else hello.ping
            peer.send(encode_pair(welcome if ping is None else welcome | {"ping": ping}))
            if ping is not None:
                self.beats.add(link, ping)
        self.counts["devices"] += 1
        self._publish_presence(link, f"it took the name from {link.took_from}" if link.took_from else "")
        known = self.devices.name_of(link.name) if link.name else None
        if known is not None and known.link is link and known.queue:
            for request in self.queues.take(known):
                self.queues.start_clock(request, request.time_left(self.monotonic()))
                self._hand(link, request)
        return link

    def _deny(self, error: NameHeld | NotPermitted, name: str, address: str) -> None:
        """Publish the refusal, and probe the holder of the name: it may be the same device, dead, under an earlier address."""
        self.counts["denied"] += 1
        holder = None
        if isinstance(error, NameHeld):
            name, holder = error.name, error.holder
        if holder is not None:
            holder.peer.probe()
        refused = DeviceRefused(name or address, address, "" if holder is None else holder.address, str(error))
        self.bus.publish(Message(f"{self.prefix}.refused", refused))

    def _replace(self, old: DeviceLink, new: DeviceLink) -> None:
        new.took_from = f"[{old.host}]:{old.port}" if ":" in old.host else f"{old.host}:{old.port}"
        self.replace_by(old, "a newer connection")

    def replace_by(self, old: DeviceLink, what: str) -> None:
        """Tell the device that has lost its name, if its connection works, and close that.

        :param what: what has the name now.
        """
        self.counts["replaced"] += 1
        self.disconnect(old, f"replaced by {what}")
        if old.answers:
            why = f"another device took the name {old.name!r}"
            old.peer.send(encode_pair({"status": "error", "error": why, "replaced": True}))
        old.peer.close(f"replaced by {what} of the same name")

    def disconnect(self, link: DeviceLink, reason: str) -> None:
        """Note that a device is gone: its requests fail, and its absence is published. A second call does nothing."""
        if not link.is_online:
            return
        is_away = self.devices.disconnect(link)
        self.beats.remove(link)
        link.cleared()
        for request in list((link.requests or {}).values()):
            request.step(RequestInput.LOST, error="the device disconnected")
        link.requests = None
        if is_away:
            self.records.saw(link)
            self._publish_presence(link, reason)
        if not link.name:
            self._forget_events(link)

    def forget(self, name: DeviceName) -> None:
        """Forget an absent device: its queue is dropped, and so are the retained messages under its subjects."""
        self.devices.forget(name)
        for request in self.queues.take(name):
            request.step(RequestInput.LOST, error="the device was forgotten")
        self._forget_events(name.link)

    def forward(self, link: DeviceLink, frames: list[bytes], sender: Callable[[], tuple[str, int]]) -> bool:
        """Send whole first-dialect *frames* (header and payload) to a device, unchanged if it speaks that dialect.

        :param sender: returns the address of the controller.
        :returns: False when the device's outbox has refused them, because the device does not read.
        """
        self.messages += len(frames)
        if not link.sent_subject:
            self._name_subjects(link)
        if want := self.bus.wants(link.sent_subject):
            payloads = [frame[HEADER:] for frame in frames]
            if want is Want.EACH:
                for payload in payloads:
                    self._publish_sent(link, [payload])
            else:
                self._publish_sent(link, payloads)
        if not link.answers:
            is_accepted = link.peer.send(frames[0] if len(frames) == 1 else b"".join(frames))
        else:
            envelope = {"from": address_text(*sender()), "deadline": self.rules.answer_timeout}
            pairs = [encode_pair({"id": next(self._ids)} | envelope, frame[HEADER:]) for frame in frames]
            is_accepted = link.peer.send(b"".join(pairs))
        self.settled["sent" if is_accepted else "failed"] += len(frames)
        if self.bus.wants(link.outcome_subject):
            self.outcomes.follow_frames(link, frames, address_text(*sender()), is_accepted)
        return is_accepted

    def request(
        self,
        target: Target,
        payload: bytes,
        sender: str,
        deadline: float | None,
        report: Callable[[RequestOutcome], None],
        caller: str = "",
    ) -> RelayRequest:
        """Send *payload* to a device as a request; see :class:`netd.relay.requests.RelayRequest`.

        :param deadline: seconds; bounded by ``max_deadline``, ``answer_timeout`` when None.
        :param caller: the sender for the event of the outcome, where that is to be told more than *sender*, which devices see.
        """
        rules = self.rules
        link = self.devices.resolve(target)
        name = self.devices.name_of(target.text) if link is None else None
        told = self.told(link if name is None else name.link, target.text, payload, caller or sender, report)
        request = self.new_request(payload, sender, deadline, told, caller)
        if link is not None:
            self.queues.start_clock(request, request.deadline)
            self._hand(link, request)
            return request
        if name is None:
            request.step(RequestInput.LOST, error=NO_SUCH_DEVICE)
        elif not self.queues.keep(rules, name, request, rules.queue_for if deadline is None else request.deadline):
            request.step(RequestInput.LOST, error=AWAY)
        return request

    def new_request(
        self, payload: bytes, sender: str, deadline: float | None, report: Callable[[RequestOutcome], None], caller: str = ""
    ) -> RelayRequest:
        """Return a request that is not on its way yet. The arguments are those of :meth:`request`."""
        seconds = min(self.rules.answer_timeout if deadline is None else deadline, self.rules.max_deadline)
        expires_at = None if deadline is None else self.monotonic() + seconds
        self.counts["requests"] += 1
        return RelayRequest(next(self._ids), payload, sender, seconds, expires_at, report, self.settled, caller)

    def keep_frame(self, target: Target, payload: bytes, sender: Callable[[], tuple[str, int]]) -> Keeping:
        """Put a message of a first-dialect controller into the offline queue of *target*. No later outcome can be reported to it.

        :returns: what becomes of that. It has failed when there is no such device, no queue, or no room in it.
        """
        keeping = Keeping()
        name = self.devices.name_of(target.text)
        told = self.told(None if name is None else name.link, target.text, payload, sender, keeping.told)
        if name is not None:
            who = address_text(*sender())
            request = RelayRequest(next(self._ids), payload, "", self.rules.answer_timeout, None, told, self.settled, who)
            if self.queues.keep(self.rules, name, request, self.rules.queue_for):
                return keeping
        self.settled["failed"] += 1
        told(RequestOutcome(RequestStatus.FAILED, True, error=NO_SUCH_DEVICE if name is None else AWAY))
        return keeping

    def told(
        self,
        link: DeviceLink | None,
        called: str,
        payload: bytes,
        sender: str | Callable[[], tuple[str, int]],
        report: Callable[[RequestOutcome], None],
    ) -> Callable[[RequestOutcome], None]:
        """Return what a request to *link* reports to: *report*, and the event of its outcome if somebody wants that.

        :param link: the device; None if it is none of this relay's.
        :param called: what the sender has called it.
        """
        if link is not None and not link.sent_subject:
            self._name_subjects(link)
        subject = self.subject("outcome", UNKNOWN) if link is None else link.outcome_subject
        if not self.bus.wants(subject):
            return report
        by = sender if isinstance(sender, str) else address_text(*sender())
        return self.outcomes.follow(subject, called if link is None else link.label, payload, by, report)

    def _follow_kept(self, name: DeviceName, payload: bytes, who: str, age: float) -> Callable[[RequestOutcome], None]:
        """Return what takes the outcomes of a message of an earlier run: nobody waits for them, and their event tells them."""
        subject, label = self.subject("outcome", name.link.subject), name.link.label
        return self.outcomes.follow(subject, label, payload, who, lambda _: None, age)

    def withdraw(self, request: RelayRequest) -> None:
        """Forget *request*, because its sender has gone; but not if it waits for a device to connect."""
        if not request.is_waiting:
            request.step(RequestInput.LOST)

    def answered(self, link: DeviceLink, request_id: object, happened: RequestInput, payload: bytes, error: str) -> None:
        """A device answered (or refused) the request with this id."""
        link.last_seen = self.bus.wall()
        request = (link.requests or {}).get(request_id) if isinstance(request_id, int) else None
        if request is None or not request.step(happened, payload, error):
            self.counts["answers_dropped"] += 1

    def said(self, link: DeviceLink, event: str, payload: bytes) -> None:
        """A device said something of its own accord."""
        link.last_seen = self.bus.wall()
        self.counts["said"] += 1
        said = DeviceSaid(link.label, event, *readable(payload))
        self.bus.publish(Message(self.subject("said", link.subject), said, weight=4 * len(payload)))

    def subject(self, kind: str, device: str) -> str:
        """Return the subject of events of *kind* about a device."""
        return f"{self.prefix}.{kind}.{device}"

    def _hand(self, link: DeviceLink, request: RelayRequest) -> None:
        if not link.sent_subject:
            self._name_subjects(link)
        if link.answers:
            envelope = {"id": request.id, "from": request.sender, "deadline": request.time_left(self.monotonic())}
            accepted = link.peer.send(encode_pair(envelope, request.payload))
        else:
            accepted = link.peer.send(encode_frame(request.payload))
        if not accepted:
            request.step(RequestInput.LOST, error="the device does not read what was sent before")
            return
        self.messages += 1
        if link.requests is None:
            link.requests = {}
        link.requests[request.id] = request
        request.holder = link.requests
        if self.bus.wants(link.sent_subject):
            self._publish_sent(link, [request.payload])
        self.after_turn(partial(self._handed, link, request))

    def _handed(self, link: DeviceLink, request: RelayRequest) -> None:
        if not link.is_online or request.is_done:
            return
        if link.is_clear:
            request.payload = b""
            request.step(RequestInput.HANDED if link.answers else RequestInput.TAKEN)
        else:
            link.when_clear(partial(self._handed, link, request), self.after_turn)

    def _forget_events(self, link: DeviceLink) -> None:
        for kind in ("presence", "said", "sent", "outcome"):
            self.bus.forget(self.subject(kind, link.subject))

    def _note_expired(self) -> None:
        self.counts["expired"] += 1

    def _name_subjects(self, link: DeviceLink) -> None:
        """Give *link* the subjects of messages to it, with the first of them: most of thousands of devices are sent nothing."""
        link.sent_subject = self.subject("sent", link.subject)
        link.outcome_subject = self.subject("outcome", link.subject)

    def _publish_sent(self, link: DeviceLink, payloads: list[bytes]) -> None:
        label, weight = link.label, 4 * sum(map(len, payloads))
        events = [DeviceSent(label, *readable(payload)) for payload in payloads]
        batch = events if len(events) > 1 else None
        self.bus.publish(Message(link.sent_subject, events[-1], weight=weight, batch=batch))

    def _publish_presence(self, link: DeviceLink, reason: str) -> None:
        address = link.address
        where = (link.name or address, address, link.is_online, link.generation, link.last_seen)
        presence = DevicePresence(*where, reason, link.since, link.aliases, link.answers)
        self.bus.publish(Message(self.subject("presence", link.subject), presence))
