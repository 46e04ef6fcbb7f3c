"""What agents are called.

A subject says whose samples these are, not to which attempt to reach the agent they belong: the numbers of sessions begin at 1
with each daemon, and last night's series would be another agent's today.
"""

from __future__ import annotations

from netd.bus.subject import token
from netd.errors import InvalidArguments
from netd.message import NAME

__all__ = ["AgentNames", "check_name", "is_name", "name_of_host"]


def is_name(text: object) -> bool:
    """Whether an agent can be called *text*. A number would be a session's."""
    return isinstance(text, str) and NAME.fullmatch(text) is not None and not text.isdigit()


def check_name(text: str) -> None:
    """:raises InvalidArguments: when no agent can be called *text*."""
    if not is_name(text):
        raise InvalidArguments(f"name: {text!r:.80} is no name; write 1 to 63 letters, digits, _ and -, not digits alone")


def name_of_host(host: str) -> str:
    """What the agent at *host* is called where nobody gave it a name: ``127-0-0-1``."""
    name = token(host)
    return f"agent-{name}" if name.isdigit() else name


class AgentNames:
    """The names of live sessions. Two sessions of one agent at a time are ``greenhouse`` and ``greenhouse-2``."""

    def __init__(self) -> None:
        self._wanted: dict[str, str] = {}

    def take(self, wanted: str) -> str:
        """*wanted*, or what stands for it while another session is called so."""
        name, number = wanted, 1
        while name in self._wanted:
            number += 1
            name = f"{wanted}-{number}"
        self._wanted[name] = wanted
        return name

    def exchange(self, name: str, wanted: str) -> str:
        """What the session called *name* is called when it should be *wanted*; the same where that is why it has its name."""
        if self._wanted[name] == wanted:
            return name
        self.give_back(name)
        return self.take(wanted)

    def give_back(self, name: str) -> None:
        """The session called *name* has ended."""
        del self._wanted[name]
