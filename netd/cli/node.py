"""The option ``--on``: another node of the cluster, asked through the daemon that is connected."""

from __future__ import annotations

from types import TracebackType
from typing import TYPE_CHECKING, Any

import click

from netd.cli.text import escaped
from netd.client.control import OperationFailed

if TYPE_CHECKING:
    from netd.cli.invocation import ControlPort

__all__ = ["NodeControl", "call_each"]

LIST = "system.operations"
"""The operation whose result names instances."""


class NodeControl:
    """A daemon that stands for one of the other nodes: each call goes to that node.

    Its instances have the names that they have there, without the node.
    """

    def __init__(self, control: ControlPort, node: str) -> None:
        self._control = control
        self._node = node

    def __enter__(self) -> NodeControl:
        self._control.__enter__()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._control.__exit__(kind, error, trace)

    def call(self, method: str, /, **params: Any) -> Any:
        """Call an operation of the node."""
        instance = f"{params.pop('instance', None) or ''}@{self._node}"
        result = self._control.call(method, **params, instance=instance)
        return _own(result) if method == LIST else result

    def wait_closed(self) -> None:
        """Return: the connection is to another daemon, which goes on."""


def call_each(control: ControlPort, method: str, instance: str, **params: Any) -> Any:
    """Call an operation of one of several instances. Return None, after a note, if that one's node does not answer.

    :raises RemoteError: for an error of an instance of the daemon itself.
    """
    try:
        return control.call(method, instance=instance, **params)
    except OperationFailed as error:
        if "@" not in instance:
            raise
        click.echo(escaped(f"netd: {instance} is not in the list: {error}"), err=True)
        return None


def _own(table: Any) -> Any:
    """Return *table* without the instances that its node has of others, and without the operations that are left to none."""
    if not isinstance(table, list):
        return table
    kept = [{**one, "instances": [name for name in one["instances"] if "@" not in name]} for one in table]
    return [one for one in kept if one["instances"]]
