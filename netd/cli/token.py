"""``netd token``: the credentials of people and programs, with their rights.

They are in a file of the state directory, which the daemon reads again when it changes. The commands need no running daemon.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from netd.cli.contexts import LOCAL
from netd.cli.invocation import Failure, Invocation, Misused, NetdCommand, NotFound
from netd.cli.text import escaped

if TYPE_CHECKING:
    from netd.secrets.credentials import Credential
    from netd.secrets.uses import LastUse

__all__ = ["token"]

_OPEN = (
    "netd: it was the last of a user: a gateway on loopback is now open to everyone on this machine, with the role admin; "
    "one that others reach does not start without a token"
)

ROLES = ("viewer", "operator", "admin")

FOR_EVER = "ever"
"""The period of a token without an end."""

_PERIOD = re.compile(r"([0-9]{1,6})([smhdw])")
_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}
_LONGEST = 100 * 365 * 86400


def period(written: str) -> float:
    """A number of seconds, up to a hundred years, written as in ``30d``; a type of click's."""
    match = _PERIOD.fullmatch(written)
    found = int(match[1]) * _UNITS[match[2]] if match else 0 if written == "0" else -1
    if not 0 <= found <= _LONGEST:
        raise click.BadParameter(f"{written!r} is no period: write 30m, 12h, 7d or 26w.")
    return float(found)


def lifetime(written: str) -> float | str:
    """A period above 0, or ``ever``; a type of click's."""
    found = FOR_EVER if written == FOR_EVER else period(written)
    if found == 0.0:
        raise click.BadParameter("a token that has ended already is good for nothing: write 30m, 12h, 7d, 26w or ever.")
    return found


def names(written: str) -> tuple[str, ...]:
    """Names with commas between them; a type of click's."""
    return tuple(name.strip() for name in written.split(","))


@click.group()
def token() -> None:
    """Make, rotate, list and remove the tokens of people and programs."""


@contextmanager
def _file(invocation: Invocation) -> Iterator[Path]:
    """The file of tokens.

    :raises Misused: for an invalid token.
    :raises Failure: for each error of the file.
    """
    from netd.secrets.credentials import UnfitCredential  # noqa: PLC0415 - it loads much, and all commands must start fast
    from netd.secrets.private_files import PrivateFileError  # noqa: PLC0415 - it loads tempfile
    from netd.secrets.token_file import NoSuchToken  # noqa: PLC0415 - likewise
    from netd.secrets.tokens import TOKENS  # noqa: PLC0415 - likewise

    context = invocation.context()
    if context is not None:
        raise Misused(
            f"the context {context.name} is in force, whose tokens are a file on the machine of that daemon: run this there; "
            f"for the tokens of this machine say --context {LOCAL}, or --state DIR"
        )
    invocation.require_unix()
    invocation.tell_of_service()
    try:
        yield invocation.state / TOKENS
    except UnfitCredential as error:
        raise Misused(str(error)) from error
    except NoSuchToken as error:
        raise NotFound(str(error)) from error
    except PrivateFileError as error:
        raise Failure(str(error)) from error


def complete_names(ctx: click.Context, _parameter: click.Parameter, incomplete: str) -> list[str]:
    """The names in the file that begin with *incomplete*, for a shell. Without a file that can be read there are none."""
    from netd.secrets.private_files import PrivateFileError  # noqa: PLC0415 - likewise
    from netd.secrets.tokens import TOKENS, read_tokens  # noqa: PLC0415 - likewise

    try:
        found = read_tokens(ctx.ensure_object(Invocation).state / TOKENS)
    except PrivateFileError:
        return []
    return [name for name in dict.fromkeys(one.name for one in found) if name.startswith(incomplete)]


_COPY: Callable[[Any], Any] = click.option(
    "--to",
    "copy",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Write the token into FILE, which only you can read, instead of printing it.",
)
_FOR: Callable[[Any], Any] = click.option("--for", "life", type=lifetime, metavar="PERIOD", help="End it after 12h, 90d, 52w, …")


