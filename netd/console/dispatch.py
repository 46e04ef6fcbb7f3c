"""Calling operations: one implementation behind every console."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from attrs import evolve
from twisted.internet.defer import Deferred, fail, gatherResults, maybeDeferred, succeed
from twisted.logger import Logger
from twisted.python.failure import Failure

from netd.codec.jsontext import bind, schema
from netd.console.jsonrpc import Request, answer, failure, join, parse
from netd.console.reach import instances_for, subjects_of
from netd.errors import InvalidArguments, NetdError, OperationFailed
from netd.log import LogLimiter
from netd.operations import Caller, Operation, OperationTable, Role
from netd.principal import Action, Principal, check

__all__ = ["Dispatcher", "describe"]

MAX_ANSWERS = 1 << 22
"""Bytes of answers to one batch after which nothing more of it is carried out."""

KNOW_NAMES = Action("any operation", Role.VIEWER)
"""What it takes to learn whether there is an operation of some name."""

LOGGED_EVERY = 1.0
"""Seconds between two log lines about the same operation."""


class Dispatcher:
    """Calls the operations of one table.

    :param monotonic: the clock, which is never set back; what changes something is logged, each operation once a second at most.
    """

    _log = Logger()

    def __init__(self, table: OperationTable, monotonic: Callable[[], float]) -> None:
        self._table = table
        self._limiter = LogLimiter(monotonic, LOGGED_EVERY)

    def call(self, name: str, params: Mapping[str, Any] | list[Any], caller: Caller) -> Deferred[Any]:
        """Call the operation *name* for *caller*, with arguments by name or by position.

        :returns: a Deferred of its result. Fails with a :class:`netd.errors.NetdError` for everything that the caller should
            read about, and with any other exception for a fault of netd's own.
        """
        try:
            operation, bound = self._prepare(name, params, caller)
        except NetdError:
            return fail(Failure())
        if operation.role > Role.VIEWER:
            self._note(caller, name)
        return maybeDeferred(operation.function, **bound)

    def handle(self, text: bytes, caller: Caller) -> Deferred[bytes | None]:
        """Carry out the JSON-RPC 2.0 request or batch *text*.

        :returns: a Deferred of the answer, None when none is wanted; never fails.
        """
        return self.carry_out(*parse(text), caller)

    def carry_out(self, requests: Sequence[Request], is_batch: bool, caller: Caller) -> Deferred[bytes | None]:
        """Carry out what :func:`netd.console.jsonrpc.parse` read. Of a batch whose answers become too long the rest is refused.

        :returns: as :meth:`handle`.
        """
        sizes: list[int] = []
        answers: Deferred[list[bytes | None]] = gatherResults(
            [self._handle_one(self._within(request, sizes), caller).addCallback(_measured, sizes) for request in requests]
        )

        def assemble(given: list[bytes | None]) -> bytes | None:
            wanted = [one for one in given if one is not None]
            if not wanted:
                return None
            return join(wanted) if is_batch else wanted[0]

        return answers.addCallback(assemble)

    @staticmethod
    def _within(request: Request, sizes: list[int]) -> Request:
        if sum(sizes) <= MAX_ANSWERS:
            return request
        too_long = OperationFailed(f"the answers of this batch are over {MAX_ANSWERS >> 20} MiB together; ask for less at a time")
        return evolve(request, problem=too_long)

    def _note(self, caller: Caller, name: str) -> None:
        skipped = self._limiter.admit(name)
        if skipped is not None:
            more = f" ({skipped} more before it)" if skipped else ""
            self._log.info("{who}: {operation}{more}", who=caller.who, operation=name, more=more)

    def _handle_one(self, request: Request, caller: Caller) -> Deferred[bytes | None]:
        if request.problem is not None:
            return succeed(failure(request.id, request.problem))
        done: Deferred[Any] = self.call(request.method, request.params, caller)
        done.addCallbacks(lambda result: answer(request.id, result), lambda why: self._failed(request, caller, why))
        if request.is_notification:
            done.addCallback(lambda _: None)
        return done

    def _failed(self, request: Request, caller: Caller, why: Failure) -> bytes:
        if not isinstance(why.value, NetdError):
            self._log.failure("{who}: {operation} failed", why, who=caller.who, operation=request.method)
        error = why.value
        return failure(request.id, error if isinstance(error, Exception) else RuntimeError())

    def _prepare(self, name: str, params: Mapping[str, Any] | list[Any], caller: Caller) -> tuple[Operation, dict[str, Any]]:
        if not self._table.is_open_to_all(name):
            check(caller.principal, KNOW_NAMES)
        by_name = dict(params) if isinstance(params, Mapping) else {}
        operation, instance, given = self._table.find(name, by_name)
        looks_itself = operation.checks_subjects or operation.spans_services
        needed = None if looks_itself else subjects_of(operation.kind, instance)
        check(caller.principal, operation.action, needed)
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
        return operation, bound


def _measured(answer: bytes | None, sizes: list[int]) -> bytes | None:
    sizes.append(len(answer or b""))
    return answer


def describe(table: OperationTable, principal: Principal) -> list[dict[str, Any]]:
    """All operations with their arguments' JSON Schemas, for ``system.operations``.

    :param principal: one that is confined to some subjects is shown those alone that it may call.
    """
    offered = ((operation, instances_for(principal, operation, instances)) for operation, instances in table)
    return [
        {
            "name": operation.name,
            "kind": operation.kind,
            "role": operation.role.name.lower(),
            "summary": operation.summary,
            "instances": list(instances),
            "lasting": operation.is_lasting,
            "arguments": [
                {"name": argument.name, "required": argument.is_required, "schema": schema(argument.type)}
                | ({} if argument.is_required else {"default": argument.default})
                for argument in operation.arguments
            ],
        }
        for operation, instances in offered
        if instances
    ]
