"""The options of a ``[relay]`` section."""

from __future__ import annotations

from collections.abc import Iterable

import attrs

from netd.config import (
    ListeningConfig,
    Parser,
    choice,
    duration,
    endpoints,
    flag,
    integer,
    off_or,
    option,
    size,
    within,
    words,
)
from netd.config.hosts import named_hosts
from netd.plaintext import is_text
from netd.spelling import quoted

__all__ = ["Config", "client_words"]

_GOODBYE = "|disconnect|"
_LONGEST_WORD = 64


def _read_client_words(written: str) -> tuple[str, ...]:
    found = words(written)
    for word in found:
        if not is_text(word) or any(map(str.isspace, word)) or len(word) > _LONGEST_WORD:
            raise ValueError(f"{quoted(word)} is no client type; write 1 to {_LONGEST_WORD} characters, none a space or control")
        if word == _GOODBYE:
            raise ValueError(f"{word!r} is how a program says goodbye; take it out")
    return found


client_words: Parser[tuple[str, ...]] = Parser("words without spaces, comma-separated", _read_client_words)
"""One or more client types. A space is refused: the text would look like a newer program's hello, ``device {…}``."""


@attrs.frozen(kw_only=True)
class Config(ListeningConfig):
    """Controllers list the connected devices and send to them by address or name; frames have 64-byte length headers."""

    listen: tuple[str, ...] = option(
        endpoints, "loopback:5050", help="Where devices and controllers connect: one or more endpoints.", live=True
    )
    device_words: tuple[str, ...] = option(client_words, "raspberrypi, arduino", help="Client types that mean device.", live=True)
    controller_words: tuple[str, ...] = option(client_words, "python", help="Client types that mean controller.", live=True)
    max_payload: int = option(
        within(size, "1", "9999999"),
        "1MiB",
        help="Longest payload of a frame. A header that announces more is refused, and the connection is closed.",
        live=True,
    )
    list_format: str = option(
        choice("addresses", "names"),
        "addresses",
        help="Form of the device list: addresses, as old controllers expect them (with commas inside), or names without commas.",
        live=True,
    )
    host_names: tuple[tuple[str, str], ...] | None = option(
        off_or(named_hosts),
        "off",
        help="Names for devices that do not send one, by the host from which they connect: greenhouse=192.168.1.20, …",
        live=True,
    )
    login_timeout: float = option(
        within(duration, "100ms", "1h"),
        "8s",
        help="How long a connection may take for its hello, which says whether it is a device, from its first byte.",
        live=True,
    )
    frame_timeout: float = option(
        within(duration, "100ms", "1h"),
        "8s",
        help="How long an incomplete frame may take for its next KiB, or for its end, before it is refused.",
        live=True,
    )
    device_queue: int = option(
        within(size, "64KiB", "1GiB"),
        "8MiB",
        help="Most bytes that wait for a connected device that reads slowly. Above, senders get an error at once.",
        live=True,
    )
    answer_timeout: float = option(
        within(duration, "10ms", "30d"),
        "10s",
        help="How long a device has to answer a request without a deadline of its own.",
        live=True,
    )
    max_deadline: float = option(
        within(duration, "10ms", "30d"), "1h", help="Longest deadline that a sender can give.", live=True
    )
    max_outstanding: int = option(
        integer(1, 1_000_000),
        "1000",
        help="Most unanswered requests of a device, and of a controller. Above, further requests fail.",
        live=True,
    )
    queue_for: float | None = option(
        off_or(within(duration, "100ms", "30d")),
        "off",
        help="How long messages for a named device are kept while it is not connected. `off`: their senders get "
        "`|target not found|`.",
        live=True,
    )
    queue_size: int = option(
        within(size, "1KiB", "1GiB"), "1MiB", help="Most bytes kept for one named device that is not connected.", live=True
    )

    remote: bool = option(
        flag,
        "no",
        help="Whether controllers list and reach the devices of other nodes as well, as consoles always do. For `[cluster]`.",
        live=True,
    )

    def needs(self) -> Iterable[tuple[str, str]]:
        """See :meth:`SectionConfig.needs`."""
        return [("remote", "cluster")] if self.remote else ()

    def __attrs_post_init__(self) -> None:
        """Check that no client type means both device and controller.

        :raises ValueError: if one does. The text names it.
        """
        both = [word for word in self.device_words if word in self.controller_words]
        if both:
            raise ValueError(f"{', '.join(both)} is in device_words and in controller_words; take it out of one of them")
