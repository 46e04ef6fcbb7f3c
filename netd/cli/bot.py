"""``netd bot``: a bot in a room, from the command line."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING

import click

from netd.cli.invocation import Failure, Invocation, NetdCommand
from netd.cli.proof import proof_options, read_proof
from netd.cli.room import DEFAULT_PORT
from netd.cli.text import escaped

if TYPE_CHECKING:
    from netd.client.room import Exchange

__all__ = ["bot"]

CHARACTERS = ("happy", "grumpy", "curious", "lazy")
"""The names of the characters. They are repeated here because importing the client would slow every command down."""

_COUNT = re.compile(r"connected\s+(?P<present>[0-9]{1,9})/(?P<size>[0-9]{1,9}) bots ")
"""Matches the number of bots and places in the welcome message of netd and of legacy servers."""


@click.command(cls=NetdCommand, common=("json",), short_help="Be a bot: take a place in a room, and answer in character.")
@click.option("--name", required=True, help="Name of the bot.")
@click.option("--host", default="127.0.0.1", show_default=True, help="Address of the room.")
@click.option(
    "--port", metavar="PORT", default=DEFAULT_PORT, show_default=True, type=click.IntRange(1, 65535), help="Port of the room."
)
@click.option("--character", default="happy", show_default=True, type=click.Choice(CHARACTERS), help="Character of its answers.")
@click.option(
    "--dialect",
    type=click.Choice(["old", "netd"]),
    default="old",
    show_default=True,
    help="Dialect; legacy servers do not know lines.",
)
@proof_options
@click.pass_obj
def bot(invocation: Invocation, name: str, host: str, port: int, character: str, dialect: str, token_file: Path | None) -> None:
    """Be a bot: take a place in a room, answer in character, and end with the room. Ctrl-C leaves it."""
    from netd.client.room import RoomError  # noqa: PLC0415 - only few commands need it, and all must start fast

    try:
        proof = read_proof(invocation, token_file)
        opened = invocation.surroundings.open_bot(host, port, name, character, dialect, _welcomed, **proof)
    except ValueError as error:
        raise click.UsageError(f"{error}.") from error
    try:
        for exchange in opened.exchanges():
            click.echo(_json_line(exchange) if invocation.as_json else _lines(exchange))
        click.echo("netd: the room is over", err=True)
    except RoomError as error:
        raise Failure(str(error)) from error
    except KeyboardInterrupt:
        click.echo("netd: the bot has left", err=True)
    finally:
        opened.close()


def _welcomed(welcome: str) -> None:
    """Show that the bot has a place and how many are missing. The room sends nothing more until it is full."""
    count = _COUNT.search(welcome)
    if count is not None:
        click.echo(f"netd: the bot waits in the room: {count['present']} of {count['size']} are there", err=True)


def _lines(exchange: Exchange) -> str:
    """The text that was heard, and below it the reply."""
    return f"{escaped(exchange.heard.text)}\n> {escaped(exchange.reply)}"


def _json_line(exchange: Exchange) -> str:
    """An exchange as one line of JSON."""
    heard = exchange.heard
    return json.dumps({"turn": heard.turn, "speaker": heard.speaker, "text": heard.text, "reply": exchange.reply})
