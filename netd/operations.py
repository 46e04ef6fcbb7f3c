"""One table of operations: everything that a console (control socket, manhole, gateway, command line) can do.

A service declares its operations once, as annotated functions; every console is generated from the table.  The table knows
names, roles and help.  It knows no wire format: ``netd.console`` checks arguments and speaks JSON-RPC.
"""

from __future__ import annotations

import difflib
import enum
import inspect
import typing
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping

from attrs import field, frozen

from netd.errors import InvalidArguments, NoSuchOperation

__all__ = ["MAIN", "NO_DEFAULT", "Argument", "Operation", "OperationTable", "Role", "default_instance"]

MAIN = "main"
"""The instance name of a section without one: ``[relay]`` is instance ``main`` of kind ``relay``."""


class Role(enum.IntEnum):
    """Who may call an operation; each role may do all that a lower one may."""

    VIEWER = 1
    OPERATOR = 2
    ADMIN = 3


class _NoDefault(enum.Enum):
    NO_DEFAULT = enum.auto()


NO_DEFAULT = _NoDefault.NO_DEFAULT
"""The default of an argument that must be given."""


@frozen
class Argument:
    """One argument of an operation, read off its function's signature.

    :ivar type: the annotation, e.g. ``str``, ``float | None``, ``list[int]``.
    """

    name: str
    type: object
    default: object = NO_DEFAULT

    @property
    def is_required(self) -> bool:
        return self.default is NO_DEFAULT


def default_instance(instances: Collection[str]) -> str | None:
    """The one of *instances* that is meant where none is named: the only one, or ``main``; None where neither is there."""
    if len(instances) == 1:
        return next(iter(instances))
    return MAIN if MAIN in instances else None


def _arguments(function: Callable[..., object]) -> tuple[Argument, ...]:
    hints = typing.get_type_hints(function)
    arguments = []
    for parameter in inspect.signature(function).parameters.values():
        if parameter.name not in hints:
            raise ValueError(f"{function.__qualname__}: argument {parameter.name} has no annotation")
        default = NO_DEFAULT if parameter.default is parameter.empty else parameter.default
        arguments.append(Argument(parameter.name, hints[parameter.name], default))
    return tuple(arguments)


@frozen
class Operation:
    """Something that a console can do.

    :ivar name: ``service.verb``, e.g. ``relay.send``.
    :ivar function: takes the arguments by name; returns a JSON-encodable value, a Deferred or a coroutine of one.
        Raises :class:`netd.errors.OperationFailed` for trouble that the caller should read about.
    :ivar role: the least role that may call it.
    :ivar summary: one line of help.
    """

    name: str
    function: Callable[..., object]
    role: Role
    summary: str
    arguments: tuple[Argument, ...] = field(init=False)

    def __attrs_post_init__(self) -> None:
        object.__setattr__(self, "arguments", _arguments(self.function))


class OperationTable:
    """All operations of one daemon, by name and instance.

    Two relays (``[relay]`` and ``[relay:lab2]``) both offer ``relay.send``: callers choose with the extra argument
    ``instance``.  Left out, it means ``main``, or the only instance that there is.
    """

    def __init__(self) -> None:
        self._operations: dict[str, dict[str, Operation]] = {}

    def add(self, operations: Iterable[Operation], instance: str = MAIN) -> None:
        """Offer *operations* under *instance*.

        :raises ValueError: when that instance already offers one of that name: two services collide.
        """
        for operation in operations:
            instances = self._operations.setdefault(operation.name, {})
            if instance in instances:
                raise ValueError(f"operation {operation.name} of instance {instance} is offered twice")
            instances[instance] = operation

    def __iter__(self) -> Iterator[tuple[Operation, tuple[str, ...]]]:
        """Each operation by name, with the instances that offer it."""
        for name in sorted(self._operations):
            instances = self._operations[name]
            yield next(iter(instances.values())), tuple(sorted(instances))

    def find(self, name: str, parameters: Mapping[str, object]) -> tuple[Operation, dict[str, object]]:
        """The operation to call, and *parameters* without ``instance``.

        :raises NoSuchOperation: with the nearest names.
        :raises InvalidArguments: when ``instance`` is needed, or names none.
        """
        instances = self._operations.get(name)
        if instances is None:
            near = difflib.get_close_matches(name, self._operations, 3)
            hint = f" (did you mean {' or '.join(near)}?)" if near else ""
            raise NoSuchOperation(f"no operation {name!r}{hint}")
        rest = dict(parameters)
        wanted = rest.pop("instance", None)
        chosen = default_instance(instances) if wanted is None else wanted
        operation = instances.get(chosen) if isinstance(chosen, str) else None
        if operation is not None:
            return operation, rest
        offered = ", ".join(sorted(instances))
        if wanted is None:
            raise InvalidArguments(f"instance: {name} has the instances {offered}; say which")
        there_are = f"there are {offered}" if len(instances) > 1 else f"there is only {offered}"
        raise InvalidArguments(f"no instance {wanted!r:.80}; {there_are}")
