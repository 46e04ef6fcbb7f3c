"""The old dialect of relays, which is all that older servers know: events, and answers that are bare words."""

from __future__ import annotations

import re

from netd.client.relay_messages import HEADER_SIZE, DeviceInfo, NoSuchDevice, Outcome, RelayError, frame, whole_address

GOODBYE = b"|disconnect|"
"""Said before hanging up: the thread of an old server may spin for ever on a connection that ends without this word."""


def old_target(target: str) -> bytes:
    """A target field.

    An old server takes part of an address for the whole, and then sends to every device that has this part: so parts are refused.

    :raises ValueError: when *target* is part of an address, or longer than the 64 bytes of the field.
    """
    spelled = whole_address(target)
    if not spelled.startswith("(") and not any(character.isalpha() for character in spelled):
        raise ValueError(f"{target!r} is not a whole address: name host and port, such as 127.0.0.1:50412")
    field = spelled.encode("utf-8")
    if len(field) > HEADER_SIZE:
        raise ValueError(f"{target!r} is too long: a target is at most {HEADER_SIZE} bytes")
    return field.ljust(HEADER_SIZE)


def old_list() -> bytes:
    """The event that asks for the list."""
    return frame(b"python") + b"|no target|".ljust(HEADER_SIZE)


def old_connect(target: str) -> bytes:
    """The event that asks whether *target* is there, spelled as the old programs spell it."""
    return frame(b"python") + old_target(target) + frame(b"conecting")


def old_send(target: str, payload: bytes) -> bytes:
    """The event that sends *payload* to *target*.

    :raises ValueError: for a payload that an old server takes for a connect event.
    """
    if payload == b"conecting":
        raise ValueError("the old dialect cannot send b'conecting': it means connect there")
    return frame(b"python") + old_target(target) + frame(payload)


def read_old_outcome(answer: bytes) -> Outcome:
    """Return the outcome that the answer to a send event stands for."""
    text = answer.decode("utf-8", "replace").strip()
    if text == "data succesfully sent":
        return Outcome("sent")
    if text == "|queued|":
        return Outcome("queued")
    return Outcome("failed", error=text.strip("|") or "the relay gave no reason")


def read_old_connect(target: str, answer: bytes) -> str:
    """The address in the answer to a connect event.

    :raises NoSuchDevice: when it is another answer.
    """
    text = answer.decode("utf-8", "replace").strip().strip("|")
    if not text.startswith("connected to "):
        raise NoSuchDevice(f"{target}: {text}")
    return text[len("connected to ") :]


def read_old_list(answer: bytes) -> list[DeviceInfo]:
    """The devices in ``('127.0.0.1', 50412),('127.0.0.1', 50413),``: there are commas inside the items. Each once.

    A relay that lists names (``greenhouse,127.0.0.1:50413,``) is understood as well.

    :raises RelayError: for an ``|error: …|``.
    """
    text = answer.decode("utf-8", "replace").strip()
    if text == "|no raspberrypies|":
        return []
    if text.startswith("|"):
        raise RelayError(f"the relay cannot list its devices: {text.strip('|')}")
    items = (item.strip() for item in re.findall(r"\([^()]*\)|[^,()]+", text))
    return [_old_device(item) for item in dict.fromkeys(items) if item]


def _old_device(item: str) -> DeviceInfo:
    address = whole_address(item)
    return DeviceInfo(None, address) if address.startswith("(") else DeviceInfo(item, item)
