"""The options of a ``[room]`` section."""

from __future__ import annotations

import re

import attrs

from netd.config import ListeningConfig, Parser, choice, duration, endpoints, flag, integer, off_or, option, within, words
from netd.config import size as byte_size
from netd.plaintext import is_text

__all__ = ["Config"]

_LONGEST = 200
"""Most characters of a sentence or a question. With an action, they fit into the 500 bytes that an old bot reads at once."""

_ACTION = re.compile(r"[^\s{}]{1,40}")


def _read_host(written: str) -> str:
    if not is_text(written) or len(written) > 64:
        raise ValueError(f"{written!r} is not a name; write 1 to 64 characters")
    return written


def _read_sentence(written: str) -> str:
    if not re.fullmatch(r"(?:[^{}]*\s)?\{action\}[^\s{}]", written) or not is_text(written) or len(written) > _LONGEST:
        raise ValueError(
            f"{written!r} must end in {{action}} as a word of its own and one character, as in: Do you want to {{action}}?"
            f" (at most {_LONGEST} characters)"
        )
    return written


def _read_actions(written: str) -> tuple[str, ...]:
    actions = words(written)
    for action in actions:
        if not _ACTION.fullmatch(action) or not is_text(action):
            raise ValueError(f"{action!r} is not one word of at most 40 characters; write hug, play, eat")
    return actions


def _read_question(written: str) -> str:
    if not is_text(written) or len(written) > _LONGEST:
        raise ValueError(f"{written!r} is no text of 1 to {_LONGEST} characters that a bot could wait for; write USRNM or NICK")
    return written


_host: Parser[str] = Parser("text, at most 64 characters", _read_host)
_sentence: Parser[str] = Parser("text that ends in {action} and one character", _read_sentence)
_question: Parser[str] = Parser(f"text, at most {_LONGEST} characters", _read_question)
_actions: Parser[tuple[str, ...]] = Parser("words, comma-separated", _read_actions)


@attrs.frozen(kw_only=True)
class Config(ListeningConfig):
    """Rooms of bots: as soon as a room is full, its host proposes an action, and the bots answer in turn."""

    listen: tuple[str, ...] = option(endpoints, "loopback:4242", help="Where bots connect: one or more endpoints.", live=True)
    size: int = option(integer(1, 10_000), "4", help="How many bots fill a room; further ones wait in the next.", live=True)
    rounds: int = option(
        integer(1, 10_000),
        "4",
        help="Number of rounds of a room. It is another bot's turn in each round, in the order of joining.",
        live=True,
    )
    turns: bool = option(
        flag,
        "yes",
        help="Whether bots take turns. `no`: there is no host and no rounds; each message reaches the other bots at once, until "
        "all have left. Bots that do not speak lines then get one message at a time, five a second.",
        live=True,
    )
    replies: str = option(
        choice("turn", "all"),
        "turn",
        help="Whose replies reach the others after each round: that of the bot whose turn it is, or all, joined to one message.",
        live=True,
    )
    ask_name: str | None = option(
        off_or(_question),
        "off",
        help="Text sent to each connection before it says its name, without a line end. Some old bots wait for one: USRNM.",
        live=True,
    )
    host: str = option(_host, "Batman", help="Who opens the conversation.", live=True)
    sentence: str = option(
        _sentence,
        "Do you want to {action}?",
        help="The sentence of the host. Bots take its last word, without the last character, for the action.",
        live=True,
    )
    actions: tuple[str, ...] = option(
        _actions, "hug, play, eat, shop, yell, steal, fight", help="Actions of which the host proposes one at random.", live=True
    )
    start_delay: float = option(
        within(duration, "0s", "10m"),
        "1s",
        help="Time between the last welcome and the host's sentence, and between the last round and the disconnection of bots "
        "that do not reply to it. An old bot must read one message before the next is sent: in a room with one, the host waits "
        "at least 200ms.",
        live=True,
    )
    reply_timeout: float = option(
        within(duration, "100ms", "1h"), "10s", help="How long a bot has to reply before the others go on without it.", live=True
    )
    reply_gap: float = option(
        within(duration, "1ms", "10s"),
        "200ms",
        help="A name or reply without a newline is complete after so long a silence.",
        live=True,
    )
    login_timeout: float = option(
        duration, "8s", help="How long a connection may take to say its name, from its first byte.", live=True
    )
    max_name: int = option(within(byte_size, "1", "200"), "200", help="Longest name.", live=True)
    max_reply: int = option(
        within(byte_size, "1", "16KiB"),
        "500",
        help="Most bytes of a reply that are passed on. Old bots read at most 500 bytes at once.",
        live=True,
    )
