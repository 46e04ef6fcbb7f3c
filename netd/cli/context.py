"""``netd context``: names for gateways on other machines, which any command can then address."""

from __future__ import annotations

from pathlib import Path

import click

from netd.cli.contexts import LOCAL, Context, ContextError, Contexts, contexts_file, read_contexts, write_contexts
from netd.cli.invocation import Failure, Invocation, NetdCommand, NotFound
from netd.client.control import ControlError

__all__ = ["context"]

_file = click.Path(exists=True, dir_okay=False, resolve_path=True, path_type=Path)


@click.group(short_help="Name the gateways of other machines, and choose one.")
def context() -> None:
    """Give names to gateways of other machines, and say which one all commands are for."""


def _read(invocation: Invocation) -> tuple[Path, Contexts]:
    path = contexts_file(invocation.surroundings.environ)
    try:
        return path, read_contexts(path)
    except ContextError as error:
        raise Failure(str(error)) from error


def _write(path: Path, contexts: Contexts) -> None:
    try:
        write_contexts(path, contexts)
    except ContextError as error:
        raise Failure(str(error)) from error


@context.command(cls=NetdCommand, common=("json",))
@click.argument("name")
@click.option("--url", required=True, help="URL of the gateway: http://HOST:PORT or https://HOST:PORT.")
@click.option("--token-file", type=_file, help="File with a token that `netd token add` has printed on that machine.")
@click.option("--cafile", type=_file, help="File of certificates to trust instead of those of the system.")
@click.option("--certificate", type=_file, help="File of a certificate to show, for gateways that ask for one.")
@click.option("--key", type=_file, help="File of its private key, if that is another one.")
@click.pass_obj
def add(invocation: Invocation, /, name: str, url: str, **files: Path | None) -> None:
    """Call the gateway at a URL by a NAME."""
    path, contexts = _read(invocation)
    added = Context(name, url, **{option: str(file) for option, file in files.items() if file is not None})
    try:
        invocation.surroundings.gateway.check(added)
        contexts = contexts.with_context(added)
    except (ValueError, ContextError) as error:
        raise click.UsageError(f"{error}.") from error
    except ControlError as error:
        raise Failure(str(error)) from error
    _write(path, contexts)
    told = f"`netd --context {name} status` asks it; `netd context use {name}` makes it the one that all commands are for"
    _tell(invocation, name, "added", told)


@context.command("list", cls=NetdCommand, common=("json",))
@click.pass_obj
def list_contexts(invocation: Invocation) -> None:
    """List the contexts; the one that is used is marked."""
    _, contexts = _read(invocation)
    used = contexts.used or LOCAL
    everyone = [Context(LOCAL, ""), *contexts.by_name.values()]
    if invocation.as_json:
        listed = [
            {"name": one.name, "used": one.name == used, "url": one.url, "token_file": one.token_file, "cafile": one.cafile}
            for one in everyone
        ]
        invocation.print_json(listed)
        return
    rows = [
        ("*" if one.name == used else "", one.name, one.url or "the control socket of this machine", one.token_file or "")
        for one in everyone
    ]
    invocation.show_table(("", "name", "gateway", "token file"), rows)


@context.command(cls=NetdCommand, common=("json",))
@click.argument("name")
@click.pass_obj
def use(invocation: Invocation, name: str) -> None:
    """Let all commands be for NAME from now on; `local` is the daemon of this machine."""
    path, contexts = _read(invocation)
    try:
        _write(path, contexts.using(name))
    except KeyError:
        raise _unknown(name) from None
    where = name if name != LOCAL else "the daemon of this machine"
    _tell(invocation, name, "used", f"commands are for {where} from now on")


@context.command(cls=NetdCommand, common=("json",))
@click.argument("name")
@click.pass_obj
def remove(invocation: Invocation, name: str) -> None:
    """Forget NAME, unless it is the context in use."""
    path, contexts = _read(invocation)
    if name == contexts.used:
        raise Failure(
            f"all commands are for {name}, and would be for the daemon of this machine without it: "
            f"`netd context use {LOCAL}`, or another, then remove it"
        )
    try:
        _write(path, contexts.without(name))
    except KeyError:
        raise _unknown(name) from None
    _tell(invocation, name, "removed", f"{name} is forgotten")


def _tell(invocation: Invocation, name: str, status: str, text: str) -> None:
    if invocation.as_json:
        invocation.print_json({"name": name, "status": status})
    else:
        click.echo(text)


def _unknown(name: str) -> NotFound:
    return NotFound(f"no context {name!r}; `netd context list` lists them")
