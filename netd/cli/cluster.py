"""``netd cluster``: set up NATS for a cluster, and find out what is wrong with a NATS server. Neither needs a running daemon."""

from __future__ import annotations

import re
import shlex
from collections.abc import Sequence
from pathlib import Path

import click

from netd.cli.invocation import Exit, Failure, Invocation, Misused, NetdCommand
from netd.cli.nats_files import CLIENT_PORT, LEAF_PORT, NODE_FOLDER, NODE_INI, SERVER_FOLDER, Hub, node_lines
from netd.cli.nodes import join, leave, nodes
from netd.cli.text import escaped
from netd.paths import packaged

__all__ = ["cluster"]

_NAME = re.compile(r"[A-Za-z0-9_-]{1,63}")
_HOST = re.compile(r"[A-Za-z0-9._:-]{1,253}")
_SERVER = re.compile(r"(nats|tls)://(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+)(:[0-9]{1,5})?/?")
_STYLES = {"ok": "green", "warning": "yellow", "bad": "red"}

CHECK_SECONDS = 5.0
"""Seconds for each answer of a NATS server without ``--timeout``."""


@click.group(short_help="Set up NATS for several machines, and check it.")
def cluster() -> None:
    """Set up NATS, over which several netd behave as one, and check a NATS server; list the nodes, leave and join."""


cluster.add_command(nodes)
cluster.add_command(leave)
cluster.add_command(join)


def _name(written: str) -> str:
    if not _NAME.fullmatch(written):
        raise click.BadParameter(f"{written!r} is not a name; write 1 to 63 letters, digits, _ and -")
    return written


def _host(written: str) -> str:
    if not _HOST.fullmatch(written):
        raise click.BadParameter(f"{written!r} is not a name or an address of a machine")
    return written


@cluster.command(cls=NetdCommand, common=())
@click.argument("folder", type=click.Path(file_okay=False, path_type=Path))
@click.option(
    "--host",
    "hosts",
    multiple=True,
    required=True,
    type=_host,
    metavar="HOST",
    help="Name or address of the NATS server; the first is the one that nodes use.",
)
@click.option(
    "--node", "nodes", multiple=True, type=_name, metavar="NAME", help="A node: the `name` in its [netd]; can be repeated."
)
@click.option(
    "--leaf",
    "leaves",
    multiple=True,
    type=_name,
    metavar="NAME",
    help="A node behind NAT, with a NATS server of its own beside it.",
)
@click.option("--name", default="lab", show_default=True, type=_name, metavar="NAME", help="Name of the cluster.")
@click.option("--port", default=CLIENT_PORT, show_default=True, type=click.IntRange(1, 65535), help="Port for nodes.")
@click.option("--leaf-port", default=LEAF_PORT, show_default=True, type=click.IntRange(1, 65535), help="Port for leaf nodes.")
@click.pass_obj
def init(
    invocation: Invocation,
    folder: Path,
    hosts: tuple[str, ...],
    nodes: tuple[str, ...],
    leaves: tuple[str, ...],
    name: str,
    port: int,
    leaf_port: int,
) -> None:
    """Write the files of a cluster into FOLDER, and say what belongs on which machine.

    Files that are there stay as they are: run it again, with further nodes, as often as you like.
    """
    from netd.cli.cluster_files import ClusterFiles, ClusterFilesError  # noqa: PLC0415 - it loads cryptography
    from netd.secrets.private_files import PrivateFileError  # noqa: PLC0415 - it loads tempfile

    invocation.require_unix()
    everyone = list(dict.fromkeys([*nodes, *leaves]))
    if not everyone:
        raise Misused("there is no node: name each with --node NAME, or --leaf NAME if it is behind NAT")
    hub = Hub(name, hosts[0], port, leaf_port)
    surroundings, ini = invocation.surroundings, packaged("netd.ini").read_text(encoding="utf-8")
    unit = packaged("netd.service", "contrib/systemd").read_text(encoding="utf-8")
    files = ClusterFiles(folder, hub, hosts, surroundings.wall_clock(), surroundings.random_bytes, ini, unit)
    try:
        missing = files.make(everyone, leaves)
    except (ClusterFilesError, PrivateFileError) as error:
        raise Failure(str(error)) from error
    except OSError as error:
        raise Failure(f"{error.filename or folder}: {error.strerror}") from error
    lines = [*(f"made  {folder / made}" for made in files.made), *(f"kept  {folder / kept}" for kept in files.kept)]
    click.echo(escaped("\n".join([*lines, *_told(folder, hub, everyone, leaves, missing)]), keep="\n"))


