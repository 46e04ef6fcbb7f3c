"""Secrets in a recording: what stands behind ``password`` and its like, and behind a name that logs in, becomes stars."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from attrs import evolve

from netd.wire.learn.kind import MessageKind
from netd.wire.learn.vocabulary import SECRET_WORDS
from netd.wire.recording import Direction, Recorded, Recording, Transport

__all__ = ["hide_literals", "secrets_in", "starred", "without_secrets"]

_SHORTEST = 3
"""Bytes from which a secret is looked for everywhere; a shorter one would hide half of the transcript."""
_BEHIND_WORD = re.compile(
    rb"(?i)(?<![a-z])(?:%b)[\"']?(?:\s*[=:]\s*|\s+)[\"']?([^\s\"',;&{}]+)"
    % "|".join(sorted(SECRET_WORDS, key=len, reverse=True)).encode()
)
_LITERAL = re.compile(
    r"(?i)(?<![a-z])(?:(?:{})\s*[=:]\s*|(?:{})\s+)([^\s\"',;&{{}}\\=:]{{3,}})".format(
        "|".join(sorted(SECRET_WORDS, key=len, reverse=True)),
        "|".join(sorted(SECRET_WORDS - {"key", "pin"}, key=len, reverse=True)),  # a key is pressed, and a pin is high
    )
)
"""A secret that is the same in all messages, so that it would stand in the rule."""
_SPOKEN = frozenset({Direction.SAID, Direction.HEARD, Direction.TRIED})


def secrets_in(recording: Recording, kinds: Iterable[MessageKind]) -> tuple[bytes, ...]:
    """Return the secrets that *recording* holds, as bytes."""
    found = [
        value.encode()
        for kind in kinds
        if kind.verb == "name"
        for slot in kind.slots
        if not slot.is_named
        for value in slot.values
    ]
    for data in _streams(recording).values():
        found += [match[1] for match in _BEHIND_WORD.finditer(data)]
    return tuple(sorted({one for one in found if len(one) >= _SHORTEST}, key=len, reverse=True))


def hide_literals(kind: MessageKind) -> None:
    """Skip the secrets in the rule of *kind* that all its messages have: a section may be shown to others."""
    for place, part in enumerate(kind.parts):
        if not isinstance(part, str) or kind.form:
            continue
        last = place + 1 == len(kind.parts)
        for found in reversed([*_LITERAL.finditer(part)]):
            if last or found.end() < len(part):  # two fields side by side have no end
                part = f"{part[: found.start(1)]}{{}}{part[found.end() :]}"  # noqa: PLW2901 - what is left of it
        kind.parts[place] = part


def without_secrets(recording: Recording, secrets: Sequence[bytes]) -> Recording:
    """Return *recording* with as many stars in place of each secret. Where segments cut a secret, its halves are starred."""
    if not secrets:
        return recording
    starred = dict(_streams(recording))
    pattern = re.compile(b"|".join(map(re.escape, secrets)))
    for key, data in starred.items():
        starred[key] = pattern.sub(lambda found: b"*" * len(found[0]), data)
    places = dict.fromkeys(starred, 0)
    events = []
    for event in recording.events:
        if event.direction in _SPOKEN:
            key = (event.connection, event.direction)
            place = places[key]
            places[key] = place + len(event.data)
            events.append(evolve(event, data=starred[key][place : place + len(event.data)]))
        else:
            events.append(event)
    return evolve(recording, events=tuple(events))


def starred(data: bytes) -> bytes:
    """Return *data*, which somebody has said, with stars in place of its secrets."""
    lone = Recording(Transport.TCP, False, (Recorded(0.0, 1, Direction.SAID, data),))
    return without_secrets(lone, secrets_in(lone, ())).events[0].data


def _streams(recording: Recording) -> dict[tuple[int, Direction], bytes]:
    """All bytes of each connection and direction."""
    parts: dict[tuple[int, Direction], list[Recorded]] = {}
    for event in recording.events:
        if event.direction in _SPOKEN:
            parts.setdefault((event.connection, event.direction), []).append(event)
    return {key: b"".join(event.data for event in events) for key, events in parts.items()}
