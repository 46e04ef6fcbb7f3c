"""``netd call``: run one of the functions behind a command service, and show its result."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import click

from netd.cli.command import command_place
from netd.cli.invocation import AnswerTimedOut, Failure, Invocation, NetdCommand
from netd.cli.proof import proof_options, read_proof
from netd.cli.relay import RelayPlace
from netd.client.control import NotInTime, OperationFailed
from netd.codec.schemas import UnfitWord, convert

__all__ = ["call"]

_RESERVED = ("command_id", "id")

Schemas = Mapping[str, Mapping[str, Any]]
"""The JSON schema of each argument of one command."""


@click.command(cls=NetdCommand)
@click.argument("command_id", metavar="COMMAND")
@click.argument("words", metavar="[NAME=VALUE]...", nargs=-1)
@click.option("--instance", help="Command service, if several run.")
@click.option(
    "--server",
    type=command_place,
    metavar="HOST[:PORT]",
    help="Use the port of a command service: from another machine, or for a legacy server.",
)
@proof_options
@click.pass_obj
def call(
    invocation: Invocation,
    command_id: str,
    words: tuple[str, ...],
    instance: str | None,
    server: RelayPlace | None,
    token_file: Path | None,
) -> None:
    """Run a command and show its result.

    NAME=VALUE is an argument, read as the command wants it: text, a number, true or false. NAME:=JSON is any JSON value.
    """
    if server is None:
        result = _through_daemon(invocation, command_id, words, instance)
    elif instance is not None:
        raise click.UsageError("--instance chooses a service of the running daemon; leave it out with --server.")
    else:
        result = _through_port(invocation, server, command_id, words, read_proof(invocation, token_file))
    if invocation.as_json:
        invocation.print_json({"status": "success", "result": result})
    elif result is None:
        click.echo("success")
    else:
        invocation.show(result)


def _through_daemon(invocation: Invocation, command_id: str, words: tuple[str, ...], instance: str | None) -> Any:
    chosen = {} if instance is None else {"instance": instance}
    with invocation.control() as control:
        arguments = read_arguments(words, lambda: schemas_of(command_id, control.call("command.list", **chosen)))
        try:
            answer = control.call("command.run", command_id=command_id, arguments=arguments, **chosen)
        except NotInTime as error:
            raise AnswerTimedOut(str(error)) from error
        except OperationFailed as error:
            raise Failure(str(error)) from error  # words of the function itself, so names in it are not turned into commands
    return answer.get("result") if isinstance(answer, Mapping) else answer


def _through_port(
    invocation: Invocation, server: RelayPlace, command_id: str, words: tuple[str, ...], proof: Mapping[str, str]
) -> Any:
    from netd.client import command as port  # noqa: PLC0415 - see open_caller

    try:
        caller = invocation.surroundings.open_caller(server, invocation.patience(), **proof)
    except ValueError as error:
        raise Failure(str(error)) from error

    def schemas() -> Schemas:
        try:
            return schemas_of(command_id, caller.commands())
        except port.Denied:
            raise
        except port.CommandFailed:
            return {}  # an old server, which has no list

    try:
        return caller.call(command_id, read_arguments(words, schemas))
    except port.NotInTime as error:
        raise AnswerTimedOut(str(error)) from error
    except port.CommandError as error:
        raise Failure(str(error)) from error
    finally:
        caller.close()


def schemas_of(command_id: str, listed: Any) -> Schemas:
    """The schemas of the arguments of *command_id*, from the answer to ``command.list``; empty if the command is not listed."""
    try:
        return {
            argument["name"]: argument["schema"]
            for command in listed
            if command["command_id"] == command_id
            for argument in command["arguments"]
        }
    except (KeyError, TypeError):
        raise Failure(f"the list of commands has an unknown form: {listed!r:.200}") from None


def read_arguments(words: tuple[str, ...], schemas: Callable[[], Schemas]) -> dict[str, Any]:
    """The arguments that *words* give.

    :param schemas: asks the server for the schemas; called only if a word could be read as text and as another type.
    :raises click.UsageError: if a word has not the form of an argument.
    """
    arguments: dict[str, Any] = {}
    open_words: dict[str, str] = {}
    for word in words:
        name, equals, value = word.partition("=")
        is_json = name.endswith(":")
        name = name.removesuffix(":")
        if not equals or not name or name in _RESERVED:
            raise click.UsageError(f"{word!r} is not an argument: write NAME=VALUE, or NAME:=JSON.")
        if name in arguments:
            raise click.UsageError(f"{name} is given twice.")
        arguments[name] = _json(name, value) if is_json else value
        if not is_json and convert(value, {}) != value:
            open_words[name] = value
    if open_words:
        known = schemas()
        for name, value in open_words.items():
            try:
                arguments[name] = convert(value, known.get(name, {}))
            except UnfitWord as error:
                raise click.UsageError(f"{name}: {error}.") from error
    return arguments


def _json(name: str, text: str) -> Any:
    def refuse(constant: str) -> Any:
        raise ValueError(f"{constant} is not JSON")

    try:
        return json.loads(text, parse_constant=refuse)
    except (ValueError, RecursionError) as error:
        raise click.UsageError(f"{name}: {text!r} is not JSON: {error}.") from error
