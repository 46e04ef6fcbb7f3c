"""What an agent of telemetry sessions says (``docs/protocols/session.md``), and when."""

from __future__ import annotations

import json
import logging
import math
import re
import typing
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import NamedTuple

from netd.client.way import Server, check_choice

AUTO, NETD, OLD = "auto", "netd", "old"
DIALECTS = (AUTO, NETD, OLD)

QUESTION, ANSWER = b"netd?\n", b"netd"
"""What an agent of either dialect asks on the control connection, and what netd answers; older servers do not read there."""

ANSWER_TIMEOUT = 1.0
"""Seconds in which netd answers."""

AGENT_PORT, SERVER_PORT = 10001, 10000
ID_TIMEOUT = 10.0
"""Seconds in which the server must say the session's id after it has connected."""

ID_PAUSE = 0.05
"""Seconds of silence that end the id: nothing else does."""

ANNOUNCE_PAUSE, START_PAUSE = 0.3, 1.0
"""Seconds between the announcements of the old dialect, and before its first sample: old servers take a ``recv`` for a token."""

OLD_CHANNELS = "xyz"

OLD_TOKEN = 16
"""Bytes of a token that an old server reads."""

Value = typing.Union[float, int, None, "tuple[float, float]"]
"""A number; a number and its time (seconds since the epoch); or None for no sample this time."""

Source = typing.Union["Callable[[], Value]", "Iterable[Value]"]


class AgentError(Exception):
    """Base of everything that went wrong between this agent and the server; ``str()`` of it is fit for a person."""


class SessionLost(AgentError):
    """The session ended; the text says how."""


class Refused(SessionLost):
    """The server hung up and said why; the text is the server's."""


class NotANumber(AgentError, ValueError):
    """A value that cannot be a sample."""


class Channel(NamedTuple):
    """One thing that is measured.

    :ivar source: a function that is called for each value, or an iterable of values; None where the program says them itself,
        with :meth:`Agent.say`.
    :ivar every: seconds between two values; None takes the agent's.
    """

    source: Source | None = None
    label: str = ""
    unit: str = ""
    every: float | None = None


class Hooks(NamedTuple):
    """What is called when something happens.

    :ivar started: with the session's id and the server's host.
    :ivar stopped: with the reason.
    :ivar pinged: on each ping.
    """

    started: Callable[[int, str], object] = lambda session, host: None
    stopped: Callable[[str], object] = lambda reason: None
    pinged: Callable[[], object] = lambda: None


SESSION_SERVER = Server("the server", SessionLost, SessionLost, SessionLost)


def read_channels(channels: Mapping[str, Channel | Source], dialect: str) -> dict[str, Channel]:
    """*channels* by name, each a :class:`Channel`.

    :raises ValueError: when a name cannot be one in *dialect*, or there is none.
    """
    check_choice("dialect", dialect, *DIALECTS)
    if not channels:
        raise ValueError("an agent has at least one channel")
    for name in channels:
        if not re.fullmatch(r"[A-Za-z0-9_-]{1,63}", name):
            raise ValueError(f"{name!r} cannot name a channel: 1 to 63 letters, digits, _ and - can")
        if dialect == OLD and name not in OLD_CHANNELS:
            raise ValueError(f"{name!r} cannot be a channel of the old dialect: x, y and z are")
    return {name: one if isinstance(one, Channel) else Channel(one) for name, one in channels.items()}


def can_be_old(channels: Iterable[str]) -> bool:
    """Whether the old dialect has names for all *channels*."""
    return all(name in OLD_CHANNELS for name in channels)


def dialect_of(word: bytes) -> str:
    """What to speak with a server that has answered the question with *word*, or with nothing.

    :raises SessionLost: when it has said that the session is over.
    """
    if b"stop" in word:
        raise SessionLost("the server said stop")
    return NETD if ANSWER in word else OLD


def check_agent_name(name: str | None) -> None:
    """:raises ValueError: when no agent can be called *name*."""
    if name is not None and (not re.fullmatch(r"[A-Za-z0-9_-]{1,63}", name) or name.isdigit()):
        raise ValueError(f"{name!r} cannot name an agent: 1 to 63 letters, digits, _ and - can, not digits alone")


def hello(session: int, channels: Mapping[str, Channel], name: str | None = None, token: str | None = None) -> bytes:
    """The first line of the data connection."""
    described = {channel: {"label": one.label, "unit": one.unit} for channel, one in channels.items()}
    named = {} if name is None else {"name": name}
    proof = {} if token is None else {"token": token}
    return json.dumps({"session": session, **named, **proof, "channels": described}).encode("ascii") + b"\n"


