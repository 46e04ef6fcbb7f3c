"""``netd device``: a device of the relay on the command line, for trials or to make a program reachable by a name."""

from __future__ import annotations

import base64
import json
import shlex
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import click

from netd.cli.invocation import Invocation, NetdCommand
from netd.cli.proof import proof_options, read_proof
from netd.cli.relay import DEFAULT_PORT, RelayMessagePort, RelayPlace, RelayPorts
from netd.cli.text import escaped

if TYPE_CHECKING:
    from netd.client.relay import Welcome

__all__ = ["device"]

LONGEST_SHOWN = 1000
"""Bytes of a message that are shown to people; ``--json`` writes all of them."""

Reply = Callable[[RelayMessagePort], object]
"""Answers a message."""


@click.command(cls=NetdCommand, common=("json",))
@click.option("--name", required=True, help="Name of the device.")
@click.option("--host", default="127.0.0.1", show_default=True, help="Address of the relay.")
@click.option(
    "--port", metavar="PORT", default=DEFAULT_PORT, show_default=True, type=click.IntRange(1, 65535), help="Port of the relay."
)
@click.option("--alias", "aliases", multiple=True, help="Further name; can be repeated.")
@click.option(
    "--dialect",
    type=click.Choice(["auto", "netd", "old"]),
    default="auto",
    show_default=True,
    help="Dialect; legacy servers know devices by their addresses only.",
)
@click.option("--answer", metavar="TEXT", help="Answer each message with TEXT.")
@click.option("--exec", "command", metavar="COMMAND", help="Answer with the output of COMMAND, which reads the message.")
@click.option("--echo", is_flag=True, help="Answer each message with itself.")
@proof_options
@click.pass_obj
def device(  # noqa: PLR0913, PLR0917 - one for each option
    invocation: Invocation,
    name: str,
    host: str,
    port: int,
    aliases: tuple[str, ...],
    dialect: str,
    answer: str | None,
    command: str | None,
    echo: bool,
    token_file: Path | None,
) -> None:
    """Be a device: print each message, and answer it. Ctrl-C ends it.

    Each message is acknowledged with an empty answer unless --answer, --exec or --echo says otherwise.
    """
    relay = invocation.surroundings.relay
    reply = _choose_reply(relay, answer, command, echo)
    try:
        proof = read_proof(invocation, token_file)
        opened = relay.open_device(RelayPlace(host, port), name, aliases, dialect, _tell_connected, _tell_disconnected, **proof)
    except ValueError as error:
        raise click.UsageError(f"{error}.") from error
    try:
        for message in opened:
            click.echo(_json_line(message) if invocation.as_json else _line(message))
            reply(message)
    except KeyboardInterrupt:
        click.echo("netd: the device has ended", err=True)
    finally:
        opened.close()


def _choose_reply(relay: RelayPorts, answer: str | None, command: str | None, echo: bool) -> Reply:
    if (answer is not None) + (command is not None) + echo > 1:
        raise click.UsageError("Choose one of --answer, --exec and --echo.")
    if command is not None:
        return _program_reply(relay, command)
    if echo:
        return lambda message: message.answer(message.payload)
    constant = (answer or "").encode("utf-8", "surrogateescape")
    return lambda message: message.answer(constant)


def _program_reply(relay: RelayPorts, command: str) -> Reply:
    try:
        arguments = shlex.split(command)
    except ValueError as error:
        raise click.BadParameter(f"{command!r}: {error}.", param_hint="--exec") from error
    if not arguments:
        raise click.BadParameter("names no program.", param_hint="--exec")

    def reply(message: RelayMessagePort) -> None:
        try:
            done = relay.run_program(arguments, message.payload, message.deadline)
        except subprocess.TimeoutExpired:
            _refuse(message, f"{arguments[0]} took longer than the {message.deadline:g} s that the sender waits")
        except OSError as error:
            _refuse(message, f"cannot run {arguments[0]}: {error.strerror or error}")
        else:
            _pass_on(message, arguments[0], done.code, done.output)

    return reply


def _pass_on(message: RelayMessagePort, program: str, code: int, output: bytes) -> None:
    if code < 0:
        _refuse(message, f"{program} was ended by signal {-code}", output)
    elif code:
        _refuse(message, f"{program} ended with exit code {code}", output)
    else:
        try:
            message.answer(output)
        except ValueError as error:
            _refuse(message, f"the answer of {program} cannot travel: {error}")


def _refuse(message: RelayMessagePort, reason: str, output: bytes = b"") -> None:
    click.echo(f"netd: {escaped(reason)}", err=True)
    try:
        message.fail(reason, output)
    except ValueError:
        message.fail(reason)


def _line(message: RelayMessagePort) -> str:
    """The message on one line. Of a long message, its beginning and its length."""
    line = escaped(message.payload[:LONGEST_SHOWN].decode("utf-8", "backslashreplace"))
    return line if len(message.payload) <= LONGEST_SHOWN else f"{line}… ({len(message.payload)} bytes)"


def _json_line(message: RelayMessagePort) -> str:
    """The message as one line of JSON, with its sender, and with ``text``, or ``base64`` if it is not UTF-8."""
    try:
        content = {"text": message.payload.decode("utf-8")}
    except UnicodeDecodeError:
        content = {"base64": base64.b64encode(message.payload).decode("ascii")}
    return json.dumps({"from": message.sender, **content})


def _tell_connected(welcome: Welcome) -> None:
    if welcome.dialect == "old":
        click.echo("netd: connected to a legacy server: it knows this device by its address, and takes no answers", err=True)
    else:
        click.echo(escaped(f"netd: connected as {welcome.name or welcome.address}"), err=True)


def _tell_disconnected(reason: str, delay: float) -> None:
    click.echo(escaped(f"netd: {reason}; trying again in {delay:.1f} s"), err=True)