def _told(folder: Path, hub: Hub, nodes: Sequence[str], leaves: Sequence[str], missing: Sequence[str]) -> list[str]:
    """Return what belongs on which machine, as lines."""
    said = ["", f"On {hub.host}, the machine of the NATS server, {SERVER_FOLDER}/ gets what is in {folder / 'hub'}/."]
    if missing:
        lines = [f"    {one}" for one in missing]
        said = ["", f"On {hub.host}, in nats-server.conf, which was there, these lines belong among the users of NETD:", *lines]
    for node in nodes:
        made = folder / f"node-{node}"
        said += [
            "",
            f"On node {node}, {NODE_FOLDER}/ gets node.nk and ca.pem of {made}/; both belong to the user that netd runs as:",
        ]
        said += [f"    chown -R netd: {NODE_FOLDER}"]
        if node in leaves:
            said += [f"{SERVER_FOLDER}/ gets what is in {folder / f'leaf-{node}'}/."]
        said += [f"If netd has no INI there, {made / 'netd.ini'} is one for {NODE_INI}, and netd.service beside it the unit."]
        said += ["If it has one, these lines belong in it:", ""]
        said += [f"    {line}".rstrip() for line in node_lines(hub, node, has_leaf=node in leaves)]
    key = shlex.quote(str((folder / "ca-key.pem").absolute()))
    return [*said, "", f"{key} signs further certificates; keep it, and off these machines."]


@cluster.command(cls=NetdCommand, common=("json", "timeout"))
@click.argument("servers", nargs=-1, required=True, metavar="SERVER...")
@click.option("--credentials", type=click.Path(dir_okay=False, path_type=Path), help="As in [cluster].")
@click.option("--tls-ca", "authority", type=click.Path(dir_okay=False, path_type=Path), help="As in [cluster].")
@click.option("--name", default="lab", show_default=True, type=_name, metavar="NAME", help="Name of the cluster.")
@click.option("--history", is_flag=True, help="Demand JetStream, which a node with `history = yes` needs.")
@click.pass_obj
def check(
    invocation: Invocation, servers: tuple[str, ...], credentials: Path | None, authority: Path | None, name: str, history: bool
) -> None:
    """Connect to each SERVER, such as tls://10.0.0.5:4222, as a node does, and say what is wrong.

    The exit status is 1 if no node could work with one of them.
    """
    from netd.cli.cluster_check import ServerCheck, Wish  # noqa: PLC0415 - TLS takes long to import
    from netd.secrets.nats_login import read_login  # noqa: PLC0415 - it loads cryptography
    from netd.secrets.private_files import PrivateFileError  # noqa: PLC0415 - it loads tempfile

    for server in servers:
        if not _SERVER.fullmatch(server):
            raise click.BadParameter(f"{server!r} is not of the form nats://HOST:PORT or tls://HOST:PORT")
    try:
        login = None if credentials is None else read_login(credentials)
    except PrivateFileError as error:
        raise Failure(str(error)) from error
    seconds = invocation.timeout or CHECK_SECONDS
    token = invocation.surroundings.random_bytes(8).hex()
    wish = Wish(name, login, authority, history, seconds, token, invocation.surroundings.wall_clock)
    found = [finding for server in servers for finding in ServerCheck(server, wish).run()]
    if invocation.as_json:
        invocation.print_json([vars(finding) for finding in found])
    else:
        rows = [(one.server, (one.status, _STYLES[one.status]), one.text, one.remedy) for one in found]
        invocation.show_table(("server", "", "", "what to do"), rows)
    if any(finding.status == "bad" for finding in found):
        raise click.exceptions.Exit(Exit.FAILED)
