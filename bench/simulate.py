"""A cluster of many nodes in one process, on a clock that is played: traffic, processor, and how soon all nodes know the same.

``make simulate`` runs it. The nodes find, suspect and lose each other by netd's own code (``netd.cluster.nodes``, with hellos,
questions and probes as they are); NATS, the network and the devices are modelled. A seed repeats a run. What a message costs was
measured, see ``COSTS``. ``--check`` compares three nodes of it with three real ones. It prints Markdown.
"""

from __future__ import annotations

import argparse
import heapq
import itertools
import random
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from attrs import define, field
from real_cluster import measure_real
from servers import default_netd_command
from twisted.internet.defer import Deferred, fail
from twisted.logger import LogPublisher, globalLogBeginner
from zope.interface import implementer

from netd.cluster.hello import ASPECTS
from netd.cluster.interfaces import ILink, LinkLost, NoAnswer, NobodyThere
from netd.cluster.member import Member, MemberState
from netd.cluster.nodes import Nodes
from netd.interfaces import ISubscription

ROWS = 1000
"""Devices of one part of a list."""

BEGIN = 1_790_000_000.0
"""The time by the wall clock at which it begins."""

WIRE = 45
"""Bytes that NATS adds to a message, its subject among them."""


@define
class Costs:
    """Seconds of a node's processor, and bytes. Measured on one core of a server of 2024 by ``bench/cluster.py``.

    :ivar publish: to send a message that has no company.
    :ivar receive: to receive one.
    :ivar event: to take one event of presence out of a batch, into the directory.
    :ivar row_out: to write one device of a list.
    :ivar row_in: to read it.
    """

    publish: float = 34e-6
    receive: float = 55e-6
    event: float = 9e-6
    row_out: float = 3e-6
    row_in: float = 5e-6
    row_size: int = 120
    event_size: int = 240
    line: float = 125e6
    """Bytes a second that the network card of the NATS server sends."""
    latency: float = 0.0003


COSTS = Costs()


class Call:
    """A call that waits for its time."""

    __slots__ = ("_due", "_function", "is_open")

    def __init__(self, due: float, function: Callable[[], Any]) -> None:
        self._due = due
        self._function = function
        self.is_open = True

    def cancel(self) -> None:
        """Do not call."""
        self.is_open = False

    def getTime(self) -> float:  # noqa: N802 - Twisted's name
        """The time of the call."""
        return self._due

    def run(self) -> None:
        """Call, unless that was cancelled."""
        if self.is_open:
            self.is_open = False
            self._function()


class PlayedClock:
    """A clock whose time is that of the next call. It keeps a heap: the calls of a hundred nodes are too many to sort."""

    def __init__(self) -> None:
        self._now = 0.0
        self._order = itertools.count()
        self._calls: list[tuple[float, int, Call]] = []

    def seconds(self) -> float:
        """The time."""
        return self._now

    def callLater(self, delay: float, function: Callable[..., Any], *words: Any) -> Call:  # noqa: N802 - Twisted's name
        """Call *function* in *delay* seconds."""
        call = Call(self._now + delay, lambda: function(*words) if words else function())
        heapq.heappush(self._calls, (call.getTime(), next(self._order), call))
        return call

    def run_until(self, end: float) -> None:
        """Play until *end*."""
        while self._calls and self._calls[0][0] <= end:
            self._now, _, call = heapq.heappop(self._calls)
            call.run()
        self._now = end


@define
class Traffic:
    """What has passed the NATS server, without what NATS adds, as ``/varz`` of a real one counts it."""

    messages_in: int = 0
    messages_out: int = 0
    bytes_in: int = 0
    bytes_out: int = 0


class PlayedNet:
    """A NATS server and the network, modelled: each message takes its time on the server's line, one after another."""

    def __init__(self, clock: PlayedClock) -> None:
        self.clock = clock
        self.traffic = Traffic()
        self.subscriptions: dict[str, list[PlayedSubscription]] = {}
        self._line_free = 0.0
        self._replies = itertools.count()

    def publish(self, sender: PlayedLink, message: Played) -> bool:
        """Pass *message* on. Return False if nobody wants it."""
        size, traffic = message.size, self.traffic
        wanted = [one for one in self.subscriptions.get(message.subject, ()) if one.link is not sender and one.link.is_up]
        traffic.messages_in += 1
        traffic.bytes_in += size
        traffic.messages_out += len(wanted)
        traffic.bytes_out += size * len(wanted)
        for one in wanted:
            self._line_free = max(self._line_free, self.clock.seconds()) + (size + WIRE) / COSTS.line
            arrival = self._line_free + COSTS.latency - self.clock.seconds()
            self.clock.callLater(arrival, one.link.arrive, one, message)
        return bool(wanted)

    def reply_subject(self) -> str:
        """Make a subject for one answer."""
        return f"_INBOX.{next(self._replies)}"


