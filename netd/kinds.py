"""Kinds of service. ``twisted.plugin`` finds netd's own kinds and those of other distributions in the same way.

A plugin file holds only the dotted name of a package. The package is imported when its kind is used, so that ``twistd --help``
stays quick.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from attrs import frozen
from twisted.plugin import IPlugin, getPlugins
from twisted.python.reflect import namedAny
from zope.interface import implementer

from netd.interfaces import IBus, INetdService, IServiceKind

__all__ = ["ServiceKind", "find_kinds", "is_own", "sections_of"]


@implementer(IServiceKind, IPlugin)
@frozen
class ServiceKind:
    """A kind whose package holds ``config.Config`` and ``service.make_service``.

    :ivar kind: the section name in the INI.
    :ivar package: the package's dotted name.
    :ivar operations: what the names of its operations begin with, where that is not the kind.
    """

    kind: str
    package: str
    operations: str = ""

    @property
    def config(self) -> type:
        """Import and return the class of its sections."""
        config: type = namedAny(f"{self.package}.config.Config")
        return config

    def make_service(self, config: Any, reactor: Any, bus: IBus) -> INetdService:
        """Import the package, and build the service of one section."""
        service: INetdService = namedAny(f"{self.package}.service.make_service")(config, reactor, bus)
        return service


def is_own(kind: IServiceKind) -> bool:
    """Whether *kind* is one of netd's own kinds, under its own name."""
    return isinstance(kind, ServiceKind) and kind.package == f"netd.{kind.kind}"


def sections_of(kinds: Iterable[IServiceKind]) -> dict[str, str]:
    """Return the section name of each kind by what the names of its operations begin with."""
    return {getattr(kind, "operations", "") or kind.kind: kind.kind for kind in kinds}


def find_kinds(plugins: Iterable[IServiceKind] | None = None) -> dict[str, IServiceKind]:
    """Return all kinds by section name.

    :param plugins: the plugins to use instead of the installed ones.
    :raises ValueError: if two plugins have the same section name.
    """
    kinds: dict[str, IServiceKind] = {}
    for plugin in getPlugins(IServiceKind) if plugins is None else plugins:
        if plugin.kind in kinds:
            raise ValueError(f"two plugins serve [{plugin.kind}]: {kinds[plugin.kind]!r} and {plugin!r}")
        kinds[plugin.kind] = plugin
    return dict(sorted(kinds.items()))
