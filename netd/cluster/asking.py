"""Calls of operations on other nodes. Each is sent once, and never again; each ends, whatever becomes of the node.

Without an answer, the error tells by ``known`` whether the node has carried the operation out: ``no``, ``maybe`` or ``yes``.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NoReturn

from attrs import define, field
from twisted.internet.defer import Deferred, inlineCallbacks
from twisted.python.failure import Failure

from netd.cluster.callwire import (
    HEAD,
    LONGEST_NAME,
    PART,
    AnswerPart,
    BadCall,
    CallHead,
    MoreHead,
    Vouched,
    call_bytes,
    is_part,
    more_bytes,
    read_part,
)
from netd.cluster.interfaces import ILink, LinkLost, NoAnswer, NobodyThere
from netd.codec.jsontext import BadJSON, encode
from netd.console.jsonrpc import result_of
from netd.errors import NetdError, NotInTime, OperationFailed
from netd.operations import Caller

__all__ = ["PATIENCE", "NodeCalls", "vouched"]

PATIENCE = 120.0
"""Seconds within which a node answers, unless the operation has a deadline of its own."""

MARGIN = 5.0
"""Seconds beyond that deadline: the node tells its end itself."""

MOST_TO_ONE, MOST_TO_ALL = 128, 1024
"""Calls that are open at a time, to one node and to all of them."""

UNKNOWN = "whether it was carried out is not known"


def vouched(caller: Caller) -> Vouched:
    """Return *caller* as another node is told of it."""
    principal = caller.principal
    who = "".join(one if one.isprintable() else "?" for one in str(principal) or caller.origin)
    return Vouched(who[:LONGEST_NAME], principal.role.name.lower(), principal.subjects)


@define(eq=False)
class NodeCalls:
    """The calls of this node that wait for an answer.

    :param name: the name of this node.
    :ivar epoch: names this process.
    :ivar open: when the calls that wait began, by node.
    :ivar waited: seconds that the calls that have ended took, all together.
    """

    name: str
    root: str
    link: ILink
    monotonic: Callable[[], float]
    epoch: str = ""
    waited: float = field(default=0.0, init=False)
    counters: dict[str, int] = field(factory=lambda: {"calls": 0, "unanswered": 0}, init=False)
    open: dict[str, dict[Deferred[Any], float]] = field(factory=dict, init=False)
    _number: int = field(default=0, init=False)
    _waiting: int = field(default=0, init=False)

    def call(
        self, node: str, instance: str, method: str, arguments: dict[str, Any], caller: Vouched, seconds: float | None = None
    ) -> Deferred[Any]:
        """Call the operation *method* of an instance on *node*, on behalf of *caller*.

        :param seconds: for how long to wait; by default :data:`PATIENCE`, or as long as the argument ``deadline`` lets it take.
        :returns: a Deferred of the result as plain values. It fails as the operation does, or with an
            :class:`netd.errors.OperationFailed` that tells what is known.
        """
        request = encode({"jsonrpc": "2.0", "id": 1, "method": method, "params": {**arguments, "instance": instance}})
        if len(request) > PART:
            return _failed(f"the arguments have {len(request)} bytes; another node takes at most {PART}")
        if len(self.open.get(node, ())) >= MOST_TO_ONE or self._waiting >= MOST_TO_ALL:
            return _failed(f"too many calls wait for node {node}; nothing was sent")
        wait = _patience(arguments) if seconds is None else seconds
        head = CallHead(self.name, self.epoch, self._number + 1, caller, wait)
        body = call_bytes(head, request)
        if len(body) - len(request) > HEAD:
            return _failed(
                f"{caller.who} has too many subjects for another node: they take more than {HEAD} bytes; nothing was sent"
            )
        self._number += 1
        self.counters["calls"] += 1
        mine = self.open.setdefault(node, {})
        ended: Deferred[Any] = Deferred()
        mine[ended] = self.monotonic()
        self._waiting += 1
        subject = f"{self.root}.node.{node}.call"
        answered = self.link.request(subject, body, wait)
        answered.addCallbacks(self._answered, self._unanswered, (subject, head, node), errbackArgs=(node, wait))
        answered.addBoth(self._settle, ended, node)
        return ended

    def give_up(self, node: str, why: str) -> None:
        """Fail the calls that wait for *node*, because of *why*."""
        for ended in list(self.open.get(node, ())):
            self._take(ended, node)
            ended.errback(OperationFailed(f"{why}; {UNKNOWN}", {"known": "maybe"}))

    def abandon(self, node: str, ended: Deferred[Any]) -> None:
        """Fail the call of *node* that *ended* stands for: the connection of its caller has ended, as when a token is revoked."""
        if self._take(ended, node):
            ended.errback(OperationFailed(f"the connection of its caller has ended; {UNKNOWN}", {"known": "maybe"}))

    def give_up_all(self, why: str) -> None:
        """Fail all calls that wait."""
        for node in list(self.open):
            self.give_up(node, why)

    def _settle(self, result: Any, ended: Deferred[Any], node: str) -> None:
        if self._take(ended, node):
            ended.callback(result)  # a Failure, too

    def _take(self, ended: Deferred[Any], node: str) -> bool:
        """Take *ended* out of the calls that wait. Return False if it waits no more."""
        mine = self.open.get(node, {})
        if ended not in mine:
            return False
        self.waited += self.monotonic() - mine.pop(ended)
        if not mine:
            del self.open[node]
        self._waiting -= 1
        return True

    def _answered(self, body: bytes, subject: str, head: CallHead, node: str) -> Any:
        """The answer has come, or the first part of it. Return the result, or a Deferred of it."""
        if not is_part(body):  # as nearly always: a chain of generators would cost a third of the call
            return _result(body, node)
        whole: Deferred[bytes] = self._whole(subject, head, node, body)
        return whole.addCallback(_result, node)

    @inlineCallbacks
    def _whole(self, subject: str, head: CallHead, node: str, body: bytes) -> Any:
        """Return the whole answer, of which *body* is the first part."""
        try:
            part = read_part(body)
            pieces, have = [_full(part)], len(part.piece)
            while have < part.size:
                more = more_bytes(MoreHead(self.name, self.epoch, head.number, have))
                body = yield self.link.request(subject, more, head.seconds)
                following = read_part(body)
                if (following.size, following.begin) != (part.size, have):
                    raise BadCall("the parts do not fit")
                pieces.append(_full(following))
                have += len(following.piece)
        except (NobodyThere, LinkLost, NoAnswer, BadCall) as error:
            self.counters["unanswered"] += 1
            raise OperationFailed(
                f"node {node} has carried it out, and the rest of its answer did not come: {error}", {"known": "yes"}
            ) from None
        return b"".join(pieces)

    def _unanswered(self, failure: Failure, node: str, seconds: float) -> NoReturn:
        failure.trap(NobodyThere, LinkLost, NoAnswer)
        self.counters["unanswered"] += 1
        error = failure.value
        if isinstance(error, NobodyThere):
            raise OperationFailed(f"node {node} is not there", {"known": "no"})
        if isinstance(error, NoAnswer):
            raise NotInTime(f"node {node} did not answer within {seconds:g} s; {UNKNOWN}", {"known": "maybe"})
        if isinstance(error, LinkLost) and not error.was_sent:
            raise OperationFailed(f"node {node} cannot be reached: {error}", {"known": "no"})
        raise OperationFailed(f"the connection to NATS was lost before node {node} answered; {UNKNOWN}", {"known": "maybe"})


def _full(part: AnswerPart) -> bytes:
    """Return the bytes of *part*. Of small parts, a long answer would need as many questions as it has bytes."""
    if len(part.piece) != min(PART, part.size - part.begin):
        raise BadCall("a part is too short, or too long")
    return part.piece


def _result(text: bytes, node: str) -> Any:
    """Return the result in the answer *text*, or raise the error in it."""
    try:
        return result_of(text)
    except BadJSON as error:
        raise OperationFailed(f"node {node} gives an answer that cannot be read: {error}", {"known": "yes"}) from None
    except NetdError as error:  # it tells of "this netd", and what to do, from that node's view
        error.args = (f"on node {node}: {error}",)
        raise


def _failed(why: str) -> Deferred[Any]:
    failed: Deferred[Any] = Deferred()
    failed.errback(OperationFailed(why, {"known": "no"}))
    return failed


def _patience(arguments: dict[str, Any]) -> float:
    deadline = arguments.get("deadline")
    if isinstance(deadline, (int, float)) and not isinstance(deadline, bool) and deadline > 0:
        return max(PATIENCE, deadline + MARGIN)
    return PATIENCE
