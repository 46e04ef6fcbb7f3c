"""The audience of a source: groups of clients that get the same bytes, and clients apart, which get bytes of their own."""

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
"""Deliveries to clients apart between two yields, in which other connections are served."""

MOST_SUBJECTS = 1024
"""Subjects for which a group remembers whether they match. When there are more, it forgets all of them."""


class FeedMember(fanout.FanoutMember, Protocol):
    """A client that deliveries go to."""

    def deliver(self, delivery: Delivery) -> None:
        """Send it, in the client's own way. Only for members that are apart."""


@define(eq=False)
class Interest:
    """Some subject patterns, or all subjects. The result is remembered, so that each subject is matched once."""

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

    :ivar interest: the subjects that they want.
    :ivar members: the clients, in the order of joining.
    """

    interest: Interest
    members: dict[FeedMember, None] = field(factory=dict)

    def hand_out(self, items: Sequence[Item]) -> Iterator[None]:
        """Hand *items* to all present members, in steps."""
        return fanout.hand_out(items, (member for member in list(self.members) if member in self.members))


@define(eq=False)
class Audience:
    """All clients of one source.

    :ivar members: the clients and their forms, in the order of joining.
    :ivar groups: the groups, by form.
    :ivar apart: the clients apart, and their interests.
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
        """Remove *member*, if it is here."""
        form = self.members.pop(member, None)
        if form is None or self.apart.pop(member, None) is not None:
            return
        group = self.groups[form]
        del group.members[member]
        if not group.members:
            del self.groups[form]

    def types(self) -> list[str]:
        """Return the types of values that at least one client wants."""
        interests = [*(group.interest for group in self.groups.values()), *self.apart.values()]
        wanted = {kind for interest in interests for kind in interest.patterns or TYPES}
        return [kind for kind in TYPES if kind in wanted]

    def deliver(self, delivery: Delivery) -> Iterator[None]:
        """Deliver to the clients apart, in steps."""
        for position, member in enumerate(list(self.apart), 1):
            if member in self.apart:
                member.deliver(delivery)
            if not position % STEP:
                yield