@define
class Played:
    """A message. Its size counts the devices or events that it stands for, which are not in its body.

    :ivar work: seconds that the receiver needs for it, beside those to receive it.
    """

    subject: str
    body: bytes
    reply: str = ""
    extra: int = 0
    work: float = 0.0

    @property
    def size(self) -> int:
        """Bytes of the body."""
        return len(self.body) + self.extra


@implementer(ISubscription)
@define(eq=False)
class PlayedSubscription:
    """A subscription of one link to one subject."""

    link: PlayedLink
    subject: str
    receive: Callable[[str, bytes, str], Any]

    def cancel(self) -> None:
        """Deliver nothing more."""
        others = self.link.net.subscriptions.get(self.subject, [])
        if self in others:
            others.remove(self)


@define(eq=False)
class PlayedRequest:
    """A question that waits for its answer."""

    answer: Deferred[bytes]
    timer: Call


@implementer(ILink)
class PlayedLink:
    """The link of one node, and its processor, which does one thing after another.

    :ivar spent: seconds of its processor so far.
    """

    def __init__(self, net: PlayedNet) -> None:
        self.net = net
        self.is_up = False
        self.server = ""
        self.spent = 0.0
        self.extra, self.work = 0, 0.0
        self._free = 0.0
        self._connection = 0
        self._watchers: list[tuple[Callable[[], Any], Callable[[str], Any]]] = []
        self._requests: dict[str, PlayedRequest] = {}

    def spend(self, seconds: float) -> float:
        """Use the processor. Return how long it takes until that is done."""
        self.spent += seconds
        self._free = max(self._free, self.net.clock.seconds()) + seconds
        return self._free - self.net.clock.seconds()

    def _publish(self, message: Played) -> bool:
        message.extra, self.extra = message.extra + self.extra, 0
        message.work, self.work = message.work + self.work, 0.0
        self.spend(COSTS.publish)
        return self.net.publish(self, message)

    def arrive(self, subscription: PlayedSubscription, message: Played) -> None:
        """A message has come over the network."""
        if self.is_up:
            done = self.spend(COSTS.receive + message.work)
            self.net.clock.callLater(done, self._receive, self._connection, subscription, message)

    def _receive(self, connection: int, subscription: PlayedSubscription, message: Played) -> None:
        if connection == self._connection:
            subscription.receive(message.subject, message.body, message.reply)

    # ILink

    def post(self, subject: str, body: bytes) -> None:
        """See :class:`ILink`, as for all that follow."""
        if self.is_up:
            self._publish(Played(subject, body))

    def send(self, subject: str, body: bytes, reply: str = "") -> bool:
        """Send once."""
        return self.is_up and (self._publish(Played(subject, body, reply)) or True)

    def request(self, subject: str, body: bytes, seconds: float) -> Deferred[bytes]:
        """Ask."""
        if not self.is_up:
            return fail(LinkLost("there is no NATS", was_sent=False))
        reply = self.net.reply_subject()
        answered = PlayedSubscription(self, reply, lambda _subject, body, _reply: self._answered(reply, body))
        self.net.subscriptions[reply] = [answered]
        if not self._publish(Played(subject, body, reply)):
            del self.net.subscriptions[reply]
            return fail(NobodyThere(f"nobody answers to {subject}"))
        answer: Deferred[bytes] = Deferred()
        timer = self.net.clock.callLater(seconds, self._late, reply)
        self._requests[reply] = PlayedRequest(answer, timer)
        return answer

    def _answered(self, reply: str, body: bytes) -> None:
        request = self._end(reply)
        if request is not None:
            request.answer.callback(body)

    def _late(self, reply: str) -> None:
        request = self._end(reply)
        if request is not None:
            request.answer.errback(NoAnswer("no answer in time"))

    def _end(self, reply: str) -> PlayedRequest | None:
        self.net.subscriptions.pop(reply, None)
        request = self._requests.pop(reply, None)
        if request is not None:
            request.timer.cancel()
        return request

    def subscribe(self, pattern: str, receive: Callable[[str, bytes, str], Any]) -> PlayedSubscription:
        """Subscribe to one subject."""
        subscription = PlayedSubscription(self, pattern, receive)
        self.net.subscriptions.setdefault(pattern, []).append(subscription)
        return subscription

    def flush(self, seconds: float) -> Deferred[None]:
        """Ask the server, which is quick."""
        flushed: Deferred[None] = Deferred()
        self.net.clock.callLater(self.spend(COSTS.publish) + 2 * COSTS.latency, flushed.callback, None)
        return flushed

    def release(self) -> None:
        """Nothing is held back here."""

    def watch(self, came_up: Callable[[], Any], went_down: Callable[[str], Any]) -> None:
        """Call these."""
        self._watchers.append((came_up, went_down))

    # What happens to it

    def go_up(self) -> None:
        """Connect."""
        self.is_up, self.server = True, "nats://played:4222"
        self._connection += 1
        for came_up, _ in self._watchers:
            came_up()

    def go_down(self) -> None:
        """Lose the connection, and all requests."""
        self.is_up, self.server = False, ""
        self._connection += 1
        for reply in list(self._requests):
            request = self._end(reply)
            if request is not None:
                request.answer.errback(LinkLost("NATS was lost", was_sent=True))
        for _, went_down in self._watchers:
            went_down("NATS was lost")


