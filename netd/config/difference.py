"""The changes that a reload would make: a comparison of the configuration in force with the one in the file.

A live option gets its new value while the service runs. Any other option keeps the value in force until the daemon is restarted:
:attr:`Difference.merged` is the configuration in force after the reload. Values are compared, not texts: ``60s`` and ``1m`` are
the same.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import Any

import attrs

from netd.config.loader import Configuration, Origin, Section
from netd.config.options import NETD, Option, attribute_of, options_of
from netd.config.tls import TLS
from netd.errors import ConfigProblem

__all__ = ["ChangedOption", "Difference", "compare"]


@attrs.frozen(slots=False)
class ChangedOption:
    """An option with a new value.

    :ivar before: the text in force, on one line.
    :ivar after: the new text, of the file or of the environment, on one line.
    :ivar place: where the new text is written: ``file:line``, ``environment NETD_…`` or ``default``.
    :ivar is_live: whether a reload is enough; otherwise the old value stays in force until a restart.
    """

    section: str
    option: str
    before: str
    after: str
    place: str
    is_live: bool


@attrs.frozen
class Difference:
    """The difference between the wanted configuration and the one in force.

    :ivar added: the names of new sections, in file order.
    :ivar removed: the names of sections that run and are missing in the file.
    :ivar changed: the changed options of the other sections, and of ``[netd]``.
    :ivar merged: the configuration in force after a reload.
    :ivar problems: sections where the old values of options that wait for a restart contradict new values of live options.
    """

    added: tuple[str, ...]
    removed: tuple[str, ...]
    changed: tuple[ChangedOption, ...]
    merged: Configuration
    problems: tuple[ConfigProblem, ...] = ()

    @property
    def is_empty(self) -> bool:
        """Whether the two configurations are the same."""
        return not (self.added or self.removed or self.changed)


def compare(current: Configuration, wanted: Configuration, fixed: Collection[str] = ()) -> Difference:
    """Return the difference between *wanted* and *current*, the configuration in force.

    :param fixed: names of sections whose services cannot reload: all their options wait for a restart.
    """
    running = {section.name: section for section in current.sections}
    names = [section.name for section in wanted.sections]
    comparison = _Comparison(current, wanted)
    netd = comparison.merge(NETD, current.netd, wanted.netd, is_fixed=False)
    # Where [tls] is gone, sections whose `tls = yes` waits for a restart still need it.
    tls = wanted.tls or current.tls
    if wanted.tls is not None and current.tls is not None:
        tls = comparison.merge(TLS, current.tls, wanted.tls, is_fixed=False)
    sections = []
    for section in wanted.sections:
        config: Any = attrs.evolve(section.config, state_directory=netd.state_directory, node=netd.name, certificates=tls)
        if section.name in running:
            config = comparison.merge(section.name, running[section.name].config, config, section.name in fixed)
        sections.append(Section(section.kind, section.instance, config))
    return Difference(
        added=tuple(name for name in names if name not in running),
        removed=tuple(name for name in running if name not in names),
        changed=tuple(comparison.changed),
        merged=Configuration(netd, tuple(sections), comparison.origins(), wanted.places, wanted.file, tls),
        problems=tuple(comparison.problems),
    )


class _Comparison:
    """The differences found so far."""

    def __init__(self, current: Configuration, wanted: Configuration) -> None:
        self._current = _by_option(current)
        self._wanted = _by_option(wanted)
        self._places = wanted.places
        self.changed: list[ChangedOption] = []
        self.problems: list[ConfigProblem] = []

    def merge(self, section: str, before: Any, after: Any, is_fixed: bool) -> Any:
        """Return *after*, in which options that wait for a restart have their values of *before*."""
        held = {}
        for name, option in _differing(before, after):
            is_live = option.live and not is_fixed
            origin = self._wanted[section, name]
            text = self._current[section, name].one_line
            self.changed.append(ChangedOption(section, name, text, origin.one_line, origin.place, is_live))
            if not is_live:
                held[attribute_of(name)] = getattr(before, attribute_of(name))
        if is_fixed:
            return before
        try:
            return attrs.evolve(after, **held) if held else after
        except ValueError as error:
            why = f"{error} ({', '.join(held)} cannot change without a restart of netd; until then the old value counts)"
            self.problems.append(ConfigProblem(self._places[section], section, "", why))
            return before

    def origins(self) -> tuple[Origin, ...]:
        """Return the origin of each text in force after the reload."""
        waiting = {(changed.section, changed.option) for changed in self.changed if not changed.is_live}
        return tuple(self._current[key] if key in waiting else origin for key, origin in self._wanted.items())


def _by_option(configuration: Configuration) -> dict[tuple[str, str], Origin]:
    return {(origin.section, origin.option): origin for origin in configuration.origins}


def _differing(before: Any, after: Any) -> Iterator[tuple[str, Option]]:
    for name, option in options_of(type(after)).items():
        if getattr(before, attribute_of(name)) != getattr(after, attribute_of(name)):
            yield name, option
