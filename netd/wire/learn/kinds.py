"""The kinds of messages of text: which of them one rule takes.

Names and farewells first, because they are known by their place in a connection; then messages with numbers, by their layout;
then commands, by the word in front; what is left is the talk of people.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from netd.wire.learn.banners import find_banners
from netd.wire.learn.commands import find_commands
from netd.wire.learn.farewells import find_farewells
from netd.wire.learn.introductions import find_introductions, find_single_names
from netd.wire.learn.kind import MessageKind
from netd.wire.learn.numbered import find_numbered
from netd.wire.learn.pool import MessagePool
from netd.wire.learn.scene import Scene
from netd.wire.learn.talk import find_rest, find_talk, find_talk_with_farewells
from netd.wire.learn.utterances import Utterance

__all__ = ["text_kinds"]

_STEPS: tuple[Callable[[MessagePool], None], ...] = (
    find_talk_with_farewells,
    find_introductions,
    find_single_names,
    find_farewells,
    find_talk,
    find_banners,
    find_numbered,
    find_commands,
    find_rest,
)
"""Each takes from the pool the messages that it is sure of; the order goes from sure to unsure."""


def text_kinds(utterances: Sequence[Utterance], scene: Scene) -> list[MessageKind]:
    """Return the kinds of *utterances*, which are text."""
    pool = MessagePool(utterances, scene)
    for step in _STEPS:
        step(pool)
    return pool.found