@token.command(cls=NetdCommand, common=("state", "context", "json"))
@click.argument("name")
@click.option("--role", type=click.Choice(ROLES), help="For people: a viewer reads, an operator acts, an admin can stop netd.")
@click.option("--device", "kind", flag_value="device", help="For the device NAME of a relay, and nothing else.")
@click.option("--agent", "kind", flag_value="agent", help="For the agent NAME of telemetry sessions.")
@click.option("--bot", "kind", flag_value="bot", help="For the bot NAME of a room.")
@click.option("--feed", "kind", flag_value="feed", help="For a program that reads feeds.")
@click.option("--metrics", "kind", flag_value="metrics", help="For a program that reads /metrics, as Prometheus does.")
@click.option("--command", "commands", type=names, metavar="C,…", help="For a program that runs these commands.")
@click.option("--send", "sends", type=names, metavar="X,…", help="With --device: the devices that it may send to.")
@click.option("--subject", "subjects", multiple=True, metavar="PATTERN", help="Confine it to these subjects; can be repeated.")
@_FOR
@_COPY
@click.pass_obj
def add(  # noqa: PLR0913, PLR0917 - one for each option
    invocation: Invocation,
    name: str,
    role: str | None,
    kind: str | None,
    commands: tuple[str, ...] | None,
    sends: tuple[str, ...] | None,
    subjects: tuple[str, ...],
    life: float | str | None,
    copy: Path | None,
) -> None:
    """Make a token for NAME, and print it: this once.

    One of --role, --device, --agent, --bot, --feed, --metrics and --command says what it is for.
    """
    from netd.secrets.token_file import add_token  # noqa: PLC0415 - likewise

    given = [word for word in (role, kind, "command" if commands is not None else None) if word is not None]
    if len(given) != 1:
        raise click.UsageError("Say what it is for, by one of --role, --device, --agent, --bot, --feed, --metrics and --command.")
    until = _end(invocation, life)
    with _file(invocation) as path:
        text = add_token(
            path,
            name,
            given[0],
            subjects,
            invocation.surroundings.random_bytes,
            only=commands or (),
            sends=sends or (),
            until=until,
            copy=copy,
        )
    if invocation.as_json:
        limits = {"subjects": list(subjects) or None, "only": list(commands or ()), "sends": list(sends or ()), "until": until}
        invocation.print_json(_made(name, text, copy) | {"kind": given[0]} | limits)
        return
    _tell(name, text, copy)


@token.command(cls=NetdCommand, common=("state", "context", "json"))
@click.argument("name", shell_complete=complete_names)
@click.option(
    "--overlap", type=period, default="7d", show_default=True, metavar="PERIOD", help="How long the old one stays good."
)
@_FOR
@_COPY
@click.pass_obj
def rotate(invocation: Invocation, name: str, overlap: float, life: float | str | None, copy: Path | None) -> None:
    """Make another token for NAME with the same rights.

    The old one is good until the end of the overlap; `--overlap 0` ends it now.
    """
    from netd.secrets.token_file import rotate_token  # noqa: PLC0415 - likewise
    from netd.secrets.tokens import read_tokens  # noqa: PLC0415 - likewise

    now = invocation.surroundings.wall_clock()
    with _file(invocation) as path:
        last = next((one for one in reversed(read_tokens(path)) if one.name == name), None)
        if life is None and last is not None and last.until is not None:
            raise Misused(f"the token of {name} has an end: say --for 90d for the new one, or --for {FOR_EVER}")
        random_bytes = invocation.surroundings.random_bytes
        text = rotate_token(path, name, random_bytes, now, overlap, _end(invocation, life), copy)
    if invocation.as_json:
        invocation.print_json(_made(name, text, copy) | {"old_until": now + overlap})
        return
    _tell(name, text, copy)
    from netd.plaintext import moment  # noqa: PLC0415 - likewise

    said = f"is good until {moment(now + overlap)}; `netd token remove {name} --old` ends it now" if overlap else "is removed"
    click.echo(escaped(f"netd: the old token {said}"), err=True)


