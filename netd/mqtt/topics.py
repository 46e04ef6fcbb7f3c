"""Topics of MQTT for subjects of the bus, and what netd knows of the subjects of devices.

``session.main.greenhouse.temp`` is published under ``PREFIX/session/main/greenhouse/temp``. Tokens of subjects hold none of the
letters that mean something in a topic: ``/``, ``+`` and ``#``.
"""

from __future__ import annotations

import enum
from collections.abc import Callable

from attrs import frozen

from netd.bus.subject import matches

__all__ = ["DeviceKey", "SubjectKind", "SubjectRoute", "Topics"]

HAPPENINGS = (
    "relay.*.sent.*",
    "relay.*.said.*",
    "relay.*.outcome.*",
    "relay.*.refused",
    "wire.*.said.*",
    "feed.*.report",
    "feed.*.remark",
    "command.*.run",
    "room.*.*.said",
    "room.*.*.presence",
    "room.*.refused",
    "system.main.refused",
    "system.main.cluster",
    "bridge.*.failed",
    "audit.>",
)
"""Subjects of things that happen, each of which counts. All other subjects have a value, of which the newest counts."""


class SubjectKind(enum.Enum):
    """What the events under a subject are."""

    SAMPLE = "the value of a channel"
    STATE = "the state of an agent's session"
    PRESENCE = "whether a device is there"
    SAID = "what a device said of its own accord"
    OTHER = "anything else"


@frozen
class DeviceKey:
    """A device, an agent, or a peer of a wire. Its name stays the same over restarts.

    :ivar kind: ``relay``, ``session`` or ``wire``.
    """

    kind: str
    instance: str
    name: str

    @property
    def text(self) -> str:
        """The key as one text, for the state database: ``relay.main.greenhouse``."""
        return f"{self.kind}.{self.instance}.{self.name}"

    @property
    def presence_subject(self) -> str:
        """The subject that tells whether it is there."""
        place = "" if self.kind == "session" else "presence."
        return f"{self.kind}.{self.instance}.{place}{self.name}"

    @classmethod
    def read(cls, text: str) -> DeviceKey | None:
        """Return the key that :attr:`text` has written; None for another text."""
        words = text.split(".")
        return cls(*words) if len(words) == 3 and all(words) else None


@frozen
class SubjectRoute:
    """One subject.

    :ivar is_value: whether its newest event counts: it is retained, and not told more often than wanted.
    :ivar device: what it is about; None for other subjects.
    :ivar channel: the channel of a sample.
    """

    subject: str
    topic: str
    kind: SubjectKind
    is_value: bool
    device: DeviceKey | None = None
    channel: str = ""


class Topics:
    """The topics below one prefix."""

    def __init__(self, prefix: str) -> None:
        self.prefix = prefix

    @property
    def status(self) -> str:
        """Where netd says whether it is there."""
        return f"{self.prefix}/status"

    def of_subject(self, subject: str) -> str:
        """Return the topic of *subject*."""
        return f"{self.prefix}/{subject.replace('.', '/')}"

    def of_device(self, key: DeviceKey, what: str) -> str:
        """Return the topic *what* of a device: ``PREFIX/relay/main/greenhouse/status``."""
        return f"{self.prefix}/{key.kind}/{key.instance}/{key.name}/{what}"

    def route(self, subject: str) -> SubjectRoute:
        """Return what is known of *subject*."""
        kind, device, channel = _device_of(subject)
        is_value = not any(matches(pattern, subject) for pattern in HAPPENINGS)
        return SubjectRoute(subject, self.of_subject(subject), kind, is_value, device, channel)


Found = tuple[SubjectKind, DeviceKey | None, str]

_OTHER: Found = (SubjectKind.OTHER, None, "")


def _of_session(words: list[str]) -> Found:
    if len(words) not in (3, 4):
        return _OTHER
    key = DeviceKey("session", words[1], words[2])
    return (SubjectKind.STATE, key, "") if len(words) == 3 else (SubjectKind.SAMPLE, key, words[3])


def _of_relay(words: list[str]) -> Found:
    if len(words) != 4 or words[2] not in _RELAY_KINDS:
        return _OTHER
    return _RELAY_KINDS[words[2]], DeviceKey("relay", words[1], words[3]), ""


def _of_wire(words: list[str]) -> Found:
    if len(words) == 5 and words[2] == "sample":
        return SubjectKind.SAMPLE, DeviceKey("wire", words[1], words[3]), words[4]
    if len(words) == 4 and words[2] == "presence":
        return SubjectKind.PRESENCE, DeviceKey("wire", words[1], words[3]), ""
    return _OTHER


_RELAY_KINDS = {"presence": SubjectKind.PRESENCE, "said": SubjectKind.SAID}

_READERS: dict[str, Callable[[list[str]], Found]] = {"session": _of_session, "relay": _of_relay, "wire": _of_wire}


def _device_of(subject: str) -> Found:
    words = subject.split(".")
    reader = _READERS.get(words[0])
    return _OTHER if reader is None else reader(words)
