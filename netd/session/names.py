"""The names of agents, which are tokens of subjects.

A subject names the agent and not the session: session ids begin at 1 with each start of the daemon, so that yesterday's subject
of one agent would be today's subject of another.
"""

from __future__ import annotations

from collections.abc import Callable

from netd.bus.subject import token
from netd.errors import InvalidArguments
from netd.message import NAME

__all__ = ["AgentNames", "check_name", "is_name", "name_of_host"]


def is_name(text: object) -> bool:
    """Whether *text* can be the name of an agent. Digits alone cannot: they are the id of a session."""
    return isinstance(text, str) and NAME.fullmatch(text) is not None and not text.isdigit()


def check_name(text: str) -> None:
    """Make sure that *text* can be the name of an agent.

    :raises InvalidArguments: when it cannot.
    """
    if not is_name(text):
        raise InvalidArguments(f"name: {text!r:.80} is no name; write 1 to 63 letters, digits, _ and -, not digits alone")


def name_of_host(host: str) -> str:
    """The name of an agent at *host* to which nobody gave a name: ``127-0-0-1``."""
    name = token(host)
    return f"agent-{name}" if name.isdigit() else name


class AgentNames:
    """The names that live sessions have. Two sessions that want the same name are ``greenhouse`` and ``greenhouse-2``.

    :param is_reserved: whether a credential is there for a name: such a name is not given by a number.
    """

    def __init__(self, is_reserved: Callable[[str], bool]) -> None:
        self._is_reserved = is_reserved
        self._wanted: dict[str, str] = {}

    def take(self, wanted: str) -> str:
        """Take the name *wanted*, or one with a number behind it while another session has that name."""
        name, number = wanted, 1
        while name in self._wanted or (number > 1 and self._is_reserved(name)):
            number += 1
            name = f"{wanted}-{number}"
        self._wanted[name] = wanted
        return name

    def exchange(self, name: str, wanted: str) -> str:
        """Give *name* back, and take *wanted* in its place. A name that was taken for *wanted* stays."""
        if self._wanted[name] == wanted:
            return name
        self.give_back(name)
        return self.take(wanted)

    def give_back(self, name: str) -> None:
        """Free *name*: its session has ended."""
        del self._wanted[name]
