"""Commands that nobody wrote: any operation of the running daemon as ``netd SERVICE VERB``, built at call time from its table."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from typing import Any

import click

from netd.cli.invocation import Exit, Failure, Invocation, NetdCommand, NotFound
from netd.cli.schema import UnfitWord, convert, kind_of
from netd.cli.table import MAIN, Argument, MalformedTable, Operation, read_table, services
from netd.cli.text import escaped

__all__ = ["ServiceGroup", "exit_status", "fetch_table", "service_group"]


def fetch_table(invocation: Invocation, timeout: float | None = None) -> list[Operation]:
    """The operations of the daemon that is meant.

    :param timeout: seconds that it may take; None leaves it to the command line.
    :raises Failure: when it cannot be had.
    """
    with invocation.control(timeout) as control:
        answer = control.call("system.operations")
    try:
        return read_table(answer)
    except MalformedTable as error:
        raise Failure(str(error)) from error


def service_group(invocation: Invocation, service: str, built_in: Sequence[str], timeout: float | None = None) -> ServiceGroup:
    """The group of all operations of *service*.

    :param built_in: the commands that are always there, to suggest.
    :param timeout: seconds that the daemon may take; None leaves it to the command line.
    :raises Failure: when the daemon cannot be asked, or offers none.
    """
    try:
        offered = services(fetch_table(invocation, timeout))
    except Failure as error:
        near = _suggestion(service, built_in)
        raise type(error)(f"{service} is no command of netd's own{near}; the running daemon cannot be asked: {error}") from error
    if service not in offered:
        raise NotFound(f"no command {service!r}, and no service of that name runs{_suggestion(service, [*built_in, *offered])}")
    group = ServiceGroup(service, help=f"Operations of the service {service}.")
    for operation in offered[service]:
        group.add_command(_command(operation))
    return group


def _suggestion(name: str, names: Sequence[str]) -> str:
    near = difflib.get_close_matches(name, names, 2)
    return f" (did you mean {' or '.join(near)}?)" if near else ""


class ServiceGroup(click.Group):
    """The operations of one service."""

    def resolve_command(self, ctx: click.Context, args: list[str]) -> tuple[str | None, click.Command | None, list[str]]:
        if args and not args[0].startswith("-") and args[0] not in self.commands and not ctx.resilient_parsing:
            near = _suggestion(args[0], list(self.commands)) or f"; `netd {self.name} --help` lists what there is"
            raise NotFound(f"no operation {self.name}.{args[0]}{near}")
        return super().resolve_command(ctx, args)


class Word(click.ParamType):  # type: ignore[type-arg]  # generic in newer versions of click only
    """A word of the command line, converted by the schema of an argument."""

    name = "word"

    def __init__(self, argument: Argument) -> None:
        self._schema = argument.schema

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """See :meth:`click.ParamType.convert`."""
        try:
            return convert(value, self._schema)
        except UnfitWord as error:
            self.fail(f"{error}.", param, ctx)


def _key(position: int) -> str:
    """Click's own name for an argument; the operation's might not do as one."""
    return f"argument_{position}"


def _parameter(position: int, argument: Argument) -> click.Parameter:
    if argument.is_required:
        return click.Argument([_key(position)], type=Word(argument), metavar=argument.name.upper())
    flags = dict.fromkeys([argument.flag, f"--{argument.name}"])
    default = "" if argument.default is None else f" [default: {argument.default}]"
    words = kind_of(argument.schema)
    return click.Option([_key(position), *flags], type=Word(argument), metavar="WORD", help=f"{words.capitalize()}.{default}")


def _command(operation: Operation) -> click.Command:
    parameters = [_parameter(position, argument) for position, argument in enumerate(operation.arguments)]
    if all(argument.name != "instance" for argument in operation.arguments):
        said = f"Which one: {', '.join(operation.instances)}."
        parameters.append(click.Option(["instance", "--instance"], help=said))

    @click.pass_context
    def run(ctx: click.Context, /, instance: str | None = None, **words: Any) -> None:
        params = _said(ctx, operation, words)
        if instance is not None:
            params["instance"] = instance
        elif "instance" not in params:
            _tell_others(operation)
        _call(ctx, operation, params)

    lines = [operation.summary, "", "\b", *(_line(argument) for argument in operation.arguments if argument.is_required)]
    return NetdCommand(operation.verb, callback=run, params=parameters, help="\n".join(lines), short_help=operation.summary)


def _line(argument: Argument) -> str:
    return f"{argument.name.upper()} is {kind_of(argument.schema)}."


def _said(ctx: click.Context, operation: Operation, words: dict[str, Any]) -> dict[str, Any]:
    """The arguments that the command line names; the others are the daemon's to fill in."""
    absent = click.core.ParameterSource.DEFAULT
    keys = {_key(position): argument.name for position, argument in enumerate(operation.arguments)}
    return {keys[key]: value for key, value in words.items() if ctx.get_parameter_source(key) is not absent}


def _tell_others(operation: Operation) -> None:
    """Say that only one of several instances is asked: who reads one relay's devices must not take them for all."""
    others = [instance for instance in operation.instances if instance != MAIN]
    if MAIN in operation.instances and others:
        click.echo(escaped(f"netd: this is {MAIN}; there is {', '.join(others)} too: say which with --instance"), err=True)


def _call(ctx: click.Context, operation: Operation, params: dict[str, Any]) -> None:
    invocation = ctx.ensure_object(Invocation)
    with invocation.control(invocation.patience(params.get("deadline"))) as control:
        result = control.call(operation.name, **params)
    invocation.show(result)
    ctx.exit(exit_status(result))


def exit_status(result: object) -> Exit:
    """The exit code for the result of an operation: one that says itself that it failed, or expired, is no success."""
    status = result.get("status") if isinstance(result, dict) else None
    return {"failed": Exit.FAILED, "expired": Exit.TIMED_OUT}.get(str(status), Exit.OK)
