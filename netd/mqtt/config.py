"""The options of ``[mqtt]``."""

from __future__ import annotations

import re
import sys
from collections.abc import Container, Iterable
from importlib.util import find_spec
from pathlib import Path
from typing import ClassVar

import attrs

from netd.bus.subject import split_pattern
from netd.config import (
    REQUIRED,
    DialingConfig,
    Parser,
    duration,
    integer,
    mapping,
    off_or,
    option,
    remote,
    secret_file,
    size,
    text,
    within,
    words,
)
from netd.message import NAME
from netd.mqtt.classes import CLASSES
from netd.operations import MAIN
from netd.reaction.sending import SENDING
from netd.secrets.private_files import PrivateFileError, read_private
from netd.spelling import did_you_mean, quoted

__all__ = ["Config"]

_LONGEST_PREFIX = 200
_NOUN = "password for the broker"
_MAKE = "write it there with `(umask 077; cat > FILE)`"

_WORD = re.compile(r"[^/+#\x00-\x1f\x7f]+")


def _read_prefix(written: str) -> str:
    parts = written.split("/")
    if len(written) > _LONGEST_PREFIX or written.startswith("$") or not all(_WORD.fullmatch(part) for part in parts):
        raise ValueError(f"{quoted(written)} is no beginning of topics; write words with / between them, as in netd/{{name}}")
    rest = re.sub(r"\{name\}", "", written)
    if "{" in rest or "}" in rest:
        raise ValueError(f"{quoted(written)}: only {{name}} stands in braces, for the name of this node")
    return written


def _read_patterns(written: str) -> tuple[str, ...]:
    patterns = words(written)
    for pattern in patterns:
        split_pattern(pattern)
    return patterns


def _read_kinds(written: str) -> frozenset[str]:
    kinds = words(written)
    for kind in kinds:
        if kind not in SENDING:
            raise ValueError(f"{quoted(kind)} has no devices that take messages; write {' or '.join(SENDING)}")
    return frozenset(kinds)


def _read_classes(written: str) -> tuple[tuple[str, str], ...]:
    pairs = mapping(written)
    for channel, name in pairs:
        if not NAME.fullmatch(channel):
            raise ValueError(f"{quoted(channel)} is no name of a channel")
        if name not in CLASSES:
            hint = did_you_mean(name, CLASSES)
            raise ValueError(f"{quoted(name)} is no class of sensors that Home Assistant has{hint}; docs/mqtt.md lists them")
    return pairs


_prefix: Parser[str] = Parser("beginning of topics, as in netd/{name}", _read_prefix)
_patterns: Parser[tuple[str, ...]] = Parser("subject patterns, comma-separated: session.>, custom.>", _read_patterns)
_kinds: Parser[frozenset[str]] = Parser(f"kinds, comma-separated: {', '.join(SENDING)}", _read_kinds)
_classes: Parser[tuple[tuple[str, str], ...]] = Parser("channel=class pairs, comma-separated: temp=temperature", _read_classes)


@attrs.frozen(kw_only=True)
class Config(DialingConfig):
    """Publishes what the bus carries at an MQTT broker, shows it in Home Assistant, and takes messages to devices from there.

    Several brokers have a section each, `[mqtt:NAME]` (docs/mqtt.md).
    """

    packaged: ClassVar[bool] = False

    broker: str = option(
        remote,
        REQUIRED,
        help="Where the broker listens: `tcp:HOST:1883`, or `tls:HOST:8883`, with `:trustRoots=FILE` for an authority of your "
        "own. It must speak MQTT 5, as mosquitto, EMQX and the add-on of Home Assistant do.",
        live=True,
    )
    username: str | None = option(off_or(text), "off", help="User that netd logs in as.", live=True)
    password_file: Path | None = option(
        off_or(secret_file),
        "off",
        help="File of the password. No other user may be able to read it.",
        live=True,
    )
    prefix: str = option(
        _prefix,
        "netd/{name}",
        help="What all topics begin with. `{name}` is the `name` of [netd].",
        live=True,
    )
    publish: tuple[str, ...] = option(
        _patterns,
        "session.>, wire.>, relay.*.presence.*",
        help="The subjects that are published. `session.main.oven.temp` has the topic `PREFIX/session/main/oven/temp`.",
        live=True,
    )
    every: float | None = option(
        off_or(within(duration, "10ms", "1d")),
        "1s",
        help="The least time between two publications of a value; of what comes meanwhile, the newest is published. `off` "
        "publishes each. What happens, as when a device says something, is published each time.",
        live=True,
    )
    qos: int = option(
        integer(0, 1),
        "0",
        help="1 keeps publications over a lost connection, up to `backlog`, until the broker has acknowledged them. With 0, the "
        "newest values are published again after it.",
        live=True,
    )
    backlog: int = option(
        within(size, "64KiB", "1GiB"), "8MiB", help="Memory for publications that wait. Above, the oldest are dropped.", live=True
    )
    commands: frozenset[str] | None = option(
        off_or(_kinds),
        "off",
        help="`relay` lets topics send messages to devices: `PREFIX/relay/main/DEVICE/send`; `wire` to the peers of wires: "
        "`PREFIX/wire/NAME/PEER/send`. Whoever may publish at the broker can do so then.",
        live=True,
    )
    discovery: str | None = option(
        off_or(_prefix),
        "off",
        help="`homeassistant` tells Home Assistant of each agent and device. It is the first word of its topics.",
        live=True,
    )
    channels: tuple[tuple[str, str], ...] | None = option(
        off_or(_classes),
        "off",
        help="What channels measure, in the words of Home Assistant: `temp=temperature, hum=humidity`.",
        live=True,
    )

    @property
    def remote(self) -> str:
        """The broker, as :class:`netd.dialing.DialingRules` calls it."""
        return self.broker

    @property
    def topics(self) -> str:
        """The prefix, with the name of this node in it."""
        return self.prefix.replace("{name}", self.node)

    @property
    def client_id(self) -> str:
        """The id of this client; the broker lets one client have it."""
        own = f"netd-{self.node}"
        return own if self.instance == MAIN else f"{own}-{self.instance}"

    def password(self) -> str | None:
        """The password; None without one.

        :raises PrivateFileError: if the file is not there, can be read by others, or is empty.
        """
        if self.password_file is None:
            return None
        place = self.directory / self.password_file
        try:
            found = read_private(place, _NOUN, _MAKE).rstrip("\r\n")
        except FileNotFoundError:
            raise PrivateFileError(f"{place}: no such file; {_MAKE}") from None
        if not found:
            raise PrivateFileError(f"{place}: holds no password; {_MAKE}")
        return found

    def mistakes(self, unread: Container[str]) -> Iterable[tuple[str, str]]:
        """See :meth:`SectionConfig.mistakes`."""
        if self.password_file is not None and self.username is None and "username" not in unread:
            yield "password_file", "does nothing without `username`"
        if self.channels is not None and self.discovery is None and "discovery" not in unread:
            yield "channels", "does nothing without `discovery = homeassistant`"

    def objections(self) -> Iterable[tuple[str, str]]:
        """See :meth:`SectionConfig.objections`."""
        yield from super().objections()
        if find_spec("mqtt5") is None:
            yield "", f"needs the codec of MQTT, which is not installed: {sys.executable} -m pip install mqtt5"
        try:
            self.password()
        except PrivateFileError as error:
            yield "password_file", str(error)
