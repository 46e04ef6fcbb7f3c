"""Generated commands: each operation of the running daemon is ``netd SERVICE VERB``, built from its table of operations."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType
from typing import Any

import click
from click.shell_completion import CompletionItem

from netd.cli.invocation import ControlPort, Exit, Failure, Invocation, Misused, NetdCommand, NotFound, common_options, seconds
from netd.cli.peers import wires_having
from netd.cli.table import MAIN, MalformedTable, TableArgument, TableOperation, read_table, services
from netd.cli.text import escaped
from netd.client.control import RemoteError
from netd.codec.schemas import ANYTHING, UnfitWord, choices_of, convert, is_switch, kind_of, metavar_of
from netd.codec.words import EventSchemas, is_empty, schemas_of_events

__all__ = ["HELP_TIMEOUT", "ServiceGroup", "exit_status", "fetch_table", "service_group"]

_OF_EVENTS = ("bus.last", "history.events")
"""Operations whose results have events in them."""

HELP_TIMEOUT = 0.5
"""Seconds that the daemon has to answer when its operations are only listed, as in ``netd --help``."""

_INSTEAD: Mapping[str, str] = MappingProxyType(
    {
        "bus": "use `netd tail PATTERN`",
        "relay": "use `netd device --name NAME`, or the dashboard",
        "room": "use `netd bot --name NAME`, or the dashboard",
    }
)
"""For each service, the advice for those who call one of its lasting operations."""


_SECTIONS: Mapping[str, str] = MappingProxyType({"alert": "alert", "bridge": "bridge", "history": "recorder"})
"""For services whose operations share their name with a command of netd's own, the section that makes such a service."""


def fetch_table(invocation: Invocation, timeout: float | None = None) -> list[TableOperation]:
    """The operations of the chosen daemon.

    :param timeout: seconds that the daemon may take; None for what ``--timeout`` says.
    :raises Failure: if the table cannot be read.
    """
    with invocation.control(timeout) as control:
        answer = control.call("system.operations")
    try:
        return read_table(answer)
    except MalformedTable as error:
        raise Failure(str(error)) from error


def instances_of(invocation: Invocation, kind: str) -> tuple[str, ...]:
    """The instances of *kind*, each of which is a section ``[kind:NAME]``.

    :raises NotFound: if there is none that the caller may see.
    """
    for operation in fetch_table(invocation):
        if operation.name == f"{kind}.list" and operation.instances:
            return operation.instances
    with invocation.control() as control:
        subjects = control.call("system.whoami").get("subjects")
    if subjects is not None:
        raise NotFound(f"this token is for {', '.join(subjects)}, and sees no {kind}")
    raise NotFound(f"there is no {kind} here: add a section [{kind}:NAME] to the configuration of netd, then `netd reload`")


def fetch_result(control: ControlPort, name: str) -> Mapping[str, Any]:
    """The JSON schema of the result of the operation *name*; that of any value if the daemon has no such list."""
    try:
        table = read_table(control.call("system.operations"))
    except (RemoteError, MalformedTable):
        return ANYTHING
    return next((one.result for one in table if one.name == name), ANYTHING)


def fetch_events(control: ControlPort) -> EventSchemas:
    """The schemas of the daemon's events, each with the pattern of its subjects; empty if the daemon has no such list."""
    try:
        return schemas_of_events(control.call("system.subjects"))
    except RemoteError:
        return ()


def service_group(
    invocation: Invocation,
    service: str,
    built_in: Sequence[str],
    words: Sequence[str] = (),
    timeout: float | None = None,
) -> ServiceGroup:
    """The command group of *service*: those of its operations that can be commands.

    :param built_in: names of netd's own commands, for suggestions.
    :param words: the words after the service on the command line; options among them may choose the daemon.
    :param timeout: seconds that the daemon may take; None for what ``--timeout`` says.
    :raises Failure: if the daemon cannot be asked, or has no such service.
    """
    said = _place_said(words)
    try:
        offered = _offered(invocation, service, words, said, timeout)
    except Failure as error:
        strange = f"{service} is asked of the daemon: netd has no command of that name{_suggestion(service, built_in)}"
        kind = "this is an operation of the daemon" if service in built_in else strange
        raise type(error)(f"{error}; {kind}") from error
    if service in _SECTIONS and service not in offered and replace(invocation, **said).context() is None:
        section = _SECTIONS[service]
        raise NotFound(f"no section [{section}] runs; add one to the configuration of netd, then `netd reload`")
    if service not in offered:
        known = "is open to this token" if replace(invocation, **said).context() is not None else "runs"
        raise NotFound(
            f"no command {service!r}, and no service of that name {known}{_suggestion(service, [*built_in, *offered])}"
        )
    return ServiceGroup(service, offered[service])


