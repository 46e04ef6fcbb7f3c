"""Checks passwords, one at a time, and decides whose turn it is when many wait.

A check takes 32 MiB and a third of a second. Guessers who are many could make everybody else wait for minutes; so each network
waits with one password, and the turns go to networks from which somebody has logged in before, then to those with the fewest
wrong and refused passwords, and among equals to the newest: whoever has just come is served next, and whoever guesses waits.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from attrs import define
from twisted.internet.defer import Deferred, fail
from twisted.python.failure import Failure

from netd.errors import NetdError
from netd.secrets.passwords import read_password_file, verify
from netd.secrets.tries import WrongSecrets, network_of

__all__ = ["MOST_WAITING", "Doorkeeper", "InThread", "TooManyLogins", "TooManyWrong"]

MOST_WAITING = 32
"""Passwords that wait at most. Over that, the one whose turn is last is not checked."""

MOST_KNOWN = 100
"""Networks of right passwords that are remembered."""

InThread = Callable[..., Deferred[Any]]
"""Calls a function with arguments in a thread, like ``deferToThreadPool`` with the first two arguments given."""


class Unchecked(NetdError):
    """A password was not checked.

    :ivar kind: a few words for counters.
    """

    kind = ""


class TooManyWrong(Unchecked):
    """So many passwords of an address were wrong within a minute that no further one is checked now."""

    kind = "too many wrong passwords"

    def __init__(self, seconds: float) -> None:
        super().__init__(f"too many wrong passwords came from your address; try again in {max(1, round(seconds))} s")


class TooManyLogins(Unchecked):
    """So many passwords wait for their check, of this address or of all, that this one is not checked."""

    kind = "too many logins at once"


@define(eq=False)
class _Turn:
    """A password that waits.

    :ivar number: grows with each that comes.
    """

    host: str
    number: int
    begun: Deferred[None]


class Doorkeeper:
    """Checks passwords against the file, in a thread.

    :param in_thread: calls a function in a thread and returns a Deferred of its result.
    :param wrong: the count of wrong passwords. It is only read here; callers add to it.
    """

    def __init__(self, path: Path, in_thread: InThread, wrong: WrongSecrets) -> None:
        self.path = path
        self._wrong = wrong
        self._hurried = WrongSecrets(wrong.monotonic)
        self._in_thread = in_thread
        self._waiting: dict[str, _Turn] = {}  # by network
        self._known: dict[str, None] = {}
        self._number = 0
        self._is_checking = False

    def check(self, name: str, password: str, host: str = "") -> Deferred[str | None]:
        """Check whether *password* is that of *name*, by the file as it is at the time.

        :param host: the address that the password comes from.
        :returns: a Deferred of the line of the file that proves it, None if it is wrong. Cancelling it gives the
            place in the queue up. It fails with :class:`netd.secrets.private_files.PrivateFileError` when the file cannot be used
            any more, with :class:`TooManyWrong` when too many passwords of that address are wrong by the time of its turn, and
            with :class:`TooManyLogins` when too many wait.
        """
        network, wait = network_of(host), self._wrong.wait(host)
        if wait:
            return fail(TooManyWrong(wait))
        if network in self._waiting:
            self._hurried.note(host)
            return fail(TooManyLogins("another login from your address is being checked; try again in a moment"))
        self._number += 1
        turn = self._waiting[network] = _Turn(host, self._number, Deferred(partial(self._withdraw, network)))
        answer = turn.begun.addCallback(lambda _: self._begin(name, password, host))
        if len(self._waiting) > MOST_WAITING:
            last = self._waiting.pop(max(self._waiting, key=self._place))
            self._hurried.note(last.host)
            last.begun.errback(TooManyLogins("too many logins wait for their check; try again in a moment"))
        self._go_on()
        return answer

    def is_flooded_from(self, host: str) -> bool:
        """Return True if *host* has sent so many passwords at once, again and again, that its connections are not taken now."""
        return self._hurried.wait(host) > 0.0

    def _withdraw(self, network: str, _begun: Deferred[None]) -> None:
        del self._waiting[network]

    def _place(self, network: str) -> tuple[bool, int, int]:
        """Return the key by which the network's turn is found: the least is next."""
        turn = self._waiting[network]
        return network not in self._known, self._wrong.count(turn.host) + self._hurried.count(turn.host), -turn.number

    def _go_on(self) -> None:
        """Begin the next check, unless one is running."""
        while self._waiting and not self._is_checking:
            self._is_checking = True
            self._waiting.pop(min(self._waiting, key=self._place)).begun.callback(None)

    def _begin(self, name: str, password: str, host: str) -> Deferred[str | None]:
        wait = self._wrong.wait(host)
        if wait:
            self._is_checking = False
            raise TooManyWrong(wait)
        # Cancelling the answer cannot stop the thread. The next check must wait for its end all the same: otherwise connections
        # that hang up at once could fill all threads.
        answer: Deferred[str | None] = Deferred()
        self._in_thread(_check, self.path, name, password).addBoth(self._finish, answer, network_of(host))
        return answer

    def _finish(self, outcome: str | Failure | None, answer: Deferred[str | None], network: str) -> None:
        self._is_checking = False
        if isinstance(outcome, str):
            self._known.pop(network, None)
            self._known[network] = None
            if len(self._known) > MOST_KNOWN:
                del self._known[next(iter(self._known))]
        answer.callback(outcome)  # before the next check begins: a wrong password counts for that one already
        self._go_on()


def _check(path: Path, name: str, password: str) -> str | None:
    entries = read_password_file(path)
    return entries[name].to_line() if verify(entries, name, password) else None
