"""Calls of other nodes: carried out here, once each, with no more rights than this node grants."""

from __future__ import annotations

from typing import Any

from attrs import define, field, frozen
from twisted.internet.defer import Deferred
from twisted.logger import Logger
from twisted.python.failure import Failure

from netd.cluster.callwire import LONGEST, PART, BadCall, CallHead, MoreHead, part_bytes, read_call
from netd.cluster.interfaces import ILink
from netd.cluster.numbers import SeenNumbers
from netd.cluster.rights import names_node, translated
from netd.console.dispatch import Dispatcher
from netd.console.jsonrpc import BadRequest, answer, failure, parse
from netd.errors import InvalidArguments, NetdError, NotPermitted, OperationFailed
from netd.log import LogLimiter
from netd.operations import Caller, OperationTable, Role
from netd.principal import Principal, Proof

__all__ = ["CallAnswers"]

ORIGIN = "cluster"
"""The console of callers of other nodes, for the log and the audit. Which node it is stands with the caller's name."""

MOST_OPEN = 256
"""Calls of one node that are carried out at a time."""

KEPT_FOR = 30.0
"""Seconds for which the rest of a long answer is kept."""

MOST_KEPT = 1 << 26
"""Bytes of long answers that are kept together."""

GRANTS = {"nothing": Role.NOBODY, "viewer": Role.VIEWER, "operator": Role.OPERATOR, "admin": Role.ADMIN}

_KINDS = ("audit", "system")
"""First tokens of subjects that belong to no kind of service."""


@frozen
class _Vouched:
    """The connection of a caller, which is another node's."""

    principal: Principal


