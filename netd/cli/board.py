"""``netd board``: boards of the dashboard as files."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from netd.cli.invocation import Failure, Invocation, NetdCommand, NotFound
from netd.cli.node import call_each
from netd.cli.table import read_table
from netd.client.control import NoSuchTarget, Outdated

if TYPE_CHECKING:
    from netd.cli.invocation import ControlPort

__all__ = ["board"]


@click.group(
    short_help="Write boards to files, and read them back.",
    epilog="Operations of the daemon, too: netd board list, read, versions, restore, delete.",
)
def board() -> None:
    """Write the boards of the dashboard to files, and read them."""


@board.command(cls=NetdCommand)
@click.argument("name")
@click.option("-o", "--output", metavar="FILE", help="Where to write it; standard output without this.")
@click.pass_obj
def export(invocation: Invocation, name: str, output: str | None) -> None:
    """Write the board NAME as JSON."""
    with invocation.control() as control:
        try:
            found = control.call("board.read", name=name)
        except NoSuchTarget as error:
            nodes = _nodes_with(control, name)
            if not nodes:
                raise
            raise NotFound(f"no board {name!r} on this node; --on {' or '.join(nodes)} has one") from error
    text = json.dumps(found["board"], indent=2, ensure_ascii=False) + "\n"
    if output is None:
        click.echo(text, nl=False)
        return
    try:
        Path(output).write_text(text, encoding="utf-8")
    except OSError as error:
        raise Failure(f"{output}: cannot be written: {error.strerror}") from error


@board.command("import", cls=NetdCommand)
@click.argument("file")
@click.option("--name", help="Its name; that of the file without this.")
@click.option("--replace", is_flag=True, help="Replace a board of that name, also if it has changed since the export.")
@click.pass_obj
def import_(invocation: Invocation, file: str, name: str | None, replace: bool) -> None:
    """Read a board from FILE, as `netd board export` has written it."""
    read = _read(Path(file))
    name = name or Path(file).stem
    with invocation.control() as control:
        newest = {one["name"]: one["version"] for one in control.call("board.list")}
        version = newest.get(name, 0) if replace or name not in newest else read.get("version", 0)
        try:
            written = control.call("board.write", name=name, version=version, board=read)
        except Outdated as error:
            raise Failure(f"{error}; `--replace` writes over it, and `--name` makes another board") from error
    if invocation.as_json:
        invocation.print_json(written)
        return
    click.echo(f"{name}: version {written['version']}")


def _nodes_with(control: ControlPort, name: str) -> list[str]:
    """The other nodes that have a board of this name."""
    table = read_table(control.call("system.operations"))
    instances = next((one.instances for one in table if one.name == "board.list"), ())
    others = [instance for instance in instances if "@" in instance]
    lists = {instance: call_each(control, "board.list", instance) or () for instance in others}
    return [instance.partition("@")[2] for instance, found in lists.items() if any(one["name"] == name for one in found)]


def _read(path: Path) -> dict[str, Any]:
    try:
        read = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise Failure(f"{path}: cannot be read: {error.strerror}") from error
    except ValueError as error:
        raise Failure(f"{path}: is no JSON: {error}") from error
    if not isinstance(read, dict):
        raise Failure(f"{path}: is no board: not a JSON object")
    return read
