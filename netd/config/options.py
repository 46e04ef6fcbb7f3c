"""How a kind of service declares its options: each is an attrs field with a parser, a default and a help text.

The loader, ``netd config --origin``, the packaged INI and the option reference read everything from the kind's class::

    @attrs.frozen(kw_only=True)
    class Config(SectionConfig):
        \"\"\"Reach devices from anywhere.\"\"\"

        listen: tuple[str, ...] = option(endpoints, "loopback:5050", help="Where clients connect.")

The default is INI text, read by the option's own parser: a user can write the same text.
"""

from __future__ import annotations

import enum
from collections.abc import Container, Iterable, Mapping
from keyword import iskeyword
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Final, TypeVar, cast

import attrs

from netd.config.loops import Reaction
from netd.config.parsers import Parser, auto_or, choice, duration, integer, path, size, text, within
from netd.errors import LineError
from netd.message import NAME
from netd.operations import MAIN

if TYPE_CHECKING:
    from netd.config.tls import TlsConfig

__all__ = [
    "NETD",
    "REQUIRED",
    "NetdConfig",
    "Option",
    "SectionConfig",
    "attribute_of",
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
"""The text for which the loader finds a value itself, in options of ``[netd]``."""

_METADATA_KEY = "netd.config.option"


class _Required(enum.Enum):
    REQUIRED = enum.auto()


REQUIRED: Final = _Required.REQUIRED
"""Stands for the default of an option that must be written."""


@attrs.frozen
class Option:
    """The declaration of one option.

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
    :returns: the field. Its type is that of the option's value, so that the type checker compares it with the annotation.
    """
    metadata = {_METADATA_KEY: Option(parser, default, help, live)}
    if isinstance(default, str):
        text = default
        return attrs.field(metadata=metadata, factory=lambda: parser(text))
    return cast(T, attrs.field(metadata=metadata))


LOG_LEVELS = ("debug", "info", "warn", "error", "critical")
"""The log levels, the most talkative one first."""


@attrs.frozen(kw_only=True)
class SectionConfig:
    """Base of every kind's ``Config``; the first paragraph of the derived class's docstring is the section's help.

    :cvar packaged: whether the packaged INI runs this kind, or carries its section commented out.
    :cvar uses_asyncio: whether the kind's service uses libraries of asyncio. The daemon then runs on asyncio's loop.
    :cvar is_single: whether there is at most one section of this kind.
    The attributes below are no options, but for ``log_level``: the loader sets them.

    :ivar instance: ``main``, or the part of the section name after the colon.
    :ivar directory: the directory of the configuration file, to which relative paths in the file are relative.
    :ivar state_directory: the directory in which the daemon keeps its state.
    :ivar node: the name of this node among others.
    :ivar stop_timeout: seconds that connections get to finish when the daemon stops.
    :ivar dead_timeout: seconds without a sign of life after which a connection counts as broken.
    :ivar certificates: the section ``[tls]``; None if there is none.
    """

    packaged: ClassVar[bool] = True
    uses_asyncio: ClassVar[bool] = False
    is_single: ClassVar[bool] = False

    instance: str = MAIN
    directory: Path = Path()
    state_directory: Path = Path()
    node: str = ""
    stop_timeout: float = 5.0
    dead_timeout: float = 30.0
    log_level: str | None = option(
        auto_or(choice(*LOG_LEVELS)),
        AUTO,
        help="Least level of the lines in the log about this section. `debug` tells each connection, and holds no line back. "
        "`auto` is that of [netd]; `netd log` changes it at run time.",
        live=True,
    )
    certificates: TlsConfig | None = None

    def needs(self) -> Iterable[tuple[str, str]]:
        """Return what does nothing without a section of another kind: pairs of an option and that kind."""
        return ()

    def reaction(self) -> Reaction | None:
        """Return which events the section follows, and which it sets off; None if it follows none."""
        return None

    def mistakes(self, unread: Container[str]) -> Iterable[tuple[str, str | LineError]]:
        """Return what is wrong with the options together, although each by itself is valid.

        :param unread: the options whose text is not valid. They have their defaults here, so nothing should be said about them.
        :returns: pairs of an option, at whose place the mistake is reported, and the mistake with its remedy. A
            :class:`netd.errors.LineError` is reported at that line of the option.
        """
        return ()

    def objections(self) -> Iterable[tuple[str, str]]:
        """Return what would keep the service from starting, although the options are valid; for ``netd check``.

        Examples are a missing file, and an address that the machine does not have. Nothing is changed to find out.

        :returns: pairs of an option (``""`` for the whole section) and the reason.
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
        help="Name of this node among others. `auto` is the host's name, with - for each run of other characters than letters, "
        "digits, _ and -.",
    )
    state_directory: Path = option(
        attrs.evolve(path, describes="path; or auto"),
        AUTO,
        help="Directory of tokens, passwords, the control socket, what is recorded, and what a restart finds again. `auto` is "
        "systemd's state directory if there is one, "
        "/var/lib/netd if root starts netd, and ~/.local/state/netd for other users. It belongs to the user that netd runs as; "
        "root makes it for `user` if it is missing.",
    )
    user: str | None = option(
        auto_or(text),
        AUTO,
        help="User that netd becomes when root has started it, after its ports are bound and before it reads its state. `auto` "
        "is the user who starts it; root is refused then. `root` stays root.",
    )
    nofile: int | None = option(
        auto_or(integer(128, 1_048_576)),
        AUTO,
        help="Open files that netd asks the system for. Each connection is one; some are kept back for netd itself. `auto` is "
        "the most that the system allows, up to 65536. More than that needs root, or LimitNOFILE= in the unit.",
        live=True,
    )
    log: str = option(
        choice(AUTO, "text", "json", "journal"),
        AUTO,
        help="Form of the log: lines of text, JSON for programs, or lines with a priority for systemd's journal. `auto` is "
        "journal where systemd has connected netd to it, and text otherwise.",
    )
    log_level: str = option(
        choice(*LOG_LEVELS),
        "info",
        help="Least level of the lines in the log; sections may have one of their own.",
        live=True,
    )
    stop_timeout: float = option(
        duration,
        "5s",
        help="How long connections get to finish when the daemon stops. Connections still open after that are cut.",
        live=True,
    )
    dead_timeout: float = option(
        within(duration, "3s", "1d"),
        "30s",
        help="Connections to a machine are cut if it gives no sign of life for so long, although netd asks for one: its cable "
        "was pulled, or it lost its power.",
        live=True,
    )
    memory: int = option(
        within(size, "16MiB", "64GiB"),
        "256MiB",
        help="Memory for incomplete messages and for bytes that wait for slow readers, of all connections together. A quarter of "
        "it, at most 64MiB, is for connections that have not said yet what they are, at most 16MiB for those of one address. "
        "Above, the newest connections of the address that holds most are cut.",
        live=True,
    )
    keep_events: int = option(
        integer(1, 100_000),
        "256",
        help="Newest events of each subject that are kept, so that a console that lost its connection misses nothing. They are "
        "kept of subjects that some console follows.",
        live=True,
    )
    keep_size: int = option(
        within(size, "64KiB", "4GiB"), "16MiB", help="Memory for all kept events. Above, the oldest are dropped.", live=True
    )


def options_of(config_class: type) -> Mapping[str, Option]:
    """Return the options of *config_class* by name: its own in the order of declaration, then the inherited ones."""
    fields = sorted(attrs.fields(config_class), key=lambda field: field.inherited)
    return {field.name.removesuffix("_"): field.metadata[_METADATA_KEY] for field in fields if _METADATA_KEY in field.metadata}


def attribute_of(name: str) -> str:
    """Return the attribute of the option *name*: ``from_`` for ``from``, which Python keeps for itself."""
    return f"{name}_" if iskeyword(name) else name


def section_help(config_class: type) -> str:
    """Return the first paragraph of the docstring of *config_class*, on one line."""
    paragraph, _, _ = (config_class.__doc__ or "").strip().partition("\n\n")
    return " ".join(paragraph.split())


def section_name(kind: str, instance: str) -> str:
    """Return the name of an instance's section: ``relay``, ``relay:lab2``."""
    return kind if instance == MAIN else f"{kind}:{instance}"


def variable_name(kind: str, instance: str, name: str) -> str:
    """Return the variable that overrides option *name*: ``NETD_RELAY_LISTEN``, ``NETD_RELAY_LAB2_LISTEN``, ``NETD_NAME``."""
    owner = () if kind == NETD else (kind,) if instance == MAIN else (kind, instance)
    return "_".join((NETD, *owner, name)).upper().replace("-", "_")
