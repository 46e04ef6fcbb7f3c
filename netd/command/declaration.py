"""``@command``: how a function of the user's says that programs may run it. Imports nothing of netd, and registers nowhere.

What is declared is noted on the function, and in the namespace of the module that it is written in: the second, because a later
function of the same name hides an earlier one, and two functions under one ``command_id`` must not go unnoticed.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple, TypeVar

__all__ = ["Declaration", "command", "declarations_in"]

Function = TypeVar("Function", bound=Callable[..., Any])

_NOTE = "__netd_commands__"
_LONGEST = 200
_ROLES = ("viewer", "operator", "admin")


class Declaration(NamedTuple):
    """One function under one ``command_id``.

    :ivar is_blocking: it runs in a thread.
    :ivar whole: it takes the whole JSON object (True), its members as arguments (False), or whichever its signature says (None).
    :ivar role: the least role that a caller with a token for the consoles needs.
    """

    command_id: str
    function: Callable[..., Any]
    is_blocking: bool
    whole: bool | None
    role: str = "operator"


def command(
    command_id: str, /, *, blocking: bool = False, whole: bool | None = None, role: str = "operator"
) -> Callable[[Function], Function]:
    """Let programs run the function below under *command_id*. Several of these on one function give it several names.

    :param command_id: what programs write; 1 to 200 characters.
    :param blocking: it waits for hardware, files or the network: run it in a thread, not in the reactor. A coroutine function
        gets an asyncio loop of its own there.
    :param whole: whether its one parameter takes the whole JSON object. Left out, that is so when the parameter is called
        ``data`` and has no annotation, or that of a dictionary.
    :param role: who may run it: ``viewer``, ``operator`` or ``admin``. Programs without a token may run all but the last; a token
        for this command may run it in any case. The command is hidden from those who may not.
    :raises TypeError: when *command_id* is no text of that length, as in ``@command`` without parentheses, or there is no such
        role.
    """
    written: object = command_id
    if not isinstance(written, str) or not 0 < len(written) <= _LONGEST:
        raise TypeError(f'write @command("name"), with a name of 1 to {_LONGEST} characters, instead of {written!r:.80}')

    if role not in _ROLES:
        raise TypeError(f"role: {role!r:.80} is none of {', '.join(_ROLES)}")

    def declare(function: Function) -> Function:
        declaration = Declaration(command_id, function, blocking, whole, role)
        namespace = getattr(inspect.unwrap(function), "__globals__", {})
        for notes in (vars(function), namespace):
            notes[_NOTE] = (*notes.get(_NOTE, ()), declaration)
        return function

    return declare


def declarations_in(namespace: dict[str, Any]) -> Iterator[Declaration]:
    """Return the functions that the module with *namespace* declares, in order, then those that it imported; each once."""
    noted = list(namespace.get(_NOTE, ()))
    for value in list(namespace.values()):
        notes = getattr(value, _NOTE, None) if callable(value) else None
        if isinstance(notes, tuple):
            noted += notes
    return iter(dict.fromkeys(declaration for declaration in noted if isinstance(declaration, Declaration)))