@token.command(cls=NetdCommand, common=("state", "context", "json"))
@click.argument("name", shell_complete=complete_names)
@click.option("--old", "is_old", is_flag=True, help="Only those that a rotation has replaced.")
@click.pass_obj
def remove(invocation: Invocation, name: str, is_old: bool) -> None:
    """Remove the tokens of NAME: its connections are closed within a second."""
    from netd.secrets.token_file import remove_token  # noqa: PLC0415 - likewise
    from netd.secrets.tokens import read_tokens  # noqa: PLC0415 - likewise

    with _file(invocation) as path:
        had_users = any(one.is_user for one in read_tokens(path))
        removed = remove_token(path, name, is_old)
        is_open = had_users and not any(one.is_user for one in read_tokens(path))
    if invocation.as_json:
        invocation.print_json({"name": name, "status": "removed", "removed": removed})
    elif removed:
        click.echo(escaped(f"the {'old ' if is_old else ''}token of {name} is removed"))
    else:
        click.echo(escaped(f"there is no old token of {name}"))
    if is_open:
        click.echo(_OPEN, err=True)


@token.command("list", cls=NetdCommand, common=("state", "context", "json"))
@click.option("--unused", type=period, metavar="PERIOD", help="Only those that nobody has used for 30d, 90d, …")
@click.pass_obj
def list_tokens(invocation: Invocation, unused: float | None) -> None:
    """List the tokens and certificates: rights, end and last use, never the tokens themselves."""
    from netd.secrets.tokens import read_tokens  # noqa: PLC0415 - likewise
    from netd.secrets.uses import TokenUses, uses_file  # noqa: PLC0415 - likewise

    now = invocation.surroundings.wall_clock()
    with _file(invocation) as path:
        uses = TokenUses(uses_file(path))
        uses.load()
        found = [(one, uses.of(one)) for one in read_tokens(path)]
    shown = [(one, use) for one, use in found if unused is None or use is None or use.time <= now - unused]
    if invocation.as_json:
        invocation.print_json([_facts(one, use) for one, use in shown])
    elif shown:
        columns = ("name", "role or kind", "proof", "may", "subjects", "ends", "last used", "from")
        invocation.show_table(columns, [_row(one, use, now) for one, use in shown])
    else:
        click.echo(
            "all tokens have been used" if found else f"no tokens in {invocation.state}: no netd there lets anybody in by one"
        )


def _end(invocation: Invocation, life: float | str | None) -> float | None:
    return invocation.surroundings.wall_clock() + life if isinstance(life, float) else None


def _made(name: str, text: str, copy: Path | None) -> dict[str, Any]:
    return {"name": name, "token": text} if copy is None else {"name": name, "file": str(copy.absolute())}


def _tell(name: str, text: str, copy: Path | None) -> None:
    if copy is None:
        click.echo(text)
        click.echo(escaped(f"netd: this is the token of {name}; it is stored nowhere, and shown only now"), err=True)
    else:
        click.echo(escaped(f"the token of {name} is in {copy.absolute()}; it is stored nowhere else"))


def _facts(one: Credential, use: LastUse | None) -> dict[str, Any]:
    return {
        "name": one.name,
        "kind": one.word,
        "proof": one.evidence.value,
        "subjects": one.subjects,
        "only": one.only,
        "sends": one.sends,
        "until": one.until,
        "last_used": None if use is None else use.time,
        "last_from": None if use is None else use.host,
    }


def _row(one: Credential, use: LastUse | None, now: float) -> tuple[str, ...]:
    from netd.plaintext import duration, moment  # noqa: PLC0415 - likewise

    if one.until is None:
        ends = "never"
    else:
        ends = f"has ended {moment(one.until)}" if one.is_over(now) else f"in {duration(one.until - now)}"
    rights = [
        *([f"{'run' if one.word == 'command' else 'be'} {', '.join(one.only)}"] if one.only else []),
        *([f"send to {', '.join(one.sends)}"] if one.sends else []),
    ]
    used = ("never", "") if use is None else (f"{duration(now - use.time)} ago", use.host or "this machine")
    return (one.name, one.word, one.evidence.value, "; ".join(rights), " ".join(one.subjects or ("all",)), ends, *used)
