"""Environment variables that override options, and variables that were probably meant to.

``NETD_RELAY_LISTEN`` overrides ``listen`` of ``[relay]``, ``NETD_RELAY_LAB2_LISTEN`` that of ``[relay:lab2]``. Any other variable
``NETD_…`` is a mistake, except for those in :data:`OTHERS`, and those that container platforms set for a service called *netd*
(``NETD_SERVICE_HOST``). An empty variable counts as one that is not set.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping

from attrs import frozen

from netd.config.options import NETD, section_name, variable_name
from netd.errors import ConfigProblem
from netd.operations import MAIN
from netd.spelling import UNUSABLE, nearest

__all__ = ["OverridableSection", "Override", "overrides", "place"]

OTHERS = frozenset({"NETD_BIN", "NETD_CONTEXT"})
"""Variables with other readers: ``NETD_BIN`` tells scripts where ``netd`` and ``twistd`` are, ``NETD_CONTEXT`` is the context of
the ``netd`` command."""

_VARIABLE = re.compile(rf"{NETD.upper()}_[A-Z0-9_]+")
_SERVICE_LINK = re.compile(r"\w+_(?:SERVICE_(?:HOST|PORT(?:_\w+)?)|PORT_[0-9]+_(?:TCP|UDP|SCTP)(?:_(?:PROTO|PORT|ADDR))?)")
_LINKED_ADDRESS = re.compile(r"(?:tcp|udp|sctp)://")


@frozen
class OverridableSection:
    """A section of the file, with the names of its options, which variables may override."""

    kind: str
    instance: str
    options: tuple[str, ...]

    @property
    def section(self) -> str:
        """The section as the INI names it."""
        return section_name(self.kind, self.instance)

    def variables(self) -> dict[str, str]:
        """Return the option of each variable."""
        return {variable_name(self.kind, self.instance, name): name for name in self.options}


@frozen
class Override:
    """A variable whose text replaces that of an option in the INI."""

    section: str
    option: str
    variable: str
    text: str


def place(variable: str) -> str:
    """Return the place of *variable*, as messages name it."""
    return f"environment {variable}"


def overrides(
    targets: Collection[OverridableSection], kinds: Mapping[str, tuple[str, ...]], environ: Mapping[str, str]
) -> tuple[list[Override], list[ConfigProblem]]:
    """Return the variables of *environ* that override an option, and a problem for each that was meant to and does not.

    :param targets: the sections of the file, and ``[netd]``.
    :param kinds: all kinds, each with the names of its options.
    """
    found: list[Override] = []
    problems: list[ConfigProblem] = []
    for variable in sorted(_meant_for_netd(targets, environ)):
        text = environ[variable]
        meant = [(target.section, target.variables()[variable]) for target in targets if variable in target.variables()]
        if len(meant) > 1:
            problems.append(_ambiguous(variable, meant))
        elif not meant:
            problems.extend(_unmatched(variable, text, targets, kinds))
        elif UNUSABLE.search(text):
            problems.append(ConfigProblem(place(variable), *meant[0], "is not UTF-8 text without control characters"))
        else:
            found.append(Override(*meant[0], variable, text.strip()))
    return found, problems


def _meant_for_netd(targets: Collection[OverridableSection], environ: Mapping[str, str]) -> Iterable[str]:
    known = {variable for target in targets for variable in target.variables()}
    for name, text in environ.items():
        is_ours = _VARIABLE.fullmatch(name) is not None or name.upper() in known
        if text and is_ours and name not in OTHERS:
            yield name


def _ambiguous(variable: str, meant: list[tuple[str, str]]) -> ConfigProblem:
    sections = " and ".join(f"[{section}]" for section, _ in meant)
    return ConfigProblem(place(variable), *meant[0], f"means {sections} alike; rename one of them, or write the option there")


def _unmatched(
    variable: str, text: str, targets: Iterable[OverridableSection], kinds: Mapping[str, tuple[str, ...]]
) -> Iterable[ConfigProblem]:
    """Yield the problem of a variable that matches no option, unless a container platform set the variable."""
    if _is_of_a_platform(variable, text):
        return
    named = [kind for kind in kinds if variable.startswith(variable_name(kind, MAIN, ""))]
    if not named:
        yield ConfigProblem(place(variable), "", "", f"unknown variable{_any_near(variable, targets, kinds)}")
        return
    kind = max(named, key=len)
    present = [target for target in targets if target.kind == kind]
    owners = [target for target in present if variable.startswith(variable_name(kind, target.instance, ""))]
    absent = _absent_section(variable, kind, kinds[kind])
    if absent is None and owners:
        owner = max(owners, key=lambda target: len(target.section))
        hint = _near(variable, kind, present) or f"; options are {', '.join(owner.options)}"
        option = variable.removeprefix(variable_name(kind, owner.instance, "")).lower()
        yield ConfigProblem(place(variable), owner.section, option, f"unknown option{hint}")
    else:
        section, option = absent or (kind, "")
        remedy = f"there is no section [{section}]; add it{_near(variable, kind, present)}"
        yield ConfigProblem(place(variable), section, option, remedy)


def _is_of_a_platform(variable: str, text: str) -> bool:
    """Whether *variable* is one that container platforms set for a service called ``netd…``."""
    return bool(_SERVICE_LINK.fullmatch(variable) or (variable.endswith("_PORT") and _LINKED_ADDRESS.match(text)))


def _absent_section(variable: str, kind: str, options: Iterable[str]) -> tuple[str, str] | None:
    """Return the section missing in the file and the option that *variable* names, or None if no option's name ends it."""
    rest = variable.removeprefix(variable_name(kind, MAIN, ""))
    for name in sorted(options, key=len, reverse=True):
        match = re.fullmatch(rf"(?:(\w+)_)?{re.escape(name.upper())}", rest)
        if match is not None and match[1] != MAIN.upper():
            return section_name(kind, (match[1] or MAIN).lower()), name
    return None


def _any_near(variable: str, targets: Iterable[OverridableSection], kinds: Mapping[str, tuple[str, ...]]) -> str:
    """Return a hint for a *variable* that names no kind: the variable most likely meant, or how variables are named."""
    prefix = variable_name(NETD, MAIN, "")
    possible = [*targets, *(OverridableSection(kind, MAIN, options) for kind, options in kinds.items())]
    known = {candidate.removeprefix(prefix) for target in possible for candidate in target.variables()}
    rest = variable.upper().removeprefix(prefix)
    candidate = rest if rest in known else nearest(rest.removeprefix(prefix), known)
    if candidate is not None:
        return f" (did you mean {prefix}{candidate}?)"
    return f"; an option of [netd] is {prefix}OPTION, one of [relay] {prefix}RELAY_OPTION"


def _near(variable: str, kind: str, present: Iterable[OverridableSection]) -> str:
    """Return a hint with the variable of *kind* most likely meant. The prefix that all have in common is not compared."""
    common = variable_name(kind, MAIN, "")
    known = [candidate.removeprefix(common) for target in present for candidate in target.variables()]
    candidate = nearest(variable.removeprefix(common), known)
    return f" (did you mean {common}{candidate}?)" if candidate is not None else ""