def _offered(
    invocation: Invocation, service: str, words: Sequence[str], said: Mapping[str, Any], timeout: float | None
) -> dict[str, list[TableOperation]]:
    """The operations of the daemon that *said* chooses, or of the default one if those options belong to the operation itself."""
    failure: Failure | None = None
    try:
        there = services(fetch_table(replace(invocation, **said), timeout))
        if not said or not _has_own_flags(there.get(service, ()), words):
            return there
    except Failure as error:
        if not said:
            raise
        failure = error
    try:
        usual = services(fetch_table(invocation, timeout))
    except Failure as error:
        raise failure or error from error
    if failure is not None and not _has_own_flags(usual.get(service, ()), words):
        raise failure
    return usual


def _place_said(words: Sequence[str]) -> dict[str, Any]:
    """The values of --state, --context, --timeout and --on in *words*, as members of an :class:`Invocation`."""
    options: dict[str, tuple[str, Callable[[str], Any]]] = {
        "--state": ("named_state", Path),
        "--context": ("named_context", str),
        "--timeout": ("timeout", seconds),
        "--on": ("node", str),
    }
    said: dict[str, Any] = {}
    for at, word in enumerate(words):
        if word == "--":
            break
        flag, equals, value = word.partition("=")
        if flag in options and (equals or at + 1 < len(words)):
            member, read = options[flag]
            with suppress(click.BadParameter):  # it is refused when it is parsed
                said[member] = read(value if equals else words[at + 1])
    return said


def _has_own_flags(operations: Iterable[TableOperation], words: Sequence[str]) -> bool:
    """Return True if the operation in *words* has an argument with the name of a global option."""
    common = {"state", "context", "timeout", "on"}
    meant = next((one for word in words for one in operations if one.verb == word), None)
    return meant is not None and any(not argument.is_required and argument.name in common for argument in meant.arguments)


def _suggestion(name: str, names: Sequence[str]) -> str:
    import difflib  # noqa: PLC0415 - all commands must start fast

    near = difflib.get_close_matches(name, names, 2)
    return f" (did you mean {' or '.join(near)}?)" if near else ""


class ServiceGroup(click.Group):
    """The operations of one service as commands. Lasting operations are refused, with advice."""

    def __init__(self, service: str, operations: Sequence[TableOperation]) -> None:
        super().__init__(service, help=f"Operations of the service {service}.", params=list(common_options().values()))
        self._lasting = {one.verb for one in operations if one.is_lasting}
        for operation in operations:
            if not operation.is_lasting:
                self.add_command(_command(operation))

    def resolve_command(self, ctx: click.Context, args: list[str]) -> tuple[str | None, click.Command | None, list[str]]:
        if args and not args[0].startswith("-") and args[0] not in self.commands and not ctx.resilient_parsing:
            if args[0] in self._lasting:
                raise Misused(
                    f"{self.name}.{args[0]} lasts as long as the connection over which it is called, and that of a command ends "
                    f"at once: {_INSTEAD.get(str(self.name), 'use a WebSocket of the gateway, or the control socket')}"
                )
            near = _suggestion(args[0], list(self.commands)) or f"; `netd {self.name} --help` lists what there is"
            raise NotFound(f"no operation {self.name}.{args[0]}{near}")
        return super().resolve_command(ctx, args)


class Word(click.ParamType):  # type: ignore[type-arg]  # generic in newer versions of click only
    """A click type that converts a word by the schema of an argument."""

    name = "word"

    def __init__(self, argument: TableArgument) -> None:
        self._schema = argument.schema

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """See :meth:`click.ParamType.convert`."""
        try:
            return convert(value, self._schema)
        except UnfitWord as error:
            self.fail(f"{error}.", param, ctx)

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
        """The possible words, if the schema lists them."""
        return [CompletionItem(word) for word in choices_of(self._schema) if word.startswith(incomplete)]


def _key(position: int) -> str:
    """The name of an argument inside click. The operation's own name may not be a valid one."""
    return f"argument_{position}"


def _parameter(position: int, argument: TableArgument) -> click.Parameter:
    if argument.is_required:
        return click.Argument([_key(position)], type=Word(argument), metavar=argument.name.upper())
    if is_switch(argument.schema):
        return _switch(position, argument)
    flags = dict.fromkeys([argument.flag, f"--{argument.name}"])
    default = "" if is_empty(argument.default) else f" [default: {json.dumps(argument.default, ensure_ascii=False)}]"
    kind = kind_of(argument.schema)
    if argument.default is None:
        kind = kind.removesuffix(" or null")  # null is the same as leaving the option out
    told = f"{kind[0].upper()}{kind[1:]}.{escaped(default)}"
    return click.Option([_key(position), *flags], type=Word(argument), metavar=metavar_of(argument.schema), help=told)


def _switch(position: int, argument: TableArgument) -> click.Option:
    """A pair of flags for a boolean argument: ``--wait`` and ``--no-wait``. Without either, the daemon uses its default."""
    yes, no = argument.switches
    flags = dict.fromkeys([f"{yes}/{no}", f"--{argument.name}/--no-{argument.name}"])
    default = "" if argument.default is None else f" [default: {yes if argument.default else no}]"
    told = f"Whether to {argument.name.replace('_', ' ')}.{default}"
    return click.Option([_key(position), *flags], default=None, help=escaped(told))


