"""The language of the menu: what a line means, by the table of operations alone.

This module parses and explains. It neither calls operations nor writes to a terminal: commands are returned as values, and help
is returned as values, too, which the menu renders like any other result.
"""

from __future__ import annotations

import difflib
import enum
import shlex
from typing import Any

from attrs import frozen

from netd.codec.arguments import describe_result
from netd.codec.jsontext import BadJSON, decode
from netd.codec.jsontypes import schema
from netd.codec.schemas import kind_of, takes_text
from netd.errors import InvalidArguments, NoSuchOperation
from netd.operations import EVERYWHERE, Argument, Operation, OperationTable

__all__ = ["Help", "Invoke", "MenuCommand", "MenuGrammar", "MenuWord"]

_EXAMPLES = 'a number, true, false, null, ["a", "b"] or {"key": "value"}'
_HELP = "help"
_QUESTION = "?"
_INSTANCE = Argument("instance", str, None)


class MenuWord(enum.Enum):
    """Commands of the menu itself. Their names take precedence over the short names of operations."""

    NOTHING = ""
    QUIT = "quit"
    PYTHON = "python"


@frozen
class Help:
    """List all commands, or explain *topic*."""

    topic: str | None


@frozen
class Invoke:
    """Call the operation *name* with *parameters*."""

    name: str
    parameters: dict[str, Any]


MenuCommand = MenuWord | Help | Invoke


class MenuGrammar:
    """The language of the menu over one table of operations.

    :param has_python: whether help mentions the command ``python``.
    """

    def __init__(self, table: OperationTable, has_python: bool = False) -> None:
        self._table = table
        self._has_python = has_python

    def read(self, line: str) -> MenuCommand:
        """Parse *line*.

        Words are separated by spaces and quoted as in a shell. Arguments are given by position or as ``name=value``. A value is
        text if its argument takes text, and JSON otherwise.

        :raises NoSuchOperation: with the nearest name.
        :raises InvalidArguments: naming the argument, or the fault in the quoting.
        """
        try:
            words = shlex.split(line)
        except ValueError as error:
            raise InvalidArguments(
                f"the quotes do not match ({error}); write \\' or \\\" for a quote that is meant as itself"
            ) from None
        if not words:
            return MenuWord.NOTHING
        first, *arguments = words
        if first in {_HELP, _QUESTION}:
            return Help(arguments[0] if arguments else None)
        for word in (MenuWord.QUIT, MenuWord.PYTHON):
            if first == word.value and not arguments:
                return word
        operation, _ = self._find(first)
        return Invoke(operation.name, _parameters(operation, arguments))

    def complete(self, before: str) -> list[str]:
        """Return what the last word of *before* may become: a command, the topic of help, or the name of an argument.

        A word that is whole then has the space behind it.
        """
        *earlier, begun = before.lstrip().split(" ")
        names = [f"{operation.name} " for operation, _ in self._table]
        if not earlier:
            own = [_HELP, MenuWord.QUIT.value, *([MenuWord.PYTHON.value] if self._has_python else [])]
            names = sorted([*names, *(f"{word} " for word in own)])
        elif earlier[0] not in {_HELP, _QUESTION}:
            names = self._arguments_of(earlier[0])
        return [name for name in names if name.startswith(begun)]

    def help(self, topic: str | None) -> Any:
        """Return the list of all commands, or the explanation of the operation *topic*, a full or a short name.

        :raises NoSuchOperation: with the nearest name.
        """
        if topic is not None:
            return self._explain(*self._find(topic))
        rows = [
            {"command": operation.name, "arguments": _usage(operation, instances), "what it does": operation.summary}
            for operation, instances in self._table
        ]
        rows.append(
            {
                "command": f"{_HELP} or {_QUESTION}",
                "arguments": "[command]",
                "what it does": "Show this list, or one command with its arguments.",
            }
        )
        if self._has_python:
            rows.append({"command": MenuWord.PYTHON.value, "arguments": "", "what it does": "Go to the Python prompt."})
        return [*rows, {"command": MenuWord.QUIT.value, "arguments": "", "what it does": "Leave."}]

    def other_instances(self, command: Invoke) -> list[str]:
        """Return the instances that *command* does not go to but could; none when it names its instance."""
        _, instances = self._find(command.name)
        meant = self._table.meant(command.name)
        return (
            []
            if "instance" in command.parameters or meant == EVERYWHERE
            else [instance for instance in instances if instance != meant]
        )

    def result_of(self, command: Invoke) -> dict[str, Any]:
        """The JSON Schema of what *command* gives."""
        operation, _ = self._find(command.name)
        return describe_result(operation)

    def _arguments_of(self, name: str) -> list[str]:
        """Return the names of the arguments of a command, as they are written before their values; none for an unknown one."""
        try:
            operation, _ = self._find(name)
        except NoSuchOperation:
            return []
        return [f"{argument.name}=" for argument in operation.arguments]

    def _find(self, name: str) -> tuple[Operation, tuple[str, ...]]:
        """Return the operation of that full name, or whose last part is *name*, with its instances."""
        offers = {operation.name: (operation, instances) for operation, instances in self._table}
        if name in offers:
            return offers[name]
        meant = [full for full in offers if full.rpartition(".")[2] == name]
        if len(meant) > 1:
            raise NoSuchOperation(f"{name!r} can mean {' or '.join(meant)}; write the full name")
        if not meant:
            commands = {_HELP, *(word.value for word in MenuWord), *offers, *(full.rpartition(".")[2] for full in offers)}
            near = difflib.get_close_matches(name, sorted(commands), 1)
            hint = f" (did you mean {near[0]}?)" if near else ""
            raise NoSuchOperation(f"no command {name!r}{hint}; help lists what there is")
        return offers[meant[0]]

    def _explain(self, operation: Operation, instances: tuple[str, ...]) -> dict[str, Any]:
        explanation: dict[str, Any] = {
            "command": f"{operation.name} {_usage(operation, instances)}".rstrip(),
            "what it does": operation.summary,
            "role": operation.role.name.lower(),
            "instances": ", ".join(instances),
        }
        arguments = [
            {
                "name": argument.name,
                "takes": kind_of(schema(argument.type)),
                "when left out": "must be given" if argument.is_required else repr(argument.default),
            }
            for argument in operation.arguments
        ]
        if len(instances) > 1:
            meant = self._table.meant(operation.name)
            left_out = "must be given" if meant is None else "all nodes" if meant == EVERYWHERE else repr(meant)
            arguments.append({"name": "instance=", "takes": " or ".join(instances), "when left out": left_out})
        if arguments:
            explanation["arguments"] = arguments
        return explanation


