"""Protocols that others speak in the same way: the recipe that explains a recording is better than any reasoning.

Only recipes of protocols that can be told by their words are tried. Those that are examples, such as columns of a logger, fit
other programs as well, and would give wrong names to what these say.
"""

from __future__ import annotations

from collections.abc import Iterator

from attrs import frozen

from netd.wire.checks import parse_check
from netd.wire.learn.conversation import Conversation
from netd.wire.learn.frames import FoundFrame
from netd.wire.learn.utterances import Utterance, dialogue_of
from netd.wire.recipes import WireRecipe, recipes
from netd.wire.recording import Transport
from netd.wire.rules import RuleSet, Verb, parse_rules

__all__ = ["KnownProtocol", "known_protocol"]

_TELLING = ("gps-tracker", "nmea", "scale", "statsd", "syslog")
_UNEXPLAINED, _USED = 0.1, 0.2
"""Share of the messages that no rule of a recipe takes and answers as was recorded, and of those that are more than ignored."""
_FEWEST = 2
"""Messages that are more than ignored."""
_BEGINNING = 500
"""Reads after which it is known which recipes are worth a try on all of a recording."""


@frozen
class KnownProtocol:
    """A recipe that explains a recording.

    :ivar explained: how many of the messages it explains.
    :ivar messages: how many there are.
    """

    recipe: WireRecipe
    explained: int
    messages: int

    def section(self, name: str, endpoint: tuple[str, str]) -> str:
        """Return the recipe as the section ``[wire:name]`` for the program that was recorded."""
        lines = self.recipe.section.rstrip("\n").split("\n")
        option, value = endpoint
        share = f"{self.explained} of {self.messages} messages"
        written = [f"; drafted by netd learn by the recipe {self.recipe.name}, which explains {share}"]
        for line in lines[1:]:
            key = line.partition("=")[0].strip()
            if line.startswith("[wire:"):
                written.append(f"[wire:{name}]")
            elif key in {"listen", "connect"}:
                written.append(f"{option} = {value}")
            else:
                written.append(line)
        return "\n".join((*written, ""))


def known_protocol(conversation: Conversation) -> KnownProtocol | None:
    """Return the recipe that explains *conversation*; None if none does."""
    beginning = conversation.beginning(_BEGINNING)
    likely = [recipes()[name] for name in _TELLING if _tried(recipes()[name], beginning) is not None]
    found = [known for recipe in likely if (known := _tried(recipe, conversation)) is not None]
    return max(found, key=lambda known: known.explained, default=None)


def _tried(recipe: WireRecipe, conversation: Conversation) -> KnownProtocol | None:
    options = dict(_options(recipe.section))
    usual = "datagram" if conversation.transport is Transport.UDP else "lines"
    frame = options.get("frame", usual)
    dialogue = dialogue_of(conversation, FoundFrame(frame, options.get("say")))
    if dialogue.asks:
        return None
    check = parse_check(options["check"]) if "check" in options else None
    rules = RuleSet(parse_rules(options["rules"]), "utf-8")
    explained, used = 0, 0
    messages = [one for one in dialogue.utterances if one.place or not conversation.is_dialled]  # the first may be torn
    for one in messages:
        body = one.data if check is None else check.body(one.data)
        verb = None if body is None else _explains(rules, body, one)
        explained += verb is not None
        used += verb not in {None, Verb.IGNORE}
    count = len(messages)
    if count - explained > max(1, _UNEXPLAINED * count) or used < max(_FEWEST, _USED * count):
        return None
    return KnownProtocol(recipe, explained, count)


def _explains(rules: RuleSet, body: bytes, one: Utterance) -> Verb | None:
    """The verb of the rule that takes a message and answers as it was answered; None if there is none."""
    found = rules.match(body)
    if found is None or found[0].pattern.takes_everything:
        return None
    rule, match = found
    reply = None if rule.reply is None else rule.reply.render(match.values)
    return rule.verb if reply == (b"".join(one.replies) if one.replies else None) else None


def _options(section: str) -> Iterator[tuple[str, str]]:
    """The options of a recipe and their values; those of several lines as such."""
    option, values = "", list[str]()
    for line in section.split("\n"):
        if not line or line[0] in ";[":
            continue
        if line[0] != " ":
            if option:
                yield option, "\n".join(values).strip("\n")
            option, _, value = (part.strip() for part in line.partition("="))
            values = [value]
        elif line.strip()[:1] != ";":
            values.append(line.strip())
    yield option, "\n".join(values).strip("\n")