@define(eq=False)
class PlayedNode:
    """A node with devices. It knows of each other node up to which event it has heard.

    :ivar events: number of events of presence so far, of this process.
    :ivar known: by node, its epoch and the number of its newest event that is known.
    """

    number: int
    cluster: PlayedCluster
    devices: int
    link: PlayedLink
    nodes: Nodes
    events: int = 0
    known: dict[str, tuple[str, int]] = field(factory=dict)
    is_alive: bool = True

    @property
    def subject(self) -> str:
        """Where its events of presence go."""
        return f"{self.nodes.root}.turn.{self.nodes.name}.relay.main"

    def start(self) -> None:
        """Start the process."""
        for aspect in ASPECTS:
            self.nodes.note(aspect, 1)
        self.nodes.answer("devices", self._list)
        self.nodes.follow("devices", self._take)
        self.nodes.watch(lambda member: None, self._gone, self.known.clear)
        self.nodes.start()
        self.link.go_up()
        self.nodes.epoch = f"{next(self.cluster.epochs):08x}"
        self.nodes.enter()

    def hear(self, other: PlayedNode) -> None:
        """Follow the presence of *other*."""
        self.link.subscribe(other.subject, lambda subject, body, reply: self._heard(body))

    def change(self, count: int) -> None:
        """So many of its devices come or go, in one turn."""
        self.events += count
        self.link.extra = count * COSTS.event_size
        self.link.work = count * COSTS.event
        words = f"{self.nodes.name} {self.nodes.epoch} {self.events} {self.cluster.net.clock.seconds()}"
        self.link.post(self.subject, words.encode())

    def _heard(self, body: bytes) -> None:
        name, epoch, events, sent = body.decode().split()
        self.cluster.delays.append(self.cluster.net.clock.seconds() - float(sent))
        if self.known.get(name, ("", 0))[0] == epoch:
            self.known[name] = (epoch, max(int(events), self.known[name][1]))

    def _list(self, after: Any) -> dict[str, Any]:
        begin = int(after or 0)
        rows = min(ROWS, self.devices - begin)
        self.cluster.rows += rows
        self.link.spend(rows * COSTS.row_out)
        self.link.extra, self.link.work = rows * COSTS.row_size, rows * COSTS.row_in
        more = begin + rows
        return {"after": more if more < self.devices else None, "events": self.events}

    def _take(self, member: Member, answer: Any) -> Any:
        if answer["after"] is None:
            self.known[member.name] = (member.epoch, int(answer["events"]))
        return answer["after"]

    def _gone(self, member: Member, reason: str) -> None:
        self.known.pop(member.name, None)
        if not self.is_alive:
            return
        self.link.spend(min(self.devices, self.cluster.options.devices) * COSTS.event)
        self.cluster.deaths.append((self.cluster.net.clock.seconds(), member.name))


