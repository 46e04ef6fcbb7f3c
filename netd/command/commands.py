"""The commands of one service: the arguments of each function, from its signature, and their values, from a JSON object."""

from __future__ import annotations

import difflib
import inspect
from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import islice
from typing import Any

from attrs import field, frozen

from netd.codec.arguments import describe_argument
from netd.codec.jsontypes import bind, check_type
from netd.codec.token_member import TOKEN
from netd.command.declaration import Declaration
from netd.command.results import CommandFacts
from netd.command.rights import LISTING, action_of
from netd.errors import NetdError
from netd.operations import NO_DEFAULT, Argument
from netd.principal import Action, Role

__all__ = ["COMMAND_ID", "ID", "LIST", "BadFunctions", "Command", "Commands", "place_of", "read_command"]

MOST_COMPARED = 3
"""Names that an unknown one is compared with, letter by letter. More would let a flood of unknown names delay other programs."""

COMMAND_ID, ID = "command_id", "id"
"""The members of a command that belong to the protocol. All others are arguments."""

LIST = "command.list"
"""The ``command_id`` that every service answers itself."""

_WHOLE = "data"
_UNKNOWN = inspect.Parameter.empty


class BadFunctions(NetdError):
    """The user's functions cannot be served. The message names file and line, and the remedy."""


@frozen
class Command:
    """One function that programs can run.

    :ivar arguments: the arguments that it takes by name; none when it takes the whole object.
    :ivar takes_rest: whether it has a parameter like ``**more``, which takes all other members.
    :ivar whole: the name of the parameter that takes the whole JSON object, or ``""``.
    :ivar help: its docstring.
    :ivar place: ``file:line`` of the function.
    :ivar role: the least role that a caller with a token for the consoles needs.
    :ivar action: running it.
    """

    command_id: str
    function: Callable[..., Any]
    is_blocking: bool
    arguments: tuple[Argument, ...]
    takes_rest: bool
    whole: str
    help: str
    place: str
    role: Role = Role.OPERATOR
    action: Action = field(init=False, repr=False, eq=False)
    _types: dict[str, object] = field(init=False, repr=False, eq=False)
    _defaults: dict[str, object] = field(init=False, repr=False, eq=False)

    @action.default
    def _own_action(self) -> Action:
        return LISTING if self.command_id == LIST else action_of(self.role)

    @_types.default
    def _all_types(self) -> dict[str, object]:
        return {argument.name: argument.type for argument in self.arguments}

    @_defaults.default
    def _all_defaults(self) -> dict[str, object]:
        return {argument.name: argument.default for argument in self.arguments if not argument.is_required}

    def bind(self, members: Mapping[str, Any], named_by: str = COMMAND_ID) -> dict[str, Any]:
        """Return the function's keyword arguments for a command with *members*.

        :param named_by: the member that has named the command.
        :raises InvalidArguments: naming the argument that is missing, unknown or of the wrong type.
        """
        # The fast way: each member is an argument, and its value is of exactly the type that is wanted. Anything else is left to
        # bind_with_care, which converts and says what is wrong.
        types, bound = self._types, self._defaults.copy()
        for name, value in members.items():
            if types.get(name) is type(value) and name != named_by:
                bound[name] = value
            elif name not in (named_by, ID):
                return self.bind_with_care(members, named_by)
        return bound if len(bound) == len(types) and not self.whole else self.bind_with_care(members, named_by)

    def bind_with_care(self, members: Mapping[str, Any], named_by: str = COMMAND_ID) -> dict[str, Any]:
        """Like :meth:`bind`, for values that have to be converted, collected or refused."""
        if self.whole:
            return {self.whole: dict(members)}
        given = dict(members)
        given.pop(named_by, None)
        given.pop(ID, None)
        if not self.takes_rest:
            return bind(self.arguments, given)
        known = {argument.name for argument in self.arguments}
        rest = {name: given.pop(name) for name in list(given) if name not in known}
        return bind(self.arguments, given) | rest

    def describe(self) -> CommandFacts:
        """Return facts about this command."""
        arguments = [describe_argument(argument) for argument in self.arguments]
        return CommandFacts(self.command_id, self.help, self.is_blocking, arguments, self.takes_rest or bool(self.whole))


