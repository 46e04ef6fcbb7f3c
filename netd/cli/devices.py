"""``netd devices``: the devices of all relays of the daemon, or of one relay through its port."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import click

from netd.cli.generated import fetch_table
from netd.cli.invocation import Invocation, NetdCommand, NotFound
from netd.cli.node import call_each
from netd.cli.relay import RelayPlace
from netd.cli.server import controller, dialect_option, server_option
from netd.cli.text import online_since
from netd.plaintext import short_address

__all__ = ["devices", "devices_of", "is_meant", "relay_instances"]

MOST_ROWS = 1000
"""Devices that are asked for at a time, as many as ``relay.devices`` gives."""


@click.command(cls=NetdCommand)
@server_option
@dialect_option
@click.pass_obj
def devices(invocation: Invocation, server: RelayPlace | None, dialect: str) -> None:
    """List the devices of all relays: name, address, whether online."""
    found = devices_of(invocation, relay_instances(invocation)) if server is None else _of_relay(invocation, server, dialect)
    if invocation.as_json:
        invocation.print_json(found)
        return
    if not found:
        click.echo("no devices")
        return
    now = invocation.surroundings.wall_clock()
    has_many = len({device.get("instance") for device in found}) > 1
    columns = ("name", "address", "state", *(("relay",) if has_many else ()))
    rows = [[*_row(device, now), *((str(device.get("instance")),) if has_many else ())] for device in found]
    invocation.show_table(columns, rows)


def relay_instances(invocation: Invocation) -> tuple[str, ...]:
    """The instance names of the daemon's relays; at least one.

    :raises Failure: if the daemon has no relay, or cannot be asked.
    """
    for operation in fetch_table(invocation):
        if operation.name == "relay.devices" and operation.instances:
            return operation.instances
    if invocation.context() is not None:
        raise NotFound("there is no relay that this token may see, so there are no devices; `netd status` shows what it may")
    raise NotFound("no relay runs here, so there are no devices: add a section [relay] to the configuration of netd")


def devices_of(invocation: Invocation, instances: Iterable[str]) -> list[dict[str, Any]]:
    """The devices of these relays as ``relay.devices`` lists them, each with its relay as ``instance``.

    :raises Failure: when the daemon cannot be asked.
    """
    found: list[dict[str, Any]] = []
    with invocation.control() as control:
        for instance in instances:
            after: str | None = ""
            while after is not None:
                where = {"after": after} if after else {}
                page = call_each(control, "relay.devices", instance, limit=MOST_ROWS, **where)
                if page is None:
                    break
                found += [{**device, "instance": instance} for device in page["rows"]]
                after = page["after"]
    return found


def is_meant(device: Mapping[str, Any], target: str) -> bool:
    """Return True if *target* is the device's name, one of its aliases, or its address in any spelling."""
    from netd.client.relay import whole_address  # noqa: PLC0415 - only few commands need it, and all must start fast

    names = {device.get("name"), *(device.get("aliases") or ())} - {""}
    return target.strip() in names or whole_address(target) == device.get("address")


def _of_relay(invocation: Invocation, where: RelayPlace, dialect: str) -> list[dict[str, Any]]:
    with controller(invocation, where, dialect) as (relay, _):
        return [device._asdict() for device in relay.devices()]


def _row(device: Mapping[str, Any], now: float) -> list[str | tuple[str, str]]:
    state = online_since(device.get("online"), device.get("last_seen"), now)
    return [str(device.get("name") or "-"), short_address(str(device.get("address") or "-")), state]
