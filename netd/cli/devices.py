"""``netd devices``: the devices of all nodes, of all relays of the daemon, or of one relay through its port."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from netd.cli.generated import fetch_table
from netd.cli.invocation import Invocation, NetdCommand, NotFound
from netd.cli.node import call_each
from netd.cli.peers import pages
from netd.cli.proof import proof_options, read_proof
from netd.cli.relay import RelayPlace
from netd.cli.server import controller, dialect_option, server_option
from netd.cli.text import ago, online_since
from netd.plaintext import short_address

if TYPE_CHECKING:
    from netd.cli.invocation import ControlPort
    from netd.cli.table import TableOperation

__all__ = ["ALL_NODES", "devices", "every_device", "is_meant", "relay_instances"]

ALL_NODES = "cluster.devices"
"""The operation that lists the devices of all nodes of a cluster."""

MOST_ROWS = 1000
"""Devices that are asked for at a time, as many as ``relay.devices`` gives."""


@click.command(cls=NetdCommand)
@server_option
@dialect_option
@proof_options
@click.pass_obj
def devices(invocation: Invocation, server: RelayPlace | None, dialect: str, token_file: Path | None) -> None:
    """List the devices of all nodes: name, address, whether online."""
    if server is None:
        found = every_device(invocation, fetch_table(invocation))
    else:
        found = _of_relay(invocation, server, dialect, read_proof(invocation, token_file))
    if invocation.as_json:
        invocation.print_json([{**device, "address": short_address(str(device.get("address") or ""))} for device in found])
        return
    if not found:
        click.echo("no devices")
        return
    now = invocation.surroundings.wall_clock()
    where = ["node"] if any(device.get("node") for device in found) else []
    where += ["instance"] if len({device.get("instance") for device in found}) > 1 else []
    columns = ("name", "address", "state", *("relay" if column == "instance" else column for column in where))
    rows = [[*_row(device, now), *(str(device.get(column) or "-") for column in where)] for device in found]
    invocation.show_table(columns, rows)


def every_device(invocation: Invocation, table: Iterable[TableOperation]) -> list[dict[str, Any]]:
    """The devices of all relays in the *table* of operations, each with its relay as ``instance``.

    In a cluster, the daemon lists those of all nodes itself, each with its ``node``.

    :raises Failure: if the daemon has no relay, or cannot be asked.
    """
    if not any(operation.name == ALL_NODES for operation in table):
        return _devices_of(invocation, relay_instances(invocation, table))
    with invocation.control() as control:
        return list(pages(lambda where: control.call(ALL_NODES, limit=MOST_ROWS, **where)))


def relay_instances(invocation: Invocation, table: Iterable[TableOperation]) -> tuple[str, ...]:
    """The instance names of the relays in the *table* of operations; at least one.

    :raises Failure: if there is none.
    """
    operations = {operation.name: operation for operation in table}
    if "relay.devices" in operations and operations["relay.devices"].instances:
        return operations["relay.devices"].instances
    if invocation.context() is not None:
        raise NotFound("there is no relay that this token may see, so there are no devices; `netd status` shows what it may")
    if ALL_NODES in operations:
        raise NotFound("no relay runs here, and no other node with one can be reached now; `netd nodes` lists the nodes")
    raise NotFound("no relay runs here, so there are no devices: add a section [relay] to the configuration of netd")


def _devices_of(invocation: Invocation, instances: Iterable[str]) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    with invocation.control() as control:
        for instance in instances:
            devices = pages(partial(_page_of, control, instance))
            found += [{**device, "instance": instance} for device in devices]
    return found


def _page_of(control: ControlPort, instance: str, where: Mapping[str, str]) -> Any:
    return call_each(control, "relay.devices", instance, limit=MOST_ROWS, **where)


def is_meant(device: Mapping[str, Any], target: str) -> bool:
    """Return True if *target* is the device's name, one of its aliases, or its address in any spelling."""
    from netd.client.relay import whole_address  # noqa: PLC0415 - only few commands need it, and all must start fast

    names = {device.get("name"), *(device.get("aliases") or ())} - {""}
    return target.strip() in names or whole_address(target) == device.get("address")


def _of_relay(invocation: Invocation, where: RelayPlace, dialect: str, proof: Mapping[str, str]) -> list[dict[str, Any]]:
    with controller(invocation, where, dialect, proof) as (relay, _):
        return [device._asdict() for device in relay.devices()]


def _row(device: Mapping[str, Any], now: float) -> list[str | tuple[str, str]]:
    state = online_since(device.get("online"), device.get("last_seen"), now)
    if isinstance(as_of := device.get("as_of"), int | float):
        state = (f"not known since {ago(as_of, now)}", "dim")  # its node cannot be reached
    return [str(device.get("name") or "-"), short_address(str(device.get("address") or "-")), state]
