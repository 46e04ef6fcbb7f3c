"""The options of a ``[relay]`` section."""

from __future__ import annotations

import attrs

from netd.config import SectionConfig, choice, duration, endpoints, integer, mapping, off_or, option, size, within, words

__all__ = ["Config"]


@attrs.frozen(kw_only=True)
class Config(SectionConfig):
    """Controllers list the connected devices and send to them by address or name; frames have 64-byte length headers."""

    listen: tuple[str, ...] = option(
        endpoints, "tcp:5050:interface=127.0.0.1", help="Where devices and controllers connect: one or more Twisted endpoints."
    )
    device_words: tuple[str, ...] = option(words, "raspberrypi, arduino", help="Client types that mean device.")
    controller_words: tuple[str, ...] = option(words, "python", help="Client types that mean controller.")
    max_payload: int = option(
        within(size, "1", "9999999"),
        "1MiB",
        help="Longest payload of a frame; a header that announces more is refused and the connection closed.",
    )
    list_format: str = option(
        choice("addresses", "names"),
        "addresses",
        help="What a list holds: addresses as old controllers expect them (with commas inside), or names without commas.",
    )
    host_names: tuple[tuple[str, str], ...] | None = option(
        off_or(mapping),
        "off",
        help="Names for devices whose programs cannot say one, by the host that they connect from: greenhouse=192.168.1.20, …",
    )
    login_timeout: float = option(
        duration, "8s", help="How long a connection may take to say completely what it is, before it is closed."
    )
    frame_timeout: float = option(
        duration, "8s", help="How long an event that has begun may take for its next KiB, or its end, before it is refused."
    )
    stall_timeout: float = option(
        duration, "30s", help="How long a peer may take none of the bytes that wait for it, before its connection is cut."
    )
    device_queue: int = option(
        size, "8MiB", help="How much may wait for one connected device that reads slowly; over it, senders get an error at once."
    )
    answer_timeout: float = option(
        duration, "10s", help="How long a device has to answer a request whose sender gave no deadline."
    )
    max_deadline: float = option(duration, "1h", help="Longest deadline that a sender can give.")
    max_outstanding: int = option(
        integer(1, 1_000_000), "1000", help="Unanswered requests per device, and per controller; over it, further ones fail."
    )
    queue_for: float | None = option(
        off_or(duration),
        "off",
        help="How long messages to a named device that is away are kept for it. Off: they are answered `|target not found|`.",
    )
    queue_size: int = option(size, "1MiB", help="How much is kept for one named device that is away.")
