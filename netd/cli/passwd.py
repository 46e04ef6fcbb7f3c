"""``netd passwd``: a name and a password for the manhole, into its password file."""

from __future__ import annotations

import sys
import warnings
from getpass import GetPassWarning
from pathlib import Path

import click

from netd.cli.invocation import Failure, Invocation, NetdCommand, NotFound
from netd.cli.text import escaped

__all__ = ["passwd"]

PASSWORD_FILE = "manhole.passwd"  # noqa: S105 - its name, not its content
"""The manhole's default password file in the state directory."""


@click.command(cls=NetdCommand, common=("state",))
@click.argument("name")
@click.option(
    "--file",
    type=click.Path(dir_okay=False, path_type=Path),
    help=f"The password file. [default: {PASSWORD_FILE} in the state directory]",
)
@click.option("--stdin", "from_stdin", is_flag=True, help="Read the password from standard input, one line, instead of asking.")
@click.option("--remove", "is_removed", is_flag=True, help="Remove NAME instead: its sessions end within a second.")
@click.pass_obj
def passwd(invocation: Invocation, name: str, file: Path | None, from_stdin: bool, is_removed: bool) -> None:
    """Set the password of NAME for the manhole. Sessions by the one before end within a second."""
    from netd.secrets.passwords import SALT_BYTES, make_entry, remove_entry, weakness, write_entry  # noqa: PLC0415 - hashing loads OpenSSL
    from netd.secrets.private_files import PrivateFileError  # noqa: PLC0415 - it loads tempfile

    invocation.require_unix()
    if file is None:
        invocation.tell_of_service()
    path = file if file is not None else invocation.state / PASSWORD_FILE
    if is_removed:
        try:
            was_there = remove_entry(path, name)
        except PrivateFileError as error:
            raise Failure(str(error)) from error
        if not was_there:
            raise NotFound(f"{path.absolute()}: there is no name {name!r}")
        click.echo(escaped(f"{name} is removed from {path.absolute()}"))
        return
    password = _read_line() if from_stdin else _ask()
    try:
        entry = make_entry(name, password, invocation.surroundings.random_bytes(SALT_BYTES))
        why = weakness(name, password)
        if why is not None:
            raise Failure(why)
        write_entry(path, entry)
    except PrivateFileError as error:
        raise Failure(str(error)) from error
    click.echo(escaped(f"the password of {name} is set in {path.absolute()}"))


def _ask() -> str:
    with warnings.catch_warnings():
        warnings.simplefilter("error", GetPassWarning)
        try:
            return str(click.prompt("Password", hide_input=True, confirmation_prompt=True, err=True))
        except GetPassWarning:
            raise click.UsageError("there is no terminal to ask on: use --stdin, and write the password as one line.") from None


def _read_line() -> str:
    line = sys.stdin.readline()
    if not line:
        raise Failure("standard input has ended before there was a password: write it there as one line")
    return line.removesuffix("\n").removesuffix("\r")