@define(eq=False)
class CallAnswers:
    """Carries out calls of other nodes.

    :param name: the name of this node.
    :param grant: the highest role of callers of other nodes.
    :ivar counters: calls that were carried out, and those that were not, by reason.
    """

    _log = Logger()

    name: str
    grant: str
    link: ILink
    table: OperationTable
    dispatcher: Dispatcher
    reactor: Any
    counters: dict[str, int] = field(init=False)
    _seen: SeenNumbers = field(factory=SeenNumbers, init=False)
    _open: dict[str, int] = field(factory=dict, init=False)
    _kept: dict[tuple[str, int], tuple[bytes, Any]] = field(factory=dict, init=False)
    _limiter: LogLimiter = field(init=False)

    def __attrs_post_init__(self) -> None:
        self.counters = {"answered": 0, "doubled": 0, "bad": 0, "too many": 0}
        self._limiter = LogLimiter(self.reactor.seconds)

    def received(self, _subject: str, body: bytes, reply: str) -> None:
        """A request of another node has come."""
        try:
            head, request = read_call(body)
            if not reply:
                raise BadCall("it says nowhere to answer to")
        except BadCall as error:
            self.counters["bad"] += 1
            skipped = self._limiter.admit("bad call")
            if skipped is not None:
                self._log.warn("cluster: a call that cannot be read is ignored: {error}", error=error)
            return
        if isinstance(head, MoreHead):
            self._send_more(head, reply)
        elif self._seen.is_new(head.epoch, head.number, self.reactor.seconds()):
            self._carry_out(head, request, reply)
        else:  # the answer to the first one is on its way; the network has doubled the call
            self.counters["doubled"] += 1

    def stop(self) -> None:
        """Forget the answers that are kept."""
        for _, forget in self._kept.values():
            forget.cancel()
        self._kept.clear()

    def _carry_out(self, head: CallHead, request: bytes, reply: str) -> None:
        node = head.node
        if self._open.get(node, 0) >= MOST_OPEN:
            self.counters["too many"] += 1
            refused = OperationFailed(f"node {self.name}: {MOST_OPEN} calls of node {node} are open", {"known": "no"})
            self.link.send(reply, failure(None, refused))
            return
        self._open[node] = self._open.get(node, 0) + 1
        self.counters["answered"] += 1
        try:
            done = self._begin(head, request)
        except NetdError:
            self._answer(failure(None, Failure().value), head, reply)  # type: ignore[arg-type]
        else:
            done.addCallbacks(lambda result: answer(None, result), self._failed, errbackArgs=(head,))
            done.addCallback(self._answer, head, reply)

    def _begin(self, head: CallHead, request: bytes) -> Deferred[Any]:
        """Begin to carry out *request*.

        :raises NetdError: if it cannot be.
        """
        requests, is_batch = parse(request)
        asked = requests[0]
        if is_batch or asked.problem is not None:
            raise asked.problem or BadRequest("a call is one request")
        params = asked.params
        instance = params.get("instance") if isinstance(params, dict) else None
        if not isinstance(instance, str) or "@" in instance:  # or calls could go round
            raise InvalidArguments("instance: a call between nodes names an instance of the node that is called")
        caller = Caller(_Vouched(self._principal(head)), ORIGIN)
        return self.dispatcher.call(asked.method, params, caller)

    def _principal(self, head: CallHead) -> Principal:
        """Return the principal that *head* vouches for, with the lower of its role and of what is granted.

        :raises NotPermitted: if nothing is granted, or the caller may see nothing here.
        """
        vouched = head.caller
        granted = GRANTS[self.grant]
        if granted is Role.NOBODY:
            raise NotPermitted(f"node {self.name} grants callers of other nodes nothing (`grant` in its section [cluster])")
        role = min(GRANTS.get(vouched.role, Role.NOBODY), granted)
        subjects = None
        if vouched.subjects is not None:
            try:
                subjects = translated(vouched.subjects, head.node, self.name, self._kinds())
            except ValueError as error:
                raise NotPermitted(str(error)) from None
            if not names_node(subjects):
                raise NotPermitted(f"this token is for {', '.join(vouched.subjects)}, of which node {self.name} has none")
        return Principal(f"{vouched.who} from node {head.node}", role, subjects, Proof.NODE)

    def _kinds(self) -> list[str]:
        return sorted({operation.kind for operation, _ in self.table}.union(_KINDS))

    def _failed(self, why: Failure, head: CallHead) -> bytes:
        error = why.value
        if not isinstance(error, NetdError):
            self._log.failure("cluster: a call of node {node} failed", why, node=head.node)
        elif isinstance(error, NotPermitted) and GRANTS.get(head.caller.role, Role.NOBODY) > GRANTS[self.grant]:
            error = NotPermitted(f"{error}; node {self.name} grants callers of other nodes no more than `{self.grant}`")
        return failure(None, error)  # type: ignore[arg-type]

    def _answer(self, text: bytes, head: CallHead, reply: str) -> None:
        left = self._open[head.node] - 1
        if left:
            self._open[head.node] = left
        else:
            del self._open[head.node]
        if len(text) > PART:
            text = self._keep(text, head)
        self.link.send(reply, part_bytes(text, 0))

    def _keep(self, text: bytes, head: CallHead) -> bytes:
        """Keep the rest of a long answer for a while. Return what is to be answered."""
        kept = sum(len(one) for one, _ in self._kept.values())
        if len(text) > LONGEST or kept + len(text) > MOST_KEPT:
            why = f"the answer of node {self.name} has {len(text)} bytes, which is too long for now; ask for less"
            return failure(None, OperationFailed(why, {"known": "yes"}))
        key = head.epoch, head.number
        self._kept[key] = text, self.reactor.callLater(KEPT_FOR, self._kept.pop, key)
        return text

    def _send_more(self, head: MoreHead, reply: str) -> None:
        kept = self._kept.get((head.epoch, head.number))
        if kept is None or not 0 <= head.begin < len(kept[0]):
            return
        text, forget = kept
        self.link.send(reply, part_bytes(text, head.begin))
        if head.begin + PART >= len(text):
            forget.cancel()
            del self._kept[head.epoch, head.number]