def _command(operation: TableOperation) -> click.Command:
    parameters = [_parameter(position, argument) for position, argument in enumerate(operation.arguments)]
    if all(argument.name != "instance" for argument in operation.arguments):
        said = f"Which one: {', '.join(operation.instances)}."
        parameters.append(
            click.Option(["instance", "--instance"], metavar="NAME", help=said, shell_complete=_complete(operation))
        )

    @click.pass_context
    def run(ctx: click.Context, /, instance: str | None = None, **words: Any) -> None:
        params = _said(ctx, operation, words)
        if instance is not None:
            params["instance"] = instance
        elif "instance" not in params:
            _tell_others(operation)
            if operation.role == "viewer" and len(_wires(operation)) > 1:
                _list_all(ctx.ensure_object(Invocation), operation, params)
                return
            _choose(ctx.ensure_object(Invocation), operation, params)
        _call(ctx, operation, params)

    lines = [operation.summary, "", "\b", *(_line(argument) for argument in operation.arguments if argument.is_required)]
    return NetdCommand(operation.verb, callback=run, params=parameters, help="\n".join(lines), short_help=operation.summary)


def _complete(operation: TableOperation) -> Callable[[click.Context, click.Parameter, str], list[CompletionItem]]:
    return lambda _ctx, _param, incomplete: [CompletionItem(one) for one in operation.instances if one.startswith(incomplete)]


def _line(argument: TableArgument) -> str:
    return f"{argument.name.upper()} is {kind_of(argument.schema)}."


def _said(ctx: click.Context, operation: TableOperation, words: dict[str, Any]) -> dict[str, Any]:
    """The arguments given on the command line. For the others, the daemon uses its defaults."""
    absent = click.core.ParameterSource.DEFAULT
    keys = {_key(position): argument.name for position, argument in enumerate(operation.arguments)}
    return {keys[key]: value for key, value in words.items() if ctx.get_parameter_source(key) is not absent}


def _tell_others(operation: TableOperation) -> None:
    """Warn that only one of several instances is asked: the devices of one relay are not all devices.

    What is on other nodes is told of for lists alone: whoever changes something has it in mind.
    """
    nodes = sorted({instance.partition("@")[2] for instance in operation.instances} - {""})
    if nodes and operation.verb == "list":
        click.echo(escaped(f"netd: this is the list of this node; --on {' or '.join(nodes)} has another one"), err=True)
    others = [instance for instance in operation.instances if instance != MAIN and "@" not in instance]
    if MAIN in operation.instances and others:
        click.echo(escaped(f"netd: this is the instance {MAIN}; choose {' or '.join(others)} with --instance"), err=True)


def _wires(operation: TableOperation) -> list[str]:
    """The wires of this node that offer *operation*, where none of them is the main one, which is meant otherwise."""
    own = [instance for instance in operation.instances if "@" not in instance]
    return own if operation.service == "wire" and MAIN not in own else []


def _list_all(invocation: Invocation, operation: TableOperation, params: dict[str, Any]) -> None:
    """Show a list of each wire, one below the other."""
    with invocation.control() as control:
        found = {instance: control.call(operation.name, instance=instance, **params) for instance in _wires(operation)}
    if invocation.as_json:
        invocation.show(found)
        return
    for instance, result in found.items():
        click.echo(f"[wire:{instance}]")
        invocation.show(result, operation.result)


def _choose(invocation: Invocation, operation: TableOperation, params: dict[str, Any]) -> None:
    """Say which of several wires is meant, where none is the main one: the one that has the peer, by its name.

    :raises Misused: if nothing tells which.
    """
    own = _wires(operation)
    if len(own) < 2:
        return
    found: list[str] = []
    if "name" in params:
        with invocation.control() as control:
            found = wires_having(control, own, params["name"])
    if len(found) != 1:
        of_name = f"no peer {params['name']!r} is connected to any" if "name" in params and not found else "several wires run"
        raise Misused(f"{of_name}: say which wire by --instance {' or '.join(found or own)}")
    params["instance"] = found[0]


def _call(ctx: click.Context, operation: TableOperation, params: dict[str, Any]) -> None:
    invocation = ctx.ensure_object(Invocation)
    with invocation.control(invocation.patience(params.get("deadline"))) as control:
        result = control.call(operation.name, **params)
        events = () if operation.name not in _OF_EVENTS or invocation.as_json else fetch_events(control)
    invocation.show(result, operation.result, events)
    ctx.exit(exit_status(result))


def exit_status(result: object) -> Exit:
    """The exit code for the result of an operation. A result whose status is ``failed`` or ``expired`` is no success."""
    status = result.get("status") if isinstance(result, dict) else None
    return {"failed": Exit.FAILED, "expired": Exit.TIMED_OUT}.get(str(status), Exit.OK)
