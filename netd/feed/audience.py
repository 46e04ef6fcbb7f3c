"""Who one source delivers to: groups of clients that get the very same bytes, and clients that get something of their own."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Protocol

from attrs import define, field

from netd.bus.subject import matches
from netd.connection import fanout
from netd.connection.fanout import Item
from netd.feed.rounds import TYPES, Delivery, Form

__all__ = ["Audience", "FeedMember", "Group", "Interest"]

STEP = 16
"""Clients that are delivered to one by one, before others are served."""

MOST_SUBJECTS = 1024
"""Subjects of which a group remembers whether it wants them; then it begins anew."""


class FeedMember(fanout.FanoutMember, Protocol):
    """A client that deliveries go to."""

    def deliver(self, delivery: Delivery) -> None:
        """Send it, in the client's own way. Only for members that are apart."""


@define(eq=False)
class Interest:
    """Which subjects fall under some patterns; without patterns, all. Each subject is looked at once."""

    patterns: tuple[str, ...]
    _known: dict[str, bool] = field(factory=dict)

    def wants(self, subject: str) -> bool:
        """Whether *subject* falls under any of the patterns."""
        if not self.patterns:
            return True
        is_wanted = self._known.get(subject)
        if is_wanted is None:
            if len(self._known) >= MOST_SUBJECTS:
                self._known.clear()
            is_wanted = self._known[subject] = any(matches(pattern, subject) for pattern in self.patterns)
        return is_wanted


@define(eq=False)
class Group:
    """Clients of one form.

    :ivar interest: in subjects.
    :ivar members: in the order of joining.
    """

    interest: Interest
    members: dict[FeedMember, None] = field(factory=dict)

    def hand_out(self, items: Sequence[Item]) -> Iterator[None]:
        """Hand *items* to all who are there now, in steps."""
        return fanout.hand_out(items, (member for member in list(self.members) if member in self.members))


@define(eq=False)
class Audience:
    """All clients of one source.

    :ivar members: their forms, in the order of joining.
    :ivar groups: of those who share what they get.
    :ivar apart: those who do not, and their interests in subjects.
    """

    members: dict[FeedMember, Form] = field(factory=dict)
    groups: dict[Form, Group] = field(factory=dict)
    apart: dict[FeedMember, Interest] = field(factory=dict)

    def join(self, member: FeedMember, form: Form, is_apart: bool) -> None:
        """Add *member*, or change its form, or whether it is one of a group."""
        self.leave(member)
        self.members[member] = form
        if is_apart:
            self.apart[member] = Interest(form.types)
        else:
            group = self.groups.get(form)
            if group is None:
                group = self.groups[form] = Group(Interest(form.types))
            group.members[member] = None

    def leave(self, member: FeedMember) -> None:
        """Take *member* away, if it is there."""
        form = self.members.pop(member, None)
        if form is None or self.apart.pop(member, None) is not None:
            return
        group = self.groups[form]
        del group.members[member]
        if not group.members:
            del self.groups[form]

    def types(self) -> list[str]:
        """The types of values that anyone wants."""
        interests = [*(group.interest for group in self.groups.values()), *self.apart.values()]
        wanted = {kind for interest in interests for kind in interest.patterns or TYPES}
        return [kind for kind in TYPES if kind in wanted]

    def deliver(self, delivery: Delivery) -> Iterator[None]:
        """Give *delivery* to those who are apart, in steps."""
        for position, member in enumerate(list(self.apart), 1):
            if member in self.apart:
                member.deliver(delivery)
            if not position % STEP:
                yield
