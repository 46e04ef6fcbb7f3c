"""The other nodes of the cluster, by their hellos: which are there, which are gone, and what is not known.

Silence alone is no death. A silent node is asked, and is gone when NATS says that nobody responds to its name, or when it leaves
two questions unanswered while NATS itself answers. While this node has no NATS, nobody dies.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from attrs import frozen
from twisted.internet.defer import Deferred
from twisted.logger import Logger

from netd import __version__
from netd.cluster.following import Following, Held, Received
from netd.cluster.hello import PROTOCOL, Hello, NoHello, read_hello, write_hello
from netd.cluster.inquiries import PROBE_TIME, Inquiries
from netd.cluster.interfaces import ILink
from netd.cluster.member import Member, MemberInput, MemberState
from netd.cluster.questions import ALIVE, PATIENCE, Answer, Questions
from netd.interfaces import ISubscription
from netd.log import LogLimiter, told_of

__all__ = ["KEPT", "LIMITS", "MOST_NODES", "Nodes"]

BEAT = 1.0
"""Seconds between two hellos."""

SOONEST = 0.05
"""Least seconds between two hellos, when something changes again and again."""

LIMITS = {
    MemberState.JOINING: 3.0,
    MemberState.THERE: 1.3,
    MemberState.SUSPECT: 0.0,
    MemberState.UNREACHABLE: 4.0,  # the others may be slower than this node to find NATS again: up to 3 s
    MemberState.INCOMPATIBLE: 10.0,
}
"""Seconds of silence until something has to be done, by state."""

LEAST_WAIT = 0.2
"""Least seconds between two looks for silent nodes."""

MOST_NODES = 1000
"""Nodes that are known at a time. Hellos of others are counted."""

KEPT = 600.0
"""Seconds for which a node that is gone can still be named."""

GREAT_SKEW = 1.0
"""Difference of two nodes' wall clocks, in seconds, that is warned of."""

There = Callable[[Member], Any]
GoneBy = Callable[[Member, str], Any]
Unreachable = Callable[[], Any]


@frozen
class _Watcher:
    there: There
    gone: GoneBy
    unreachable: Unreachable
    forgotten: There | None
    leaving: Callable[[], Any] | None