def announcements(session: int) -> list[bytes]:
    """What the old dialect announces, to be sent one by one."""
    return [b"s%d%d" % (place + 1, session + place) for place in range(len(OLD_CHANNELS))]


def sample(name: str, value: Value) -> bytes | None:
    """One sample as a line; None for no sample.

    :raises NotANumber: when *value* is no finite number.
    """
    if value is None:
        return None
    numbers = value if isinstance(value, tuple) else (value,)
    return b" ".join([name.encode("ascii"), *map(number, numbers)]) + b"\n"


def old_sample(name: str, value: Value) -> bytes | None:
    """One sample as a token of the old dialect, which knows no time; raises what :func:`sample` raises.

    An old server takes the first 16 bytes for the token: a number that is longer is rounded.
    """
    if value is None:
        return None
    exact = value[0] if isinstance(value, tuple) else value
    token = name.encode("ascii") + number(exact)
    digits = OLD_TOKEN
    while len(token) > OLD_TOKEN:
        digits -= 1
        token = name.encode("ascii") + b"%.*g" % (digits, float(exact))
    return token


def number(value: float) -> bytes:
    """*value* in decimal.

    :raises NotANumber: when it is no finite number.
    """
    try:
        finite = float(value)
    except (TypeError, ValueError, OverflowError):
        finite = math.nan
    if not math.isfinite(finite):
        raise NotANumber(f"{value!r} is no finite number")
    return repr(int(finite) if finite == int(finite) and abs(finite) < 1e15 else finite).encode("ascii")


def tell_failure(log: logging.Logger, name: str, error: Exception) -> None:
    """Log that a channel has no value this time; with a traceback where the program may want to know where."""
    log.warning("channel %s has no value this time: %s", name, error, exc_info=None if isinstance(error, NotANumber) else error)


def read_id(received: bytes) -> int:
    """The session's id.

    :raises SessionLost: when *received* is none.
    """
    if not re.fullmatch(rb"\s*[0-9]{1,15}\s*", received):
        raise SessionLost(f"the server said no session id but {received[:40]!r}")
    return int(received)


def read_complaint(received: bytes) -> SessionLost:
    """What it means that the server has said *received* on the data connection (nothing: it hung up)."""
    try:
        error = json.loads(received.decode("utf-8"))["error"]
    except (ValueError, KeyError, TypeError, RecursionError):
        return SessionLost("the server closed the data connection")
    return Refused(f"the server said: {error}")


class Schedule:
    """When which channel is to be asked for its next value.

    A source that raises, or gives what is no number, is logged and asked again next time; an iterable that is at its end is not.

    :param every: seconds between two values of a channel that does not say its own.
    :ivar every: seconds between two values of each channel.
    :ivar others: channels that are not asked: the program says their values itself.
    """

    _log = logging.getLogger("netd.client.session")

    def __init__(self, channels: Mapping[str, Channel], dialect: str, every: float) -> None:
        self.speak(dialect)
        self._sources = {name: _puller(channel.source) for name, channel in channels.items() if channel.source is not None}
        self.others = len(channels) - len(self._sources)
        self.every = {name: every if channel.every is None else channel.every for name, channel in channels.items()}
        if not all(pause > 0 for pause in self.every.values()):
            raise ValueError("every: a number of seconds above 0")
        self._due: dict[str, float] = {}

    def speak(self, dialect: str) -> None:
        """Encode for *dialect* from now on."""
        self._encode = old_sample if dialect == OLD else sample

    def start(self, now: float) -> None:
        """A session begins: every channel is due."""
        self._due = dict.fromkeys(self._sources, now)

    @property
    def is_exhausted(self) -> bool:
        """Whether no channel has anything more to say."""
        return not (self._sources or self.others)

    def wait(self, now: float) -> float:
        """Seconds until the next channel is due, an hour at most."""
        return max(0.0, min(self._due.values(), default=now + 3600.0) - now)

    def take(self, now: float) -> list[bytes]:
        """The samples of all channels that are due, each encoded. After a delay, none is made up for."""
        taken = []
        for name in [name for name, due in self._due.items() if due <= now]:
            behind = now - self._due[name]
            self._due[name] = now + self.every[name] - behind % self.every[name]
            encoded = self._encoded(name)
            if encoded is not None:
                taken.append(encoded)
        return taken

    def _encoded(self, name: str) -> bytes | None:
        try:
            return self._encode(name, self.ask(name))
        except StopIteration:
            del self._sources[name], self._due[name]
        except Exception as error:
            tell_failure(self._log, name, error)
        return None

    def ask(self, name: str) -> Value:
        """The next value of a source; raises what it raises."""
        return self._sources[name]()


def _puller(source: Source) -> Callable[[], Value]:
    if callable(source):
        return source
    iterator: Iterator[Value] = iter(source)
    return iterator.__next__
