"""What other nodes can be asked for, fetched when they come, and whenever a hello says that it has changed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from twisted.logger import Logger
from twisted.python.failure import Failure

from netd.cluster.interfaces import LinkLost, NoAnswer, NobodyThere
from netd.cluster.member import Member
from netd.cluster.questions import Questions
from netd.errors import OperationFailed

__all__ = ["Following", "Held", "Received"]

Received = Callable[[Member, Any], Any]
"""Takes an answer of a member, or a part of it. It returns where to go on, or None if that was all."""


Held = Callable[[Member], int | None]
"""Tells the version of what is held of a member; None if it cannot be told."""

MOST_OPEN = 16
"""Answers that are fetched at the same time. What a hundred nodes have, asked for at once, would come too late for all."""

UNLIKE_FOR = 1.5
"""Seconds for which a member says a version that is not the one that is held, until it is asked: what makes the difference is
most often on its way."""


class Following:
    """Asks each member that is there for what the other parts follow.

    :ivar receivers: the functions that take the answers, by what is asked for.
    :ivar held: for what comes by itself as well: the functions that tell the version of what has come.
    """

    _log = Logger()

    def __init__(self, questions: Questions) -> None:
        self.receivers: dict[str, Received] = {}
        self.held: dict[str, Held] = {}
        self._unlike: dict[tuple[str, str], tuple[int, float]] = {}
        self._questions = questions
        self._known: dict[str, dict[str, int]] = {}
        self._open: dict[tuple[str, str], object] = {}
        self._late: dict[str, Member] = {}

    def begin(self, member: Member) -> None:
        """Ask *member*, which is there from now on or again, for everything."""
        self.end(member)
        self.look(member)

    def end(self, member: Member) -> None:
        """Forget what *member* has answered, and take no more from it."""
        self._known.pop(member.name, None)
        self._late.pop(member.name, None)
        for what in self.receivers:
            self._open.pop((member.name, what), None)
            self._unlike.pop((member.name, what), None)

    def look(self, member: Member) -> None:
        """Ask *member* for what it has in another version than before."""
        if not member.is_there:
            return
        known = self._known.setdefault(member.name, {})
        for what in self.receivers:
            version = member.versions.get(what, 0)
            if what in known and what in self.held:
                is_news = self._is_unlike(member, what, version)
            else:
                is_news = known.get(what) != version
            if not is_news or (member.name, what) in self._open:
                continue
            if len(self._open) >= MOST_OPEN:
                self._late[member.name] = member
            else:
                key = self._open[member.name, what] = object()
                self._ask(_Fetch(member, what, version, key), None)

    def _is_unlike(self, member: Member, what: str, version: int) -> bool:
        """Whether *member* has said the same *version* for a while, and what is held of it is another one."""
        key = member.name, what
        if self.held[what](member) in (None, version):
            self._unlike.pop(key, None)
            return False
        said, since = self._unlike.get(key, (-1, 0.0))
        if said != version:
            self._unlike[key] = version, member.seen
            return False
        return member.seen - since >= UNLIKE_FOR

    def _ask(self, fetch: _Fetch, after: object) -> None:
        answer = self._questions.ask(fetch.member.name, fetch.what, after, fetch.member.epoch)
        answer.addCallback(self._take, fetch).addErrback(self._fail, fetch)

    def _take(self, answer: Any, fetch: _Fetch) -> None:
        member, what = fetch.member, fetch.what
        if self._open.get((member.name, what)) is not fetch.key:
            return
        after = self.receivers[what](member, answer)
        if after is not None:
            self._ask(fetch, after)
            return
        del self._open[member.name, what]
        self._known[member.name][what] = fetch.version
        self._unlike.pop((member.name, what), None)
        self.look(member)
        while self._late and len(self._open) < MOST_OPEN:
            self.look(self._late.pop(next(iter(self._late))))

    def _fail(self, failure: Failure, fetch: _Fetch) -> None:
        """The next hello has it asked for again, and what waits for it."""
        if self._open.get((fetch.member.name, fetch.what)) is fetch.key:
            del self._open[fetch.member.name, fetch.what]
        if not failure.check(LinkLost, NoAnswer, NobodyThere, OperationFailed):
            self._log.failure(
                "cluster: the {what} of node {node} cannot be taken", failure, what=fetch.what, node=fetch.member.name
            )


class _Fetch:
    """One answer that is being fetched, in parts."""

    def __init__(self, member: Member, what: str, version: int, key: object) -> None:
        self.member = member
        self.what = what
        self.version = version
        self.key = key
