"""The log level of each section: written in the configuration, and changed at run time by ``netd log relay debug``."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from attrs import frozen
from twisted.logger import LogEvent, LogLevel

from netd.config import Configuration
from netd.config.options import LOG_LEVELS, NETD
from netd.errors import InvalidArguments
from netd.interfaces import ILogged
from netd.operations import Operation
from netd.principal import Role

__all__ = ["LogLevels", "LogState"]

RANKS: Mapping[Any, int] = {LogLevel.lookupByName(name): rank for rank, name in enumerate(LOG_LEVELS)}

WRITTEN = "auto"
"""The word that takes a choice at run time back."""


@frozen(slots=False)
class LogState:
    """The log level of each section.

    :ivar levels: the levels in force, by section; that of ``netd`` counts for lines that belong to no section.
    :ivar chosen: the sections whose level was chosen at run time. A restart takes that back.
    """

    levels: dict[str, str]
    chosen: list[str]


class LogLevels:
    """Decides which lines are written.

    :param services: returns the running services by the names of their sections.
    """

    def __init__(self, services: Callable[[], Mapping[str, object]]) -> None:
        self._services = services
        self._written: dict[str, str] = {NETD: "info"}
        self._chosen: dict[str, str] = {}
        self._least: dict[str, int] = {NETD: LOG_LEVELS.index("info")}

    def follow(self, configuration: Configuration) -> None:
        """Use the levels of *configuration*."""
        default = configuration.netd.log_level
        self._written = {NETD: default}
        self._written |= {section.name: section.config.log_level or default for section in configuration.sections}
        self._chosen = {name: level for name, level in self._chosen.items() if name in self._written}
        self._apply()

    def section_of(self, event: LogEvent) -> str:
        """Return the section that *event* is about: the one that it names, or else that of the module's kind, or ``netd``."""
        named = event.get("service") or event.get("section")
        if isinstance(named, str):
            return named
        first, _, rest = str(event.get("log_namespace", "")).partition(".")
        kind = rest.partition(".")[0]
        return kind if first == NETD and kind in self._least else NETD

    def takes(self, event: LogEvent, section: str) -> bool:
        """Whether *event*, which is about *section*, is written."""
        rank = RANKS.get(event.get("log_level"), RANKS[LogLevel.info])
        return rank >= self._least.get(section, self._least[NETD])

    def operations(self) -> list[Operation]:
        """Return the operation ``system.log``."""
        return [Operation("system.log", self.choose, Role.ADMIN, "Choose how much is logged about a section, or tell it")]

    def choose(self, section: str = NETD, level: str = "") -> LogState:
        """Choose the level of *section* until netd ends; without *level*, only tell the levels.

        :param section: a section that runs, or ``netd``.
        :param level: debug, info, warn, error or critical; ``auto`` goes back to the configuration.
        :raises InvalidArguments: for a section or a level that there is not.
        """
        if section not in self._written:
            raise InvalidArguments(f"section: there is no [{section}]; there are: {', '.join(self._written)}")
        if level not in ("", WRITTEN, *LOG_LEVELS):
            raise InvalidArguments(f"level: one of {', '.join(LOG_LEVELS)}; or {WRITTEN}, as the configuration has it")
        if level == WRITTEN:
            self._chosen.pop(section, None)
        elif level:
            self._chosen[section] = level
        if level:
            self._apply()
        return LogState(self._written | self._chosen, [*self._chosen])

    def _apply(self) -> None:
        levels = self._written | self._chosen
        self._least = {name: LOG_LEVELS.index(level) for name, level in levels.items()}
        for name, service in self._services().items():
            if ILogged.providedBy(service):
                service.log_everything(levels.get(name) == LOG_LEVELS[0])