class Commands:
    """Every command of one service, by ``command_id``."""

    def __init__(self, commands: Iterable[Command] = ()) -> None:
        self._commands: dict[str, Command] = {}
        for command in commands:
            self.add(command)

    def __iter__(self) -> Iterator[Command]:
        """Iterate over the commands, sorted by ``command_id``."""
        return iter(sorted(self._commands.values(), key=lambda command: command.command_id))

    def add(self, command: Command) -> None:
        """Add *command*.

        :raises BadFunctions: when there is another of that ``command_id``.
        """
        other = self._commands.setdefault(command.command_id, command)
        if other is not command:
            raise BadFunctions(
                f"{command.place}: command {command.command_id!r} is there already, at {other.place}; rename one of the two"
            )

    def check_names(self) -> None:
        """Make sure that no function has a parameter that is a proof where the section takes tokens.

        :raises BadFunctions: naming the first that has one.
        """
        for command in self:
            if any(argument.name == TOKEN for argument in command.arguments):
                raise BadFunctions(
                    f"{command.place}: command {command.command_id!r}: {TOKEN}: programs prove by this member who they are, as "
                    "`access` has `tokens`; call the parameter something else"
                )

    def find(self, command_id: str) -> Command | None:
        """Return the command of that name, or None."""
        return self._commands.get(command_id)

    def nearest(self, command_id: str, is_shown: Callable[[Command], bool] = lambda command: True) -> str:
        """Return ``did you mean …?`` for an unknown name, or ``""``. Commands are proposed if *is_shown* returns True."""
        size, letters = len(command_id), set(command_id[:80])
        alike = (
            name
            for name, command in self._commands.items()
            if abs(len(name) - size) <= 2 and len(letters.symmetric_difference(name)) <= 3 and is_shown(command)
        )
        candidates = list(islice(alike, MOST_COMPARED))
        near = difflib.get_close_matches(command_id, candidates, 1)
        return f"did you mean {near[0]!r}?" if near else ""

    def describe(self, is_shown: Callable[[Command], bool] = lambda command: True) -> list[CommandFacts]:
        """Return facts about all commands, or those that *is_shown* returns True for."""
        return [command.describe() for command in self if is_shown(command)]


def place_of(function: Callable[..., Any]) -> str:
    """Return ``file:line`` of *function*, or its ``repr`` if it was not written in Python."""
    code = getattr(inspect.unwrap(function), "__code__", None)
    return f"{code.co_filename}:{code.co_firstlineno}" if code is not None else repr(function)


def read_command(declaration: Declaration) -> Command:
    """Return the command that *declaration* declares.

    :raises BadFunctions: when the function's signature cannot be served by a JSON object.
    """
    function, place = declaration.function, place_of(declaration.function)
    try:
        parameters = list(inspect.signature(function, eval_str=True).parameters.values())
        whole = _whole(declaration.whole, parameters)
        arguments = () if whole else tuple(_arguments(parameters))
    except Exception as error:  # annotations are expressions of the user's: evaluating them may raise anything
        raise BadFunctions(f"{place}: command {declaration.command_id!r}: {str(error) or type(error).__name__}") from None
    return Command(
        declaration.command_id,
        function,
        declaration.is_blocking,
        arguments,
        any(parameter.kind is parameter.VAR_KEYWORD for parameter in parameters),
        whole,
        inspect.getdoc(function) or "",
        place,
        Role[declaration.role.upper()],
    )


def _whole(wanted: bool | None, parameters: list[inspect.Parameter]) -> str:
    """Return the name of the parameter that takes the whole object, or ``""``."""
    if wanted is False:
        return ""
    is_alone = len(parameters) == 1 and parameters[0].kind is inspect.Parameter.POSITIONAL_OR_KEYWORD
    if wanted and not is_alone:
        raise ValueError("whole=True takes a function with exactly one parameter")
    if wanted:
        return parameters[0].name
    if not is_alone or parameters[0].name != _WHOLE or parameters[0].default is not _UNKNOWN:
        return ""
    annotation = parameters[0].annotation
    is_object = annotation in (_UNKNOWN, Any, object, dict) or getattr(annotation, "__origin__", None) is dict
    return _WHOLE if is_object else ""


def _arguments(parameters: list[inspect.Parameter]) -> Iterator[Argument]:
    for parameter in parameters:
        if parameter.kind is parameter.VAR_KEYWORD:
            continue
        if parameter.kind in (parameter.POSITIONAL_ONLY, parameter.VAR_POSITIONAL):
            raise ValueError(f"{parameter}: arguments are given by name; take this one by name, too")
        if parameter.name in (COMMAND_ID, ID):
            raise ValueError(f"{parameter.name}: the protocol uses this name; call the parameter something else")
        annotation = Any if parameter.annotation is _UNKNOWN else parameter.annotation
        try:
            check_type(annotation)
        except Exception as error:
            remedy = "write one of str, int, float, bool, list, dict and dataclasses, or no annotation"
            raise ValueError(f"{parameter.name}: no JSON value can be of this type: {error}; {remedy}") from None
        yield Argument(parameter.name, annotation, NO_DEFAULT if parameter.default is _UNKNOWN else parameter.default)