class PlayedCluster:
    """A cluster."""

    def __init__(self, count: int, options: argparse.Namespace) -> None:
        self.options = options
        self.epochs = itertools.count(1)
        self.chance = random.Random(options.seed)
        self.clock = PlayedClock()
        self.net = PlayedNet(self.clock)
        self.delays: list[float] = []
        self.deaths: list[tuple[float, str]] = []
        self.rows = 0
        self.nodes = [self.make(number) for number in range(count)]
        for node in self.nodes:
            self.introduce(node)

    def make(self, number: int) -> PlayedNode:
        """Make a node, which does not run yet."""
        link = PlayedLink(self.net)
        nodes = Nodes(f"n{number}", "played", link, self.clock, lambda: BEGIN + self.clock.seconds(), lambda member: None)
        return PlayedNode(number, self, self.options.devices, link, nodes)

    def introduce(self, node: PlayedNode) -> None:
        """Let *node* follow all others."""
        for other in self.nodes:
            if other is not node:
                node.hear(other)

    def is_settled(self) -> bool:
        """Whether all nodes that live know the same, which is true."""
        alive = [node for node in self.nodes if node.is_alive]
        return all(
            one.known.get(other.nodes.name) == (other.nodes.epoch, other.events)
            for one in alive
            for other in alive
            if one is not other
        ) and all(self._is_there(one) for one in alive)

    @staticmethod
    def _is_there(node: PlayedNode) -> bool:
        return all(member.state is MemberState.THERE for member in node.nodes.members.values())

    def settle(self, most: float = 240.0) -> float | None:
        """Play until all is settled. Return the seconds that it took; None if they were too many."""
        begin = self.clock.seconds()
        while self.clock.seconds() - begin < most:
            if self.is_settled():
                return self.clock.seconds() - begin
            self.clock.run_until(self.clock.seconds() + 0.05)
        return None

    def play(self, seconds: float) -> Traffic:
        """Play so long. Return the traffic of that time."""
        self.net.traffic = Traffic()
        self.clock.run_until(self.clock.seconds() + seconds)
        return self.net.traffic

    def spent(self) -> list[float]:
        """Seconds of processor that each node has used."""
        return [node.link.spent for node in self.nodes]

    def kill(self, node: PlayedNode) -> None:
        """Kill the process of *node*: nothing of it answers any more."""
        node.is_alive = False
        node.link.go_down()
        node.nodes.leave("it was killed")

    def restart(self, node: PlayedNode) -> PlayedNode:
        """Start *node* anew."""
        fresh = self.make(node.number)
        self.nodes[node.number] = fresh
        for subscriptions in self.net.subscriptions.values():
            subscriptions[:] = [one for one in subscriptions if one.link is not node.link]
        self.introduce(fresh)
        fresh.start()
        return fresh


def quantile(values: list[float], share: float) -> float:
    """The value below which *share* of *values* are; 0 of none."""
    return sorted(values)[min(len(values) - 1, int(share * len(values)))] if values else 0.0


def size(value: float) -> str:
    """A number of bytes, for people."""
    for unit in ("B", "kB", "MB"):
        if value < 1000:
            return f"{value:.3g} {unit}"
        value /= 1000
    return f"{value:.3g} GB"


def took(seconds: float | None) -> str:
    """A time, for people."""
    return "never" if seconds is None else f"{seconds:.2f} s"


