"""How a kind of service declares its options: one attrs field each, which knows its parser, its default and its help.

A kind's class is all that the loader, ``netd config --origin``, the packaged INI and the option reference know of it::

    @attrs.frozen(kw_only=True)
    class Config(SectionConfig):
        \"\"\"Reach devices from anywhere.\"\"\"

        listen: tuple[str, ...] = option(endpoints, "loopback:5050", help="Where clients connect.")

The default is INI text, read by the option's own parser, so that it cannot differ from what a person would write.
"""

from __future__ import annotations

import enum
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, ClassVar, Final, TypeVar, cast

import attrs

from netd.config.parsers import Parser, duration, integer, path, size, within
from netd.message import NAME
from netd.operations import MAIN

__all__ = [
    "NETD",
    "REQUIRED",
    "NetdConfig",
    "Option",
    "SectionConfig",
    "option",
    "options_of",
    "section_help",
    "section_name",
    "variable_name",
]

T = TypeVar("T")

NETD: Final = "netd"
"""The section of the daemon itself; there is exactly one, written or not."""

AUTO: Final = "auto"
"""The word by which the options of ``[netd]`` are left to the loader."""

_METADATA_KEY = "netd.config.option"


class _Required(enum.Enum):
    REQUIRED = enum.auto()


REQUIRED: Final = _Required.REQUIRED
"""In place of a default: the option must be written."""


@attrs.frozen
class Option:
    """What is known of one option.

    :ivar default: INI text, or :data:`REQUIRED`.
    :ivar help: one or a few sentences for the packaged INI and the option reference.
    :ivar live: whether a reload changes it in a running service; otherwise a new value waits for a restart.
    """

    parser: Parser[Any]
    default: str | _Required
    help: str
    live: bool = False


def option(parser: Parser[T], default: str | _Required, *, help: str, live: bool = False) -> T:
    """Declare an option: an attrs field for a class body.

    :param parser: reads the text; its result type is the field's type.
    :param default: INI text, or :data:`REQUIRED`.
    :param live: whether the kind's service follows a new value while it runs; see :class:`netd.interfaces.IReloadable`.
    :returns: the field; typed as the value that it holds in an object, so that annotations are checked.
    """
    metadata = {_METADATA_KEY: Option(parser, default, help, live)}
    if isinstance(default, str):
        text = default
        return attrs.field(metadata=metadata, factory=lambda: parser(text))
    return cast(T, attrs.field(metadata=metadata))


@attrs.frozen(kw_only=True)
class SectionConfig:
    """Base of every kind's ``Config``; the first paragraph of the derived class's docstring is the section's help.

    :cvar packaged: whether the packaged INI runs this kind, or carries its section commented out.
    :ivar instance: ``main``, or what follows the colon in the section name. Set by the loader; not an option.
    :ivar directory: of the configuration file: what relative paths in it are relative to. Set by the loader; not an option.
    :ivar state_directory: where the daemon keeps its state. Set by the loader; not an option.
    :ivar stop_timeout: seconds that connections get to finish when the daemon stops. Set by the loader; not an option.
    :ivar dead_timeout: seconds without a sign of life after which a connection is broken. Set by the loader; not an option.
    """

    packaged: ClassVar[bool] = True

    instance: str = MAIN
    directory: Path = Path()
    state_directory: Path = Path()
    stop_timeout: float = 5.0
    dead_timeout: float = 30.0

    def objections(self) -> Iterable[tuple[str, str]]:
        """Option (or ``""`` for the section) and what would keep the service from starting, though the options are good: a file
        that is missing, an address that the machine does not have. For ``netd check``. Looks, and changes nothing.
        """
        return ()


def _read_node_name(written: str) -> str:
    if not NAME.fullmatch(written):
        raise ValueError(f"{written!r} is not a node name; write 1 to 63 letters, digits, _ and -, or auto")
    return written


_node_name: Parser[str] = Parser("letters, digits, _ and -; or auto", _read_node_name)


@attrs.frozen(kw_only=True)
class NetdConfig:
    """The daemon itself. This section is always there, written or not."""

    name: str = option(
        _node_name,
        AUTO,
        help="Name of this node among others. `auto` is the host's name, with - for what is neither letter, digit, _ nor -.",
    )
    state_directory: Path = option(
        attrs.evolve(path, describes="path; or auto"),
        AUTO,
        help="Where the daemon keeps what outlives it, and its control socket. `auto` is systemd's state directory, "
        "/var/lib/netd for root, and ~/.local/state/netd for anyone else. It belongs to the user who starts the daemon, also "
        "under `twistd -u`: to run as another user, let systemd's `User=` say so.",
    )
    stop_timeout: float = option(
        duration,
        "5s",
        help="How long connections get to finish when the daemon stops; what is still open then is cut.",
        live=True,
    )
    dead_timeout: float = option(
        within(duration, "3s", "1d"),
        "30s",
        help="How long another machine may give no sign of life, not even when it is asked, before its connections are cut: a "
        "cable that was pulled, a machine that lost its power.",
        live=True,
    )
    memory: int = option(
        within(size, "16MiB", "64GiB"),
        "256MiB",
        help="How much all connections together may make the daemon hold: messages that are not whole, and what waits for slow "
        "readers. A quarter of it, 64MiB at most, is for connections that have not said yet what they are, and 16MiB at most for "
        "those of one address. Over it, connections are cut: of the address that holds most, the newest first.",
        live=True,
    )
    keep_events: int = option(
        integer(1, 100_000),
        "256",
        help="Newest events of each subject that are kept for consoles that lost their connection, where any follow it.",
        live=True,
    )
    keep_size: int = option(
        within(size, "64KiB", "4GiB"), "16MiB", help="How much all of them together may take; over it, the oldest go.", live=True
    )


def options_of(config_class: type) -> Mapping[str, Option]:
    """The options that *config_class* declares, by name, in the order of declaration; what it inherits comes last."""
    fields = sorted(attrs.fields(config_class), key=lambda field: field.inherited)
    return {field.name: field.metadata[_METADATA_KEY] for field in fields if _METADATA_KEY in field.metadata}


def section_help(config_class: type) -> str:
    """The first paragraph of the docstring of *config_class*, on one line."""
    paragraph, _, _ = (config_class.__doc__ or "").strip().partition("\n\n")
    return " ".join(paragraph.split())


def section_name(kind: str, instance: str) -> str:
    """The INI section of an instance: ``relay``, ``relay:lab2``."""
    return kind if instance == MAIN else f"{kind}:{instance}"


def variable_name(kind: str, instance: str, name: str) -> str:
    """The environment variable that overrides option *name*: ``NETD_RELAY_LISTEN``, ``NETD_RELAY_LAB2_LISTEN``, ``NETD_NAME``."""
    owner = () if kind == NETD else (kind,) if instance == MAIN else (kind, instance)
    return "_".join((NETD, *owner, name)).upper().replace("-", "_")
