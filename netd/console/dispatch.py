"""Calling operations: one implementation behind every console."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from attrs import evolve
from twisted.internet.defer import Deferred, fail, gatherResults, maybeDeferred, succeed
from twisted.logger import Logger
from twisted.python.failure import Failure

from netd.codec.arguments import describe_argument, describe_result
from netd.codec.jsontypes import bind
from netd.console.audit import Audit
from netd.console.jsonrpc import Request, answer, failure, join, parse
from netd.console.reach import instances_for, subjects_of
from netd.console.results import OperationFacts
from netd.errors import InvalidArguments, NetdError, OperationFailed
from netd.interfaces import IBus
from netd.log import LogLimiter
from netd.operations import Caller, Operation, OperationTable, Role
from netd.principal import Action, Kind, Principal, check

__all__ = ["Dispatcher", "describe"]

MAX_ANSWERS = 1 << 22
"""Bytes of answers to one batch. Once they are more, the requests that are left are refused."""

KNOW_NAMES = Action("any operation", Role.VIEWER, frozenset({Kind.METRICS}))
"""The right to learn whether an operation of some name exists. Without it, every unknown name is refused like a forbidden one."""

LOGGED_EVERY = 1.0
"""Seconds between two log lines about the same operation."""


class Dispatcher:
    """Calls the operations of one table.

    Calls of operations that change something are logged, each operation once a second at most.

    :param monotonic: the monotonic clock, in seconds.
    :param bus: takes the events of the audit.
    :param logged_every: seconds between two log lines about the same operation.
    :ivar audit: publishes the calls, and what a console does beside its operations.
    """

    _log = Logger()

    def __init__(
        self, table: OperationTable, monotonic: Callable[[], float], bus: IBus, logged_every: float = LOGGED_EVERY
    ) -> None:
        self._table = table
        self.audit = Audit(bus, monotonic)
        self._limiter = LogLimiter(monotonic, logged_every)

    def call(self, name: str, params: Mapping[str, Any] | list[Any], caller: Caller) -> Deferred[Any]:
        """Call the operation *name* for *caller*, with arguments by name or by position.

        :returns: a Deferred of the operation's result. It fails with a :class:`netd.errors.NetdError` for a mistake that the
            caller should read about, and with any other exception for a fault of netd's own.
        """
        try:
            operation, instance, bound = self._prepare(name, params, caller)
        except NetdError as error:
            self._refused(name, params, caller, error)
            return fail(Failure())
        if operation.role > Role.VIEWER:
            self._note(caller, name)
        pending = self.audit.begin(operation, instance, params, caller)
        ended: Deferred[Any] = maybeDeferred(operation.function, **bound)
        return ended if pending is None else ended.addCallbacks(pending.done, pending.failed)

    def handle(self, text: bytes, caller: Caller) -> Deferred[bytes | None]:
        """Carry out the JSON-RPC 2.0 request or batch *text*.

        :returns: a Deferred of the answer, or of None if the request wants no answer. It never fails.
        """
        return self.carry_out(*parse(text), caller)

    def carry_out(self, requests: Sequence[Request], is_batch: bool, caller: Caller) -> Deferred[bytes | None]:
        """Carry out *requests*, as :func:`netd.console.jsonrpc.parse` returns them.

        Once the answers to a batch are longer than :data:`MAX_ANSWERS`, its remaining requests are refused.

        :returns: as :meth:`handle`.
        """
        if not is_batch:
            return self._carry_out_one(requests[0], caller)
        sizes: list[int] = []
        answers: Deferred[list[bytes | None]] = gatherResults(
            [self._carry_out_one(self._within(request, sizes), caller).addCallback(_measured, sizes) for request in requests]
        )
        return answers.addCallback(_joined)

    @staticmethod
    def _within(request: Request, sizes: list[int]) -> Request:
        if sum(sizes) <= MAX_ANSWERS:
            return request
        too_long = OperationFailed(f"the answers of this batch are over {MAX_ANSWERS >> 20} MiB together; ask for less at a time")
        return evolve(request, problem=too_long)

    def _refused(self, name: str, params: Mapping[str, Any] | list[Any], caller: Caller, why: NetdError) -> None:
        """Publish that a call was refused; but not if there is no such operation, which then has no role, either."""
        try:
            operation, instance, given = self._table.find(name, params if isinstance(params, Mapping) else {})
        except NetdError:
            return
        pending = self.audit.begin(operation, instance, params if isinstance(params, list) else given, caller)
        if pending is not None:
            pending.refused(why)

    def _note(self, caller: Caller, name: str) -> None:
        skipped = self._limiter.admit(name, caller.host)
        if skipped is not None:
            more = f" ({skipped} more before it)" if skipped else ""
            self._log.info("{who}: {operation}{more}", who=caller.who, operation=name, more=more, connection=caller.number)

    def _carry_out_one(self, request: Request, caller: Caller) -> Deferred[bytes | None]:
        if request.problem is not None:
            return succeed(failure(request.id, request.problem))
        done: Deferred[Any] = self.call(request.method, request.params, caller)
        return done.addCallbacks(_answered, self._failed, callbackArgs=(request,), errbackArgs=(request, caller))

    def _failed(self, why: Failure, request: Request, caller: Caller) -> bytes | None:
        error = why.value
        if not isinstance(error, NetdError):
            self._log.failure(
                "{who}: {operation} failed", why, who=caller.who, operation=request.method, connection=caller.number
            )
        if request.is_notification:
            return None
        return failure(request.id, error if isinstance(error, Exception) else RuntimeError())

    def _prepare(self, name: str, params: Mapping[str, Any] | list[Any], caller: Caller) -> tuple[Operation, str, dict[str, Any]]:
        principal = caller.principal
        if not self._table.is_open_to_all(name):
            check(principal, KNOW_NAMES)
        by_name = dict(params) if isinstance(params, Mapping) else {}
        operation, instance, given = self._table.find(name, by_name)
        looks_itself = operation.checks_subjects or operation.spans_services
        needed = None if looks_itself else subjects_of(operation.kind, instance)
        check(principal, operation.action, needed)
        if operation.is_lasting and caller.link is None:
            raise InvalidArguments(f"{name} needs a connection that stays open: a WebSocket (/ws), or the control socket")
        if isinstance(params, list):
            names = [argument.name for argument in operation.arguments]
            if len(params) > len(names):
                raise InvalidArguments(f"{name} takes at most {len(names)} arguments, not {len(params)}")
            given = dict(zip(names, params, strict=False))
        bound = bind(operation.arguments, given)
        if operation.caller is not None:
            bound[operation.caller] = caller.calling(operation.action)
        return operation, instance, bound


def _answered(result: object, request: Request) -> bytes | None:
    return None if request.is_notification else answer(request.id, result)


def _joined(answers: list[bytes | None]) -> bytes | None:
    wanted = [one for one in answers if one is not None]
    return join(wanted) if wanted else None


def _measured(answer: bytes | None, sizes: list[int]) -> bytes | None:
    sizes.append(len(answer or b""))
    return answer


def describe(table: OperationTable, principal: Principal) -> list[OperationFacts]:
    """Return all operations with the JSON Schemas of their arguments and results, for ``system.operations``.

    :param principal: a principal confined to some subjects is shown only the operations that it may call.
    """
    offered = ((operation, instances_for(principal, operation, instances)) for operation, instances in table)
    return [
        OperationFacts(
            operation.name,
            operation.kind,
            operation.role.name.lower(),
            operation.summary,
            list(instances),
            operation.is_lasting,
            [describe_argument(argument) for argument in operation.arguments],
            describe_result(operation),
        )
        for operation, instances in offered
        if instances
    ]
