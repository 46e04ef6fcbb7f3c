"""The daemon's table of operations, read from ``system.operations``.  Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from netd.codec.schemas import is_switch, metavar_of

__all__ = ["MAIN", "MalformedTable", "TableArgument", "TableOperation", "commands", "read_table", "services"]


MAIN = "main"
"""The instance that the daemon takes if several exist and none is named."""


class MalformedTable(ValueError):
    """The daemon's answer is no table of operations."""


@dataclass(frozen=True)
class TableArgument:
    """One argument of an operation.

    :ivar default: the value if it is left out; None if it is required.
    :ivar schema: the JSON schema of its values.
    """

    name: str
    is_required: bool
    default: Any
    schema: Mapping[str, Any]

    @property
    def flag(self) -> str:
        """The option for it: ``--max-count`` for ``max_count``."""
        return "--" + self.name.replace("_", "-")

    @property
    def usage(self) -> str:
        """Its form in a usage line: ``TARGET``, ``[--deadline NUMBER]``, or ``[--wait|--no-wait]``."""
        if self.is_required:
            return self.name.upper()
        said = "|".join(self.switches) if is_switch(self.schema) else f"{self.flag} {metavar_of(self.schema)}"
        return f"[{said}]"

    @property
    def switches(self) -> tuple[str, str]:
        """The flags for true and false of a boolean argument: ``--wait`` and ``--no-wait``."""
        return self.flag, f"--no-{self.flag[2:]}"


@dataclass(frozen=True)
class TableOperation:
    """One operation.

    :ivar name: ``service.verb``.
    :ivar instances: names of the services that offer it.
    :ivar is_lasting: its effect ends with the caller's connection, so that it cannot be a command.
    :ivar result: the JSON schema of its result.
    """

    name: str
    role: str
    summary: str
    instances: tuple[str, ...]
    arguments: tuple[TableArgument, ...]
    is_lasting: bool = False
    result: Mapping[str, Any] = field(default_factory=dict)

    @property
    def service(self) -> str:
        """The part of its name before the first dot."""
        return self.name.partition(".")[0]

    @property
    def verb(self) -> str:
        """The part of its name after the first dot."""
        return self.name.partition(".")[2]


def read_table(value: Any) -> list[TableOperation]:
    """The operations in the result of ``system.operations``.

    :raises MalformedTable: if it has another form: the daemon is of another version.
    """
    try:
        return [_operation(one) for one in value]
    except (KeyError, TypeError, AttributeError) as error:
        raise MalformedTable(
            "the operations have an unknown form: netd and this command are of different versions; update the older one"
        ) from error


def _operation(entry: Mapping[str, Any]) -> TableOperation:
    arguments = tuple(
        TableArgument(str(one["name"]), bool(one["required"]), one.get("default"), dict(one["schema"]))
        for one in entry["arguments"]
    )
    return TableOperation(
        str(entry["name"]),
        str(entry["role"]),
        str(entry["summary"]),
        tuple(entry["instances"]),
        arguments,
        bool(entry.get("lasting")),
        dict(entry.get("result", {})),
    )


def services(table: Iterable[TableOperation]) -> dict[str, list[TableOperation]]:
    """The operations of each service, by its name."""
    found: dict[str, list[TableOperation]] = {}
    for operation in table:
        found.setdefault(operation.service, []).append(operation)
    return found


def commands(table: Iterable[TableOperation]) -> dict[str, list[TableOperation]]:
    """The operations of each service that can be commands because their effect outlasts the connection."""
    return services(operation for operation in table if not operation.is_lasting)
