"""The texts of ``when`` and ``then``, as conditions and actions (docs/alerts.md)."""

from __future__ import annotations

import re
import shlex
from urllib.parse import urlsplit

from attrs import frozen

from netd.bus.subject import split_pattern
from netd.config.parsers import duration
from netd.reaction.actions import Execute, Mail, Target, Webhook
from netd.reaction.condition import Condition, Plain, SilentFor, TooMany
from netd.reaction.grammar import read_comparison, read_judge, read_lines, read_publish

__all__ = ["ReadCondition", "read_actions", "read_condition"]

_EXAMPLES = (
    "write as in `session.main.greenhouse.temp > 30 for 2m`, `session.main.*.temp silent for 5m`, "
    "`relay.main.presence.pump offline`, `room.main.lobby.state ends`, `command.main.run outcome = error more than 5 in 1m`"
)

_ADDRESS = re.compile(r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@[A-Za-z0-9.-]{1,255}")
_OWN = "alert."

MOST_COUNTED = 10_000
"""Events that ``more than`` can count."""


@frozen
class ReadCondition:
    """The text of ``when``, read.

    :ivar hold: seconds for which the condition must hold.
    """

    text: str
    condition: Condition
    hold: float


def read_condition(written: str) -> ReadCondition:
    """Read ``when``.

    :raises ValueError: saying what is wrong, and what to write.
    """
    pattern, *rest = written.split() or [""]
    split_pattern(pattern)
    if pattern.startswith(_OWN):
        raise ValueError("an alert cannot watch alerts, which it would set off itself; name another subject")
    if rest[:1] == ["silent"]:
        seconds = _seconds(rest[1:], "silent", "for")
        return ReadCondition(written, SilentFor(pattern, seconds), 0.0)
    if "more" in rest:
        at = rest.index("more")
        return ReadCondition(written, _counted(pattern, rest[:at], rest[at:]), 0.0)
    hold = 0.0
    if "for" in rest:
        at = rest.index("for")
        hold, rest = _seconds(rest[at:], "the condition", "for"), rest[:at]
    return ReadCondition(written, Plain(pattern, read_judge(rest, _EXAMPLES)), hold)


def _seconds(words: list[str], before: str, preposition: str) -> float:
    if len(words) != 2 or words[0] != preposition:
        raise ValueError(f"behind {before}, `{preposition} DURATION` is missing or has more behind it, as in `{preposition} 5m`")
    seconds = duration(words[1])
    if seconds <= 0:
        raise ValueError(f"`{preposition} {words[1]}` is no time; leave it out, or write at least 1ms")
    return seconds


def _counted(pattern: str, which: list[str], words: list[str]) -> Condition:
    if len(words) != 5 or words[:2] != ["more", "than"] or not (words[2].isascii() and words[2].isdigit()):
        raise ValueError("a rate is written `more than NUMBER in DURATION`, as in `more than 5 in 1m`")
    most = int(words[2])
    if most > MOST_COUNTED:
        raise ValueError(f"`more than {most}`: at most {MOST_COUNTED} events can be counted; take a shorter time")
    return TooMany(
        pattern, read_comparison(which, _EXAMPLES) if which else None, most, _seconds(words[3:], "`more than NUMBER`", "in")
    )


def read_actions(written: str) -> tuple[Target, ...]:
    """Read ``then``: actions, one a line, or with `` | `` between them.

    :raises ValueError: saying what is wrong, and what to write.
    """
    return tuple(_action(line) for line in read_lines(written))


def _action(line: str) -> Target:
    verb, _, rest = line.partition(" ")
    readers = {"webhook": _webhook, "exec": _execute, "mail": _mail, "publish": read_publish}
    if verb not in readers:
        raise ValueError(f"{verb!r:.40} is no action; write webhook URL, exec PROGRAM, mail ADDRESS or publish custom.SUBJECT")
    if not rest.strip():
        raise ValueError(f"{verb}: its target is missing")
    return readers[verb](rest.strip())


def _webhook(written: str) -> Target:
    try:
        parts = urlsplit(written)
        is_whole = bool(parts.scheme and parts.hostname) and (parts.port is None or parts.port > 0)
    except ValueError:
        is_whole = False
    if not is_whole or not written.isascii() or not written.isprintable() or " " in written:
        raise ValueError("webhook: write a URL, as in webhook https://example.org/hook")
    if parts.scheme not in ("https", "http"):
        raise ValueError(f"webhook: nothing can be posted to {parts.scheme}://; write https:// or http://")
    if parts.username is not None:
        raise ValueError("webhook: a URL with a password in it would be shown; have the webhook signed instead (`secret`)")
    return Webhook(written)


def _execute(written: str) -> Target:
    try:
        words = shlex.split(written)
    except ValueError as error:
        raise ValueError(f"exec: {error}; quotes are written as in a shell") from None
    return Execute(tuple(words))


def _mail(written: str) -> Target:
    if not _ADDRESS.fullmatch(written):
        raise ValueError(f"mail: {written!r:.80} is no address; write mail somebody@example.org")
    return Mail(written)
