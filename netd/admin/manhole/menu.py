"""What a line of the operator's menu means, worked out from the table of operations alone.

It reads and explains; it neither calls anything nor shows anything: commands come out as values, help as values that the shell
renders like any other result.
"""

from __future__ import annotations

import difflib
import enum
import shlex
from typing import Any

from attrs import frozen

from netd.errors import InvalidArguments, NoSuchOperation
from netd.operations import Argument, Operation, OperationTable
from netd.wire.jsontext import BadJSON, decode, schema

__all__ = ["Command", "Help", "Invoke", "Menu", "Word"]

_TYPES = {
    "string": "text",
    "integer": "whole number",
    "number": "number",
    "boolean": "true or false",
    "null": "null",
    "array": "[…]",
    "object": "{…}",
}
_EXAMPLES = 'a number, true, false, null, ["a", "b"] or {"key": "value"}'
_HELP = "help"
_INSTANCE = Argument("instance", str, None)


class Word(enum.Enum):
    """Commands of the menu itself; their names win over the short names of operations."""

    NOTHING = ""
    QUIT = "quit"
    PYTHON = "python"


@frozen
class Help:
    """Show what there is, or explain *topic*."""

    topic: str | None


@frozen
class Invoke:
    """Call the operation *name* with *parameters*."""

    name: str
    parameters: dict[str, Any]


Command = Word | Help | Invoke


class Menu:
    """The menu over one table of operations."""

    def __init__(self, table: OperationTable) -> None:
        self._table = table

    def read(self, line: str) -> Command:
        """The command that *line* gives.

        Words are separated by spaces and quoted as in a shell. Arguments come by position or as ``name=value``; a value is text
        where its argument takes text, and JSON otherwise.

        :raises NoSuchOperation: with the nearest names.
        :raises InvalidArguments: naming the argument, or what is wrong with the quoting.
        """
        try:
            words = shlex.split(line)
        except ValueError as error:
            raise InvalidArguments(
                f"the quotes do not match ({error}); write \\' or \\\" for a quote that is meant as itself"
            ) from None
        if not words:
            return Word.NOTHING
        first, *arguments = words
        if first == _HELP:
            return Help(arguments[0] if arguments else None)
        for word in (Word.QUIT, Word.PYTHON):
            if first == word.value and not arguments:
                return word
        operation, _ = self._find(first)
        return Invoke(operation.name, _parameters(operation, arguments))

    def help(self, topic: str | None) -> Any:
        """All commands, one a row; or all about the operation *topic*, full or short name.

        :raises NoSuchOperation: with the nearest names.
        """
        if topic is not None:
            return self._explain(*self._find(topic))
        rows = [
            {"command": operation.name, "arguments": _usage(operation), "what it does": operation.summary}
            for operation, _ in self._table
        ]
        return [
            *rows,
            {"command": _HELP, "arguments": "[command]", "what it does": "Show this list, or one command with its arguments."},
            {"command": "python", "arguments": "", "what it does": "Go to the Python prompt."},
            {"command": "quit", "arguments": "", "what it does": "Leave."},
        ]

    def _find(self, name: str) -> tuple[Operation, tuple[str, ...]]:
        """The operation of that full name, or of that last part of its name, with its instances."""
        offers = {operation.name: (operation, instances) for operation, instances in self._table}
        if name in offers:
            return offers[name]
        meant = [full for full in offers if full.rpartition(".")[2] == name]
        if len(meant) > 1:
            raise NoSuchOperation(f"{name!r} can mean {' or '.join(meant)}; write the full name")
        if not meant:
            commands = {_HELP, *(word.value for word in Word), *offers, *(full.rpartition(".")[2] for full in offers)}
            near = difflib.get_close_matches(name, sorted(commands), 1)
            hint = f" (did you mean {near[0]}?)" if near else ""
            raise NoSuchOperation(f"no command {name!r}{hint}; help lists what there is")
        return offers[meant[0]]

    def _explain(self, operation: Operation, instances: tuple[str, ...]) -> dict[str, Any]:
        explanation: dict[str, Any] = {
            "command": f"{operation.name} {_usage(operation)}".rstrip(),
            "what it does": operation.summary,
            "role": operation.role.name.lower(),
            "instances": ", ".join(instances),
        }
        if operation.arguments:
            explanation["arguments"] = [
                {
                    "name": argument.name,
                    "takes": _takes(schema(argument.type)),
                    "when left out": "must be given" if argument.is_required else repr(argument.default),
                }
                for argument in operation.arguments
            ]
        return explanation


def _usage(operation: Operation) -> str:
    """The arguments as a person writes them: ``target [text] [deadline]``."""
    return " ".join(argument.name if argument.is_required else f"[{argument.name}]" for argument in operation.arguments)


def _parameters(operation: Operation, words: list[str]) -> dict[str, Any]:
    known = {argument.name: argument for argument in (*operation.arguments, _INSTANCE)}
    parameters: dict[str, Any] = {}
    for position, word in enumerate(words):
        name, equals, text = word.partition("=")
        if not (equals and name.isidentifier()):
            if position >= len(operation.arguments):
                raise InvalidArguments(f"{word!r} is too much: write {operation.name} {_usage(operation)}".rstrip())
            name, text = operation.arguments[position].name, word
        if name not in known:
            has = ", ".join(known)
            raise InvalidArguments(
                f"{name}: {operation.name} has no such argument (it has {has}); text with '=' is written NAME={word!r}"
            )
        if name in parameters:
            raise InvalidArguments(f"{name}: is given twice")
        parameters[name] = _value(known[name], text)
    for argument in operation.arguments:
        if argument.is_required and argument.name not in parameters:
            raise InvalidArguments(f"{argument.name}: is missing; write {operation.name} {_usage(operation)}")
    return parameters


def _value(argument: Argument, text: str) -> Any:
    """*text* as the argument takes it: as itself, or as the JSON value that it writes; anything goes where anything is taken."""
    described = schema(argument.type)
    if _takes_text(described):
        return text
    try:
        return decode(text.encode("utf-8"))
    except BadJSON:
        if not described:
            return text
        raise InvalidArguments(f"{argument.name}: {text!r} is not {_takes(described)}; write {_EXAMPLES}") from None


def _takes_text(described: dict[str, Any]) -> bool:
    choices = [*described.get("enum", ()), *([described["const"]] if "const" in described else ())]
    return (
        described.get("type") == "string"
        or any(isinstance(choice, str) for choice in choices)
        or any(_takes_text(one) for one in described.get("anyOf", ()))
    )


def _takes(described: dict[str, Any]) -> str:
    """A JSON Schema in words."""
    if "anyOf" in described:
        return " or ".join(_takes(one) for one in described["anyOf"])
    if "enum" in described:
        return " or ".join(str(choice) for choice in described["enum"])
    if "$ref" in described:
        return _TYPES["object"]
    return _TYPES.get(described.get("type", ""), "anything")
