"""``netd token``: the tokens of the gateway, with their rights.

They are in a file of the state directory, which the daemon reads again when it changes. The commands need no running daemon.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click

from netd.cli.contexts import LOCAL
from netd.cli.invocation import Failure, Invocation, Misused, NetdCommand, NotFound
from netd.cli.text import escaped

__all__ = ["token"]

_OPEN = (
    "netd: it was the last: a gateway on loopback is now open to everyone on this machine, with the role admin; "
    "one that others reach does not start without a token"
)

ROLES = ("viewer", "operator", "admin")


@click.group()
def token() -> None:
    """Make, list and remove the tokens that open the gateway."""


@contextmanager
def _file(invocation: Invocation) -> Iterator[Path]:
    """The file of tokens.

    :raises Misused: for an invalid token.
    :raises Failure: for each error of the file.
    """
    from netd.secrets.private_files import PrivateFileError  # noqa: PLC0415 - it loads tempfile
    from netd.secrets.tokens import TOKENS, UnfitToken  # noqa: PLC0415 - it loads much, and all commands must start fast

    context = invocation.context()
    if context is not None:
        raise Misused(
            f"the context {context.name} is in force, whose tokens are a file on the machine of that daemon: run this there; "
            f"for the tokens of this machine say --context {LOCAL}, or --state DIR"
        )
    invocation.require_unix()
    try:
        yield invocation.state / TOKENS
    except UnfitToken as error:
        raise Misused(str(error)) from error
    except PrivateFileError as error:
        raise Failure(str(error)) from error


@token.command(cls=NetdCommand, common=("state", "context", "json"))
@click.argument("name")
@click.option("--role", required=True, type=click.Choice(ROLES), help="A viewer reads, an operator acts, an admin can stop netd.")
@click.option("--subject", "subjects", multiple=True, metavar="PATTERN", help="Confine it to these subjects; can be repeated.")
@click.pass_obj
def add(invocation: Invocation, name: str, role: str, subjects: tuple[str, ...]) -> None:
    """Make a token called NAME, and print it: this once."""
    from netd.secrets.tokens import add_token  # noqa: PLC0415 - likewise

    with _file(invocation) as path:
        text = add_token(path, name, role, subjects, invocation.surroundings.random_bytes)
    if invocation.as_json:
        invocation.print_json({"name": name, "role": role, "subjects": list(subjects) or None, "token": text})
        return
    click.echo(text)
    click.echo(escaped(f"netd: this is the token of {name}; it is stored nowhere, and shown only now"), err=True)


@token.command("list", cls=NetdCommand, common=("state", "context", "json"))
@click.pass_obj
def list_tokens(invocation: Invocation) -> None:
    """List the tokens: names, roles and subjects, never the tokens themselves."""
    from netd.secrets.tokens import read_tokens  # noqa: PLC0415 - likewise

    with _file(invocation) as path:
        found = [(one.name, one.role.name.lower(), one.subjects) for one in read_tokens(path).values()]
    if invocation.as_json:
        names = ("name", "role", "subjects")
        invocation.print_json([dict(zip(names, one, strict=True)) for one in found])
    elif found:
        rows = [(name, role, " ".join(subjects) if subjects else "all") for name, role, subjects in found]
        invocation.show_table(("name", "role", "subjects"), rows)
    else:
        click.echo("no tokens: the gateway serves this machine alone")


@token.command(cls=NetdCommand, common=("state", "context", "json"))
@click.argument("name")
@click.pass_obj
def remove(invocation: Invocation, name: str) -> None:
    """Remove the token called NAME: whoever has it is let in no more."""
    from netd.secrets.tokens import read_tokens, remove_token  # noqa: PLC0415 - likewise

    with _file(invocation) as path:
        was_there = remove_token(path, name)
        is_open = not read_tokens(path)
    if not was_there:
        raise NotFound(f"no token {name!r}; `netd token list` lists them")
    if invocation.as_json:
        invocation.print_json({"name": name, "status": "removed"})
    else:
        click.echo(escaped(f"the token of {name} is removed"))
    if is_open:
        click.echo(_OPEN, err=True)
