"""Kinds of messages that are JSON objects: by the member that tells them apart."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from netd.wire.learn.cells import is_number
from netd.wire.learn.columns import ColumnSlot, runs_with_clock
from netd.wire.learn.kind import MessageKind
from netd.wire.learn.naming import UniqueNames
from netd.wire.learn.scene import Scene
from netd.wire.learn.utterances import Utterance
from netd.wire.learn.vocabulary import COUNTERS, FAREWELLS, NAME_WORDS, SECRET_WORDS, SIGNS_OF_LIFE, STATUS_WORDS, slug

__all__ = ["object_kinds", "object_of"]

_KINDS = ("type", "cmd", "command", "action", "event", "op", "msg_type", "kind", "method", "msg", "t", "request", "message")
"""Members that tell kinds of messages apart, the likeliest first."""
_MOST_KINDS = 12
_NAMES: tuple[str, ...] = (
    "name",
    "device",
    "device_id",
    "deviceId",
    "sensor",
    "sensor_id",
    "sensorId",
    "node",
    "node_id",
    "station",
    "id",
    "client",
    "client_id",
    "user",
    "username",
    "nick",
    "host",
    "hostname",
    "mac",
    "imei",
    "from",
    "sender",
    "dev",
    "login",
)
_TIMES = frozenset(["time", "ts", "timestamp", "datetime", "date", "at", "utc", "t", "epoch"])
_PLAIN = re.compile(r"[^\s{}=:\\\0\"']+")
"""What can be written in a rule without escapes. Members of other names are left to `json` alone, which takes all numbers."""
_LONGEST_NAME = 64
_DEEPEST = 6


def _is_plain(word: str) -> bool:
    return _PLAIN.fullmatch(word) is not None and word.isprintable()


def object_of(text: str) -> Mapping[str, Any] | None:
    """Return the object that *text* is in JSON; None if it is no object."""
    if not text.lstrip().startswith("{"):
        return None
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


def object_kinds(utterances: Sequence[Utterance], objects: Sequence[Mapping[str, Any]], scene: Scene) -> list[MessageKind]:
    """Return the kinds of *utterances*, whose texts are *objects*."""
    member = _telling(objects)
    groups: dict[str, list[tuple[Utterance, Mapping[str, Any]]]] = {}
    for one, value in zip(utterances, objects, strict=True):
        groups.setdefault(str(value.get(member)) if member and member in value else "", []).append((one, value))
    has_names = any(_is_first_word(name) and any(one.place == 0 for one, _ in group) for name, group in groups.items())
    return [_kind(member if key else "", key, group, scene, has_names=has_names) for key, group in groups.items()]


def _is_first_word(word: str) -> bool:
    return word.lower() in NAME_WORDS


def _telling(objects: Sequence[Mapping[str, Any]]) -> str:
    """The member whose few texts tell kinds apart; empty if there is none."""
    for member in _KINDS:
        values = [value[member] for value in objects if member in value]
        if len(values) < len(objects) or not all(isinstance(value, str) and _is_plain(value) for value in values):
            continue
        distinct = set(values)
        if len(distinct) <= _MOST_KINDS and (
            len(distinct) == 1 or len(distinct) < len(values) or member in {"cmd", "type", "action"}
        ):
            return member
    return ""


_Group = Sequence[tuple[Utterance, Mapping[str, Any]]]


def _kind(member: str, key: str, group: _Group, scene: Scene, *, has_names: bool) -> MessageKind:
    members = [one for one, _ in group]
    leaves = [dict(_leaves(value)) for _, value in group]
    names = UniqueNames()
    path_of_name = _name_path(leaves, member)
    slots = [
        _slot(
            path,
            [str(_written(one.get(path))) for one in leaves],
            [one.get(path) for one in leaves],
            members,
            names,
            path == path_of_name,
        )
        for path in dict.fromkeys(path for one in leaves for path in one)
        if path != member and _is_plain(path)
    ]
    for slot in slots:
        slot.is_number = slot.is_number and not _is_of_itself(slot)
    is_sample = any(slot.is_number and slot.is_named for slot in slots)
    word = key.lower()
    is_first = all(one.place == 0 for one in members)
    is_name = path_of_name != "" and is_first and (not is_sample or word in NAME_WORDS) and (word in NAME_WORDS or not has_names)
    if is_name and len(members) > 1 and len({one.talk for one in members}) < len(members):
        is_name = False
    verb = "name" if is_name else "sample" if is_sample else "event"
    if word in SIGNS_OF_LIFE or (word in STATUS_WORDS and verb == "event" and not any(one.replies for one in members)):
        verb, slots = "ignore", [slot for slot in slots if not slot.is_number]
    if word in FAREWELLS and all(one.is_last for one in members):
        verb = "bye"
    for slot in slots:
        slot.is_named = slot.is_named and _is_kept(slot, verb)
    if verb == "name":
        for one, leaf in zip(members, leaves, strict=True):
            scene.names[one.talk] = str(leaf.get(path_of_name))
    return _listened(MessageKind(members, verb, [], ""), f"{member}={key}" if member else "", slots, scene)


def _is_of_itself(slot: ColumnSlot) -> bool:
    """Whether a number is that of a version or of messages, or so long and the same each time that it identifies something."""
    is_same = len(slot.values) > 2 and len(set(slot.values)) == 1 and slot.values[0].isdigit() and len(slot.values[0]) > 2
    return slot.label in COUNTERS or is_same


def _is_kept(slot: _ObjectSlot, verb: str) -> bool:
    """Whether the pattern names the slot: numbers of a sample, and what says whose and when."""
    if slot.is_secret:
        return False
    if verb == "sample":
        return slot.is_number or slot.label in {"name", "time"}
    return verb == "event" or slot.label == "name"


def _listened(kind: MessageKind, condition: str, slots: Sequence[_ObjectSlot], scene: Scene) -> MessageKind:
    kind.parts = list(slots)
    kind.listen(scene)
    parts: list[str | ColumnSlot] = [condition] if condition else []
    for slot in slots:
        if slot.is_named:
            parts += [" ", slot] if parts else [slot]
    kind.parts = parts
    kind.form = "json " if parts else "json"
    return kind


class _ObjectSlot(ColumnSlot):
    """A field that is a member of an object, or of one within it."""

    path: str = ""
    is_secret: bool = False

    def __str__(self) -> str:
        where = "" if self.path == self.label else f"={self.path}"
        return f"{{{self.label}{where}{':' + self.type if self.type else ''}}}"


def _slot(
    path: str, values: list[str], raw: Sequence[Any], members: Sequence[Utterance], names: UniqueNames, is_name: bool
) -> _ObjectSlot:
    last = path.rpartition(".")[2]
    present = [value for value in raw if value is not None]
    is_number = all(isinstance(value, (int, float)) or (isinstance(value, str) and is_number_text(value)) for value in present)
    is_time = last.lower() in _TIMES and bool(present)
    if is_time and is_number:
        numbers = [float(value) for value in present]
        times = [one.time for one, value in zip(members, raw, strict=True) if value is not None]
        is_time = max(numbers) > 9e8 and runs_with_clock([n / (1000 if n > 9e10 else 1) for n in numbers], times)
    label = "name" if is_name else "time" if is_time else names.give(slug(last if not last.isdigit() else path) or "v")
    slot = _ObjectSlot(label, is_named=True, is_number=is_number and not is_name and not is_time and bool(present), values=values)
    slot.path = path
    slot.is_secret = last.lower() in SECRET_WORDS
    return slot


def is_number_text(text: str) -> bool:
    """Whether a text in quotes is a number."""
    return is_number(text.strip()) and text.strip() != ""


def _written(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def _name_path(leaves: Sequence[Mapping[str, Any]], member: str) -> str:
    """The path of the member that names a device; empty if there is none."""
    paths = [path for path in leaves[0] if path != member and _is_plain(path)]
    for name in _NAMES:
        for path in paths:
            if path.rpartition(".")[2] == name and all(_can_name(one.get(path)) for one in leaves):
                values = {str(one[path]) for one in leaves}
                if name != "id" or not _counts(leaves, path):
                    return path if len(values) <= 1000 else ""
    return ""


def _can_name(value: object) -> bool:
    return (isinstance(value, str) and 0 < len(value) <= _LONGEST_NAME and " " not in value) or (
        isinstance(value, int) and not isinstance(value, bool)
    )


def _counts(leaves: Sequence[Mapping[str, Any]], path: str) -> bool:
    """Whether the member numbers the messages."""
    values = [one[path] for one in leaves]
    return all(isinstance(value, int) for value in values) and len(set(values)) == len(values) and len(values) > 1


def _leaves(value: object, path: str = "", depth: int = 0) -> Iterator[tuple[str, Any]]:
    """The paths of all members that are no objects, and their values."""
    if isinstance(value, Mapping) and depth < _DEEPEST:
        for key, inner in value.items():
            step = str(key).replace(".", "\0")  # a dot within a key is no step
            yield from _leaves(inner, f"{path}.{step}" if path else step, depth + 1)
    elif isinstance(value, list) and value and depth < _DEEPEST and all(isinstance(one, (int, float, dict)) for one in value):
        for place, inner in enumerate(value):
            yield from _leaves(inner, f"{path}.{place}" if path else str(place), depth + 1)
    elif path:
        yield path, value
