"""Names between nodes: what runs on node north as ``main`` is ``main@north`` on all others, in subjects, patterns and operations.

The second token of a subject is the instance of its service, and so the place for the node. Subjects under ``custom`` belong to
no service: they are the same on all nodes.
"""

from __future__ import annotations

from attrs import frozen

from netd.bus.subject import MAX_SUBJECT, split_pattern

__all__ = [
    "CUSTOM",
    "SYSTEM",
    "WantedPart",
    "instance_at",
    "is_far",
    "own_pattern",
    "pattern_between",
    "split_instance",
    "subject_at",
    "wanted_parts",
]

CUSTOM = "custom"
"""The first token of the subjects that all nodes share."""

SYSTEM = "system"
"""The first token of subjects about a node itself. A pattern for all kinds leaves them out."""


@frozen
class WantedPart:
    """What a node asks of others by one pattern: some kinds of one node or of all, or the subjects under ``custom``.

    :ivar node: the node that is asked; ``*`` for all.
    :ivar kind: the first token of the subjects; ``*`` for all but ``system`` and ``custom``.
    :ivar instance: the second token, as the other node has it; ``*`` for all.
    :ivar pattern: the pattern in the names of the node that is asked.
    """

    node: str
    kind: str
    instance: str
    pattern: str

    @property
    def subject(self) -> str:
        """The subject of NATS under which such events come, behind the root of the cluster."""
        return f"{CUSTOM}.{self.node}" if self.kind == CUSTOM else f"turn.{self.node}.{self.kind}.{self.instance}"


def is_far(name: str) -> bool:
    """Whether *name*, an instance, a subject or a pattern, names a node."""
    return "@" in name


def instance_at(instance: str, node: str) -> str:
    """Return the name that *instance* of *node* has on other nodes."""
    return f"{instance}@{node}"


def split_instance(name: str) -> tuple[str, str]:
    """Return the instance and the node that *name* consists of; the node is empty where it names none."""
    instance, _, node = name.partition("@")
    return instance, node


def subject_at(subject: str, node: str) -> str | None:
    """Return the name that *subject* of *node* has on other nodes.

    :returns: None if it has none there: it names a node itself, has one token only, or would be too long.
    """
    kind, dot, rest = subject.partition(".")
    if not dot or "@" in subject:
        return None
    if kind == CUSTOM:
        return subject
    instance, dot, rest = rest.partition(".")
    found = f"{kind}.{instance}@{node}{dot}{rest}"
    return found if len(found) <= MAX_SUBJECT else None


def own_pattern(pattern: str, node: str) -> str:
    """Return *pattern* in the names of *node* itself, to which others say ``main@`` and its name."""
    tokens = pattern.split(".", 2)
    if len(tokens) > 1 and split_instance(tokens[1])[1] == node:
        tokens[1] = split_instance(tokens[1])[0]
    return ".".join(tokens)


def pattern_between(pattern: str, sender: str, receiver: str) -> str:
    """Return *pattern*, which *sender* has written, in the names of *receiver*.

    Instances of the receiver lose its name, and those of the sender get the sender's. What is meant for several nodes, and what
    is shared, stays as it is. Translated back, the pattern is the old one.
    """
    tokens = pattern.split(".", 2)
    if len(tokens) < 2 or tokens[0] == CUSTOM or tokens[1] in ("*", ">"):
        return pattern
    if "@" in tokens[1]:
        return own_pattern(pattern, receiver)
    tokens[1] = instance_at(tokens[1], sender)
    return ".".join(tokens)


def wanted_parts(pattern: str) -> tuple[WantedPart, ...]:
    """Return what subscribers of *pattern* ask of other nodes; nothing if the pattern is about their own node alone.

    :raises ValueError: if *pattern* is none.
    """
    tokens = split_pattern(pattern)
    kind = tokens[0]
    if kind == ">":
        return (WantedPart("*", "*", "*", ">"), WantedPart("*", CUSTOM, "*", f"{CUSTOM}.>"))
    if len(tokens) == 1:
        return ()
    shared = WantedPart("*", CUSTOM, "*", ".".join((CUSTOM, *tokens[1:])))
    if kind == CUSTOM:
        return (shared,)
    found: tuple[WantedPart, ...] = ()
    instance, node = split_instance(tokens[1])
    if tokens[1] in ("*", ">"):
        found = (WantedPart("*", kind, "*", pattern),)
    elif instance and node:
        found = (WantedPart(node, kind, instance, own_pattern(pattern, node)),)
    return (*found, shared) if kind == "*" and "@" not in tokens[1] else found
