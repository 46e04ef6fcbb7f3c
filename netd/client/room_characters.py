"""What bots say: four characters, which are functions of a bot's name and of what it heard."""

from __future__ import annotations

import re
import typing
from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple

__all__ = ["BAD", "CHARACTERS", "GOOD", "Character", "Heard", "curious", "find_character", "gerund", "grumpy", "happy", "lazy"]

GOOD = frozenset({"hug", "play", "eat", "shop"})
BAD = frozenset({"yell", "steal", "fight"})
"""What hosts propose, and what is to be thought of it. Anything else is good."""


class Heard(NamedTuple):
    """A message that calls for a reply.

    :ivar text: without white space around it.
    :ivar speaker: who says it, as far as the text tells; empty for a confirmation.
    :ivar action: what the host proposed.
    :ivar turn: 0 for the host's sentence, then one more for each round.
    :ivar is_confirmation: it says that this bot's last reply was passed on to the others.
    """

    text: str
    speaker: str
    action: str
    turn: int
    is_confirmation: bool


Character = typing.Callable[[str, Heard], str]
"""What a bot replies, given its name and what it heard."""


def gerund(action: str) -> str:
    """``hugging`` for ``hug``."""
    if re.search(r"(?:^|[^aeiou])[aeiou][^aeiouwxy]$", action):
        return action + action[-1] + "ing"
    return (action[:-1] if re.search(r"[^aeiou]e$", action) else action) + "ing"


def happy(name: str, heard: Heard) -> str:
    """Finds everything wonderful."""
    if heard.is_confirmation:
        return f"{name}: I am so glad that I could say that!"
    if heard.turn == 0:
        taste = "sounds great! Awesome!" if heard.action not in BAD else "is not nice, but with all of you it might be fun!"
        return f"{name}: I think {gerund(heard.action)} {taste}"
    return f"{name}: {heard.speaker} is right. Let us all {heard.action} together!"


def grumpy(name: str, heard: Heard) -> str:
    """Likes nothing but what is bad."""
    if heard.is_confirmation:
        return f"{name}: Now you have heard it. Leave me alone."
    if heard.turn == 0:
        taste = "At last a good idea!" if heard.action in BAD else "Must that be?"
        return f"{name}: {gerund(heard.action).capitalize()}? {taste}"
    return f"{name}: Who asked {heard.speaker}? Again with the {gerund(heard.action)}!"


def curious(name: str, heard: Heard) -> str:
    """Answers with questions."""
    if heard.is_confirmation:
        return f"{name}: Did everybody hear that?"
    if heard.turn == 0:
        return f"{name}: Why {gerund(heard.action)}, and why today?"
    return f"{name}: What makes you say that, {heard.speaker}?"


def lazy(name: str, heard: Heard) -> str:
    """Would rather not."""
    if heard.is_confirmation:
        return f"{name}: Good. Then I need not say it again."
    if heard.turn == 0:
        return f"{name}: {gerund(heard.action).capitalize()} sounds like work. Maybe tomorrow?"
    return f"{name}: Whatever {heard.speaker} says."


CHARACTERS: Mapping[str, Character] = MappingProxyType({"happy": happy, "grumpy": grumpy, "curious": curious, "lazy": lazy})
"""The characters that are shipped, by name."""


def find_character(character: str | Character) -> Character:
    """A character by its name, or as it is.

    :raises ValueError: when no character has that name.
    """
    if not isinstance(character, str):
        return character
    if character not in CHARACTERS:
        raise ValueError(f"no character {character!r}; there are {', '.join(CHARACTERS)}")
    return CHARACTERS[character]
