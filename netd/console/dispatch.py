"""Calling operations: one implementation behind every console."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from twisted.internet.defer import Deferred, fail, gatherResults, maybeDeferred, succeed
from twisted.logger import Logger
from twisted.python.failure import Failure

from netd.console.jsonrpc import Request, answer, failure, join, parse
from netd.errors import InvalidArguments, NetdError, NotPermitted
from netd.operations import Operation, OperationTable, Role
from netd.wire.jsontext import bind, schema

__all__ = ["Dispatcher", "describe"]


class Dispatcher:
    """Calls the operations of one table.

    :param who: the console, for the log: ``control socket``, ``manhole``, …
    """

    _log = Logger()

    def __init__(self, table: OperationTable, who: str) -> None:
        self._table = table
        self._who = who

    def call(self, name: str, params: Mapping[str, Any] | list[Any], role: Role) -> Deferred[Any]:
        """Call the operation *name* as *role*, with arguments by name or by position.

        :returns: a Deferred of its result. Fails with a :class:`netd.errors.NetdError` for everything that the caller should
            read about, and with any other exception for a fault of netd's own.
        """
        try:
            operation, bound = self._prepare(name, params, role)
        except NetdError:
            return fail(Failure())
        if operation.role > Role.VIEWER:
            self._log.info("{who}: {operation}", who=self._who, operation=name)
        return maybeDeferred(operation.function, **bound)

    def handle(self, text: bytes, role: Role) -> Deferred[bytes | None]:
        """Carry out the JSON-RPC 2.0 request or batch *text*.

        :returns: a Deferred of the answer, None when none is wanted; never fails.
        """
        requests, is_batch = parse(text)
        answers: Deferred[list[bytes | None]] = gatherResults([self._handle_one(request, role) for request in requests])

        def assemble(given: list[bytes | None]) -> bytes | None:
            wanted = [one for one in given if one is not None]
            if not wanted:
                return None
            return join(wanted) if is_batch else wanted[0]

        return answers.addCallback(assemble)

    def _handle_one(self, request: Request, role: Role) -> Deferred[bytes | None]:
        if request.problem is not None:
            return succeed(failure(request.id, request.problem))
        done: Deferred[Any] = self.call(request.method, request.params, role)
        done.addCallbacks(lambda result: answer(request.id, result), lambda why: self._failed(request, why))
        if request.is_notification:
            done.addCallback(lambda _: None)
        return done

    def _failed(self, request: Request, why: Failure) -> bytes:
        if not isinstance(why.value, NetdError):
            self._log.failure("{who}: {operation} failed", why, who=self._who, operation=request.method)
        error = why.value
        return failure(request.id, error if isinstance(error, Exception) else RuntimeError())

    def _prepare(self, name: str, params: Mapping[str, Any] | list[Any], role: Role) -> tuple[Operation, dict[str, Any]]:
        by_name = dict(params) if isinstance(params, Mapping) else {}
        operation, given = self._table.find(name, by_name)
        if operation.role > role:
            raise NotPermitted(f"{name} takes the role {operation.role.name.lower()}; this is {role.name.lower()}")
        if isinstance(params, list):
            names = [argument.name for argument in operation.arguments]
            if len(params) > len(names):
                raise InvalidArguments(f"{name} takes at most {len(names)} arguments, not {len(params)}")
            given = dict(zip(names, params, strict=False))
        return operation, bind(operation.arguments, given)


def describe(table: OperationTable) -> list[dict[str, Any]]:
    """All operations with their arguments' JSON Schemas, for ``system.operations``."""
    return [
        {
            "name": operation.name,
            "role": operation.role.name.lower(),
            "summary": operation.summary,
            "instances": list(instances),
            "arguments": [
                {"name": argument.name, "required": argument.is_required, "schema": schema(argument.type)}
                | ({} if argument.is_required else {"default": argument.default})
                for argument in operation.arguments
            ],
        }
        for operation, instances in table
    ]
