"""``netd key``: the SSH keys that open the manhole.

They are in a file of the state directory, which the daemon reads at each login. The commands need no running daemon.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click

from netd.cli.invocation import Failure, Invocation, NetdCommand, NotFound
from netd.cli.text import escaped

__all__ = ["key"]

LONGEST = 1 << 16
"""Bytes of a file with a public key that are read, at most."""


@click.group()
def key() -> None:
    """Add, list and remove the SSH keys that open the manhole."""


@contextmanager
def _keys(invocation: Invocation) -> Iterator[Path]:
    """The keys file.

    :raises Failure: for each error of the file.
    """
    from netd.secrets.private_files import PrivateFileError  # noqa: PLC0415 - it loads tempfile, and all commands must start fast
    from netd.secrets.ssh_keys import KEYS  # noqa: PLC0415 - likewise

    invocation.require_unix()
    invocation.tell_of_service()
    try:
        yield invocation.state / KEYS
    except PrivateFileError as error:
        raise Failure(str(error)) from error


@key.command(cls=NetdCommand, common=("state",))
@click.argument("name")
@click.argument("public_key", metavar="FILE", type=click.Path(path_type=Path, dir_okay=False, allow_dash=True))
@click.pass_obj
def add(invocation: Invocation, name: str, public_key: Path) -> None:
    """Let NAME log in with the public key in FILE, such as ~/.ssh/id_ed25519.pub; `-` reads standard input."""
    from netd.secrets.ssh_keys import add_key, read_public_key  # noqa: PLC0415 - likewise

    with _keys(invocation) as path:
        found = read_public_key(_text_of(public_key), name)
        is_new = add_key(path, found)
    said = f"may log in with the key {found.fingerprint}, from {path.absolute()}" if is_new else "has this key already"
    click.echo(escaped(f"{name} {said}"))


@key.command("list", cls=NetdCommand, common=("state", "json"))
@click.pass_obj
def list_keys(invocation: Invocation) -> None:
    """List the keys: names, types and fingerprints."""
    from netd.secrets.ssh_keys import read_keys  # noqa: PLC0415 - likewise

    with _keys(invocation) as path:
        found = [(one.name, one.type, one.fingerprint) for one in read_keys(path)]
    names = ("name", "type", "fingerprint")
    if invocation.as_json:
        invocation.print_json([dict(zip(names, one, strict=True)) for one in found])
    elif found:
        invocation.show_table(names, found)
    else:
        click.echo("no keys: `netd key add NAME FILE` adds one")


@key.command(cls=NetdCommand, common=("state",))
@click.argument("name")
@click.argument("fingerprint", required=False)
@click.pass_obj
def remove(invocation: Invocation, name: str, fingerprint: str | None) -> None:
    """Remove the keys of NAME, or the one with FINGERPRINT. Whoever is logged in with a removed key is cut off."""
    from netd.secrets.ssh_keys import remove_keys  # noqa: PLC0415 - likewise

    with _keys(invocation) as path:
        count = remove_keys(path, name, fingerprint)
    if not count:
        raise NotFound(f"no such key of {name!r}; `netd key list` lists them")
    click.echo(escaped(f"{count} {'key' if count == 1 else 'keys'} of {name} removed"))


def _text_of(file: Path) -> str:
    if str(file) == "-":
        return sys.stdin.read(LONGEST)
    try:
        with file.open("rb") as opened:
            return opened.read(LONGEST).decode("utf-8", "replace")
    except OSError as error:
        raise Failure(f"{file}: cannot be read: {error.strerror}") from None