def _usage(operation: Operation, instances: tuple[str, ...] = ()) -> str:
    """The arguments as a person writes them: ``target [text] [deadline]``, and ``[instance=…]`` where *instances* are several."""
    words = [argument.name if argument.is_required else f"[{argument.name}]" for argument in operation.arguments]
    return " ".join([*words, "[instance=…]"] if len(instances) > 1 else words)


def _parameters(operation: Operation, words: list[str]) -> dict[str, Any]:
    known = {argument.name: argument for argument in (*operation.arguments, _INSTANCE)}
    parameters: dict[str, Any] = {}
    for position, word in enumerate(words):
        name, equals, text = word.partition("=")
        hint = ""
        if not (equals and name.isidentifier()):
            hint = _quoting_hint(operation, position)
            if position >= len(operation.arguments):
                usage = f"{operation.name} {_usage(operation)}".rstrip()
                raise InvalidArguments(f"{word!r} is one argument too many: write {usage}{hint}")
            name, text = operation.arguments[position].name, word
        if name not in known:
            has = ", ".join(known)
            raise InvalidArguments(
                f"{name}: {operation.name} has no such argument (it has {has}); text with '=' is written NAME={word!r}"
            )
        if name in parameters:
            raise InvalidArguments(f"{name}: is given twice{hint}")
        parameters[name] = _value(known[name], text, hint)
    for argument in operation.arguments:
        if argument.is_required and argument.name not in parameters:
            raise InvalidArguments(f"{argument.name}: is missing; write {operation.name} {_usage(operation)}")
    return parameters


def _quoting_hint(operation: Operation, position: int) -> str:
    """Return the remedy for the case that the word at *position* belongs to the text before it."""
    has_text = any(takes_text(schema(argument.type)) for argument in operation.arguments[:position])
    return "; quote text with spaces" if has_text else ""


def _value(argument: Argument, text: str, hint: str) -> Any:
    """*text* as the argument takes it: as itself, or as the JSON value that it writes; anything goes where anything is taken.

    :param hint: ends the complaint about what cannot be taken.
    """
    described = schema(argument.type)
    if takes_text(described):
        return text
    try:
        return decode(text.encode("utf-8"))
    except BadJSON:
        if not described:
            return text
        raise InvalidArguments(f"{argument.name}: {text!r} is not {kind_of(described)}; write {_EXAMPLES}{hint}") from None