class Scenario:
    """What happens to a cluster of one size, and what is seen of it."""

    def __init__(self, count: int, options: argparse.Namespace) -> None:
        self._cluster = PlayedCluster(count, options)
        self._count = count
        self._options = options

    def run(self) -> dict[str, str]:
        """Play all. Return a row of the table."""
        cluster, count = self._cluster, self._count
        began = time.monotonic()
        for node in cluster.nodes:
            cluster.clock.callLater(cluster.chance.random() * 2, node.start)
        cluster.play(2.0)
        row = {"nodes": str(count), "devices": f"{count * self._options.devices:,}"}
        row["all started at once"] = took(cluster.settle())
        row |= self._idle() | self._churn() | self._death() | self._outage()
        row["played in"] = f"{time.monotonic() - began:.0f} s"
        return row

    def _idle(self) -> dict[str, str]:
        before, traffic = self._cluster.spent(), self._cluster.play(10.0)
        share = max(after - before for after, before in zip(self._cluster.spent(), before, strict=True)) / 10
        return {
            "idle: into NATS": f"{size(traffic.bytes_in / 10)}/s",
            "out of it": f"{size(traffic.bytes_out / 10)}/s",
            "a node": f"{share:.2%}",
        }

    def _churn(self) -> dict[str, str]:
        """Each device connects anew once in so many seconds, on average, for a while."""
        cluster, seconds = self._cluster, 20.0
        rate = 2 * self._options.devices / self._options.every
        end = cluster.clock.seconds() + seconds

        def come_or_go(node: PlayedNode) -> None:
            if cluster.clock.seconds() < end:
                node.change(1)
                cluster.clock.callLater(cluster.chance.expovariate(rate), come_or_go, node)

        for node in cluster.nodes:
            cluster.clock.callLater(cluster.chance.expovariate(rate), come_or_go, node)
        before = cluster.spent()
        cluster.delays.clear()
        traffic = cluster.play(seconds)
        share = max(after - start for after, start in zip(cluster.spent(), before, strict=True)) / seconds
        late = cluster.settle()
        return {
            "coming and going: messages out of NATS": f"{traffic.messages_out / seconds:,.0f}/s",
            "a node ": f"{share:.1%}",
            "p99 of an event": f"{quantile(cluster.delays, 0.99) * 1e3:.1f} ms",
            "then all alike after": took(late),
        }

    def _death(self) -> dict[str, str]:
        cluster = self._cluster
        victim = cluster.nodes[self._count // 2]
        cluster.deaths.clear()
        died = cluster.clock.seconds()
        cluster.kill(victim)
        cluster.play(6.0)
        seen = [at - died for at, name in cluster.deaths if name == victim.nodes.name]
        false = len(cluster.deaths) - len(seen)
        cluster.restart(victim)
        cluster.net.traffic = Traffic()
        back = cluster.settle()
        return {
            "a node dies: seen by": f"{len(seen)} of {self._count - 1}",
            "first, last": f"{min(seen, default=0):.2f}, {max(seen, default=0):.2f} s",
            "it is back after": took(back),
            "for": size(cluster.net.traffic.bytes_out),
            "false deaths": str(false),
        }

    def _outage(self) -> dict[str, str]:
        """NATS is away for three seconds, while devices come and go."""
        cluster = self._cluster
        cluster.deaths.clear()
        for node in cluster.nodes:
            node.link.go_down()
        cluster.play(3.0)
        for node in cluster.nodes:
            cluster.clock.callLater(cluster.chance.random() * 2, node.link.go_up)
        cluster.net.traffic, cluster.rows = Traffic(), 0
        cluster.clock.run_until(cluster.clock.seconds() + 2.0)
        back = cluster.settle()
        return {
            "NATS was away: all alike after": took(back),
            "for ": size(cluster.net.traffic.bytes_out),
            "rows": f"{cluster.rows:,}",
            "false deaths ": str(len(cluster.deaths)),
        }


def main(words: list[str]) -> int:
    """Run the program."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--nodes", type=int, nargs="+", default=[3, 10, 30])
    parser.add_argument("--devices", type=int, default=10_000, help="of each node")
    parser.add_argument("--every", type=float, default=3600.0, help="seconds after which a device connects anew, on average")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--check", action="store_true", help="compare with three real nodes of at most 200 devices each")
    parser.add_argument("--nats", default=str(Path(sys.executable).with_name("nats-server")), metavar="PATH")
    parser.add_argument("--netd", default=default_netd_command(), metavar="COMMAND")
    options = parser.parse_args(words)
    globalLogBeginner.beginLoggingTo([LogPublisher()], redirectStandardIO=False)
    if options.check:
        options.nodes, options.devices = [3], min(options.devices, 200)
    rows = [Scenario(count, options).run() for count in options.nodes]
    if options.check:
        rows.append(dict.fromkeys(rows[0], "") | measure_real(options.nats, options.netd, options.devices) | {"nodes": "3, real"})
    for name in rows[0]:
        print("| " + " | ".join([name.strip(), *(row[name] for row in rows)]) + " |")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