class Nodes:
    """The members of the cluster. Provides :class:`netd.cluster.member.MemberShell`.

    :param cluster: name of the cluster.
    :param wall: the wall clock.
    :param announce: called with each member whose state has changed.
    :ivar name: the name of this node.
    :ivar epoch: names this process, since it has joined.
    :ivar root: how all subjects of the cluster begin.
    :ivar members: the other nodes by name, but for those that are gone.
    :ivar absent: nodes that are gone, by name; for :data:`KEPT` seconds.
    :ivar refused: hellos that did not count, by reason.
    :ivar twin: called when another process says hello by this node's name, with that hello.
    """

    _log = Logger()

    def __init__(self, name: str, cluster: str, link: ILink, reactor: Any, wall: Callable[[], float], announce: There) -> None:
        self.name = name
        self.root = f"netd.{cluster}"
        self.epoch = ""
        self.link = link
        self.members: dict[str, Member] = {}
        self.absent: dict[str, Member] = {}
        self.refused = {"bad hello": 0, "too many nodes": 0}
        self.twin: Callable[[Hello], Any] | None = None
        self.questions = Questions(link, self.root, lambda: self.epoch)
        self._reactor = reactor
        self._wall = wall
        self._announce = announce
        self._limiter = LogLimiter(reactor.seconds)
        self._watchers: list[_Watcher] = []
        self._following = Following(self.questions)
        self._inquiries = Inquiries(self.questions, link, reactor.seconds)
        self._versions: dict[str, int] = {}
        self._beat = 0
        self._said = 0.0
        self._reason = ""
        self._hello_timer: Any = None
        self._look_timer: Any = None
        self._hellos: ISubscription | None = None
        self.answer(ALIVE, self._alive)

    # What the other parts use

    def watch(
        self,
        there: There,
        gone: GoneBy,
        unreachable: Unreachable = lambda: None,
        forgotten: There | None = None,
        leaving: Callable[[], Any] | None = None,
    ) -> None:
        """Call these when something happens.

        :param there: called with a member that has joined, or that is there again after this node had lost NATS.
        :param gone: called with a member that is there no more, and the reason; also when it was started again.
        :param unreachable: called when this node has lost NATS.
        :param forgotten: called with a member that has been gone for :data:`KEPT` seconds.
        :param leaving: called when this node is about to tell the others that it leaves. What is posted then comes before that.
        """
        self._watchers.append(_Watcher(there, gone, unreachable, forgotten, leaving))

    def ask(self, node: str, what: str, after: object = None, seconds: float = PATIENCE) -> Deferred[Any]:
        """Ask a member; see :meth:`Questions.ask`. An answer of another process than the one that is known does not count."""
        member = self.members.get(node)
        return self.questions.ask(node, what, after, member.epoch if member is not None else None, seconds)

    def answer(self, what: str, function: Answer) -> None:
        """Answer questions for *what* by *function*."""
        self.questions.answer(what, function)

    def follow(self, what: str, receive: Received, held: Held | None = None) -> None:
        """Ask each member for *what* when it is there, and whenever a hello says another version of it.

        :param what: one of :data:`netd.cluster.hello.ASPECTS`.
        :param receive: called with the member and its answer. It returns where to go on, or None when that was all.
        :param held: for what comes by itself, too: tells the version of what has come from a member. It is asked again only if
            that stays another one than the member says.
        """
        self._following.receivers[what] = receive
        if held is not None:
            self._following.held[what] = held

    def bump(self, what: str) -> None:
        """Say hello soon: *what* this node can be asked for has changed."""
        self._versions[what] = self._versions.get(what, 0) + 1
        self._hello_by(self._said + SOONEST)

    def note(self, what: str, version: int) -> None:
        """Note the version of *what* this node can be asked for. The next hello says it."""
        self._versions[what] = version

    # This node itself

    def start(self) -> None:
        """Follow the link. This node joins by :meth:`enter`."""
        self.link.watch(self._came_up, self._went_down)

    def enter(self) -> None:
        """Join in a new epoch: say hello from now on, and take the hellos of others."""
        self._beat = 0
        self.questions.start(self.name)
        self._hellos = self.link.subscribe(f"{self.root}.hello", self._received)
        self._say_hello()

    def leave(self, reason: str) -> None:
        """Leave: tell the others, and forget them. Nothing happens if this node has not joined."""
        if self._hellos is None:
            return
        if self.link.is_up:
            for watcher in self._watchers:
                if watcher.leaving is not None:
                    watcher.leaving()
            self.link.release()
            self._say(self.link.post, is_last=True)  # behind all events: the others take none of a node that has left
        self._hellos.cancel()
        self._hellos = None
        self.questions.stop()
        for timer in (self._hello_timer, self._look_timer):
            if timer is not None:
                timer.cancel()
        self._hello_timer = self._look_timer = None
        self._reason = reason
        for member in list(self.members.values()):
            member.step(MemberInput.LEFT)
        self._reason = ""

    def beats(self, other: Hello) -> bool:
        """Whether the name that this process and that of *other* both have is this one's: it has joined earlier."""
        return (self._beat, self.epoch) > (other.beat, other.epoch)

    def _hello_by(self, due: float) -> None:
        """Have the next hello said at *due* at the latest."""
        if self._hellos is None:
            return
        if self._hello_timer is not None and self._hello_timer.getTime() > due:
            self._hello_timer.cancel()
            self._hello_timer = None
        if self._hello_timer is None:
            self._hello_timer = self._reactor.callLater(max(0.0, due - self._reactor.seconds()), self._say_hello)

    def _say_hello(self) -> None:
        self._hello_timer = None
        self._said = self._reactor.seconds()
        if self.link.is_up:  # a hello that waits for NATS would say nothing when it comes
            self._say(self.link.send)
        self._forget_absent()
        self._hello_by(self._said + BEAT)

    def _say(self, send: Callable[[str, bytes], Any], is_last: bool = False) -> None:
        self._beat += 1
        hello = Hello(self.name, self.epoch, self._beat, self._wall(), self._versions, is_last)
        send(f"{self.root}.hello", write_hello(hello))

    def _alive(self, _after: object) -> dict[str, Any]:
        return {"epoch": self.epoch, "release": __version__}

    def _came_up(self) -> None:
        now = self._reactor.seconds()
        for member in self.members.values():  # what they said meanwhile has not come
            member.seen = now
        if self._hellos is not None:
            self._hello_by(now)
            self._look_by(now + LIMITS[MemberState.UNREACHABLE])
        self._release()

    def _release(self) -> None:
        """Let events go to the other nodes, once all that this node has lost together with NATS are back."""
        if not any(member.state is MemberState.UNREACHABLE for member in self.members.values()):
            self.link.release()

    def _went_down(self, reason: str) -> None:
        self._inquiries.forget()
        for member in list(self.members.values()):
            member.why = reason
            member.step(MemberInput.LOST)
        for watcher in self._watchers:
            watcher.unreachable()

    # The hellos of others

    def _received(self, _subject: str, body: bytes, _reply: str) -> None:
        try:
            hello = read_hello(body)
        except NoHello as error:
            self._refuse("bad hello", f"a message that is no hello: {error}")
            return
        if hello.node == self.name:
            if self.twin is not None and hello.epoch != self.epoch and not hello.is_last:
                self.twin(hello)
            return
        member = self.members.get(hello.node) or self.absent.get(hello.node)
        if member is None:
            if len(self.members) >= MOST_NODES:
                self._refuse("too many nodes", f"a node beyond the {MOST_NODES} that can be known, {hello.node}")
                return
            member = Member(hello.node, self)
        self._take(member, hello)

    def _take(self, member: Member, hello: Hello) -> None:
        now = self._reactor.seconds()
        if hello.protocol != PROTOCOL:
            member.protocol, member.seen = hello.protocol, now
            member.step(MemberInput.OTHER_VERSION)
            self._look_by(now + LIMITS[MemberState.INCOMPATIBLE])
        elif hello.is_last:
            if hello.epoch == member.epoch and not member.is_late(hello.epoch, hello.beat):
                member.beat = hello.beat
                member.step(MemberInput.LEFT)
        elif not member.is_late(hello.epoch, hello.beat):
            member.hello(hello.epoch, hello.beat, now)
            member.note_time(hello.sent, self._wall())
            member.versions = dict(hello.versions)
            self._warn_of_skew(member)
            self._following.look(member)
            self._look_by(now + LIMITS[member.state])

    def _refuse(self, kind: str, what: str) -> None:
        self.refused[kind] += 1
        skipped = self._limiter.admit(kind)
        if skipped is not None:
            self._log.warn("cluster: {what!r}; it is ignored{more}", what=what, more=told_of(skipped))

    def _warn_of_skew(self, member: Member) -> None:
        skew = member.skew or 0.0
        if abs(skew) > GREAT_SKEW and self._limiter.admit("skew", member.name) is not None:
            self._log.warn(
                "cluster: the clock of node {node} is {seconds:.1f} s {direction} this one's: have both set by NTP",
                node=member.name,
                seconds=abs(skew),
                direction="ahead of" if skew > 0 else "behind",
            )

    # Silence

    def _look_by(self, due: float) -> None:
        """Look for silent nodes at *due* at the latest. A look that comes too early asks when the next is due."""
        if self._hellos is None:
            return
        if self._look_timer is not None and self._look_timer.getTime() > due:
            self._look_timer.cancel()
            self._look_timer = None
        if self._look_timer is None:
            self._look_timer = self._reactor.callLater(max(LEAST_WAIT, due - self._reactor.seconds()), self._look)

    def _look(self) -> None:
        self._look_timer = None
        now, due = self._reactor.seconds(), None
        for member in list(self.members.values()) if self.link.is_up else ():
            silent = member.seen + LIMITS[member.state]
            if self._inquiries.is_asking(member):
                silent = now + PROBE_TIME  # nothing may come of it
            elif now >= silent:
                member.step(MemberInput.SILENT)
                silent = now + PROBE_TIME
            due = silent if due is None else min(due, silent)
        if due is not None:
            self._look_by(due)

    # netd.cluster.member.MemberShell

    def ask_alive(self, member: Member) -> None:
        """See :class:`MemberShell`. A newcomer learns of this node at once, too."""
        self._inquiries.ask(member)
        self._hello_by(self._said + SOONEST)

    def probe(self, member: Member) -> None:
        """See :class:`MemberShell`."""
        self._inquiries.probe(member)

    def arrived(self, member: Member) -> None:
        """See :class:`MemberShell`."""
        member.there_since = self._reactor.seconds()
        self.absent.pop(member.name, None)
        self._hello_by(self._said + SOONEST)
        self._release()
        for watcher in self._watchers:
            watcher.there(member)
        self._following.begin(member)

    def parted(self, member: Member, reason: str) -> None:
        """See :class:`MemberShell`."""
        member.why = self._reason or reason
        self._following.end(member)
        member.since = self._reactor.seconds()
        self.absent[member.name] = member
        while len(self.absent) > MOST_NODES:
            self.forget(next(iter(self.absent)))
        self._release()
        for watcher in self._watchers:
            watcher.gone(member, member.why)
        if member.state is MemberState.ABSENT:
            self._announce(member)

    def changed(self, member: Member) -> None:
        """See :class:`MemberShell`."""
        now = self._reactor.seconds()
        member.since = member.there_since if member.state is MemberState.THERE else now
        if member.is_there:
            member.why = ""
        if member.state is MemberState.ABSENT:
            self.members.pop(member.name, None)
        else:
            self.members[member.name] = member
            self._look_by(now + LIMITS[member.state])
            if member.state is not MemberState.JOINING:  # of which there are as many as somebody makes up
                self._announce(member)

    def _forget_absent(self) -> None:
        before = self._reactor.seconds() - KEPT
        for member in [member for member in self.absent.values() if member.since <= before]:
            self.forget(member.name)

    def forget(self, name: str) -> None:
        """Forget a node that is gone, and all that is known of it. When it is back, it is a new one."""
        member = self.absent.pop(name)
        for watcher in self._watchers:
            if watcher.forgotten is not None:
                watcher.forgotten(member)
