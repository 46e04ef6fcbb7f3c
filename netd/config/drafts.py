"""Drafts: sections whose kind is known, with the texts of their options and the mistakes found so far, before values are read."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping

from attrs import define, field, frozen

from netd.config.ini import IniBlock
from netd.config.options import NETD, NetdConfig, SectionConfig, options_of, section_name
from netd.config.tls import TLS, TlsConfig
from netd.errors import ConfigErrors, ConfigProblem, LineErrors
from netd.operations import MAIN
from netd.spelling import did_you_mean, nearest, quoted

__all__ = ["DEFAULT", "NOWHERE", "Draft", "Problems", "Setting", "draft_sections"]

DEFAULT = "default"
"""The place of a default."""

NOWHERE = math.inf
"""The line number of a text that is not in the file. It sorts after all lines of the file."""

_INSTANCE = re.compile(r"[A-Za-z0-9_-]{1,32}")


@frozen
class Setting:
    """The text of one option.

    :ivar place: ``file:line``, ``environment NETD_…`` or :data:`DEFAULT`.
    :ivar line: the line in the file, or :data:`NOWHERE`.
    :ivar lines: the line in the file of each line of the text; empty for a text that is not in the file.
    """

    text: str
    place: str
    line: float
    lines: tuple[int, ...] = ()


@define
class Draft:
    """One section of a known kind.

    :ivar line: the line of its header; 0 for a ``[netd]`` that is not written.
    :ivar settings: the texts in the file and the environment, by option. Unknown options are left out.
    :ivar is_repeated: whether an earlier section has the same name. This one is then checked, and not used.
    """

    kind: str
    instance: str
    line: int
    config_class: type
    is_repeated: bool = False
    settings: dict[str, Setting] = field(factory=dict)

    @property
    def section(self) -> str:
        """The section as the INI names it."""
        return section_name(self.kind, self.instance)


class Problems:
    """Every mistake found so far."""

    def __init__(self, file_name: str) -> None:
        self._file_name = file_name
        self._found: list[tuple[float, ConfigProblem]] = []

    def place(self, line: int) -> str:
        """``file:line``."""
        return f"{self._file_name}:{line}"

    def add(self, line: int, section: str, option: str, problem: str) -> None:
        """Note a mistake on *line* of the file."""
        self._found.append((line, ConfigProblem(self.place(line), section, option, problem)))

    def add_about(self, draft: Draft, option: str, setting: Setting, problem: str) -> None:
        """Note a mistake in *setting*. A mistake in a default is noted on the line of the section that relies on it."""
        place = self.place(draft.line) if setting.place == DEFAULT else setting.place
        self._found.append((setting.line, ConfigProblem(place, draft.section, option, problem)))

    def add_error(self, draft: Draft, option: str, setting: Setting, error: ValueError) -> None:
        """Note why *setting* cannot be read: each mistake on its own line, if the parser knows the line."""
        if isinstance(error, LineErrors) and setting.lines:
            for one in error.errors:
                self.add(setting.lines[one.index], draft.section, option, one.told(setting.lines))
        else:
            self.add_about(draft, option, setting, str(error))

    def extend(self, problems: Iterable[ConfigProblem]) -> None:
        """Note mistakes that are not in the file."""
        self._found.extend((NOWHERE, problem) for problem in problems)

    def raise_any(self, rest: object) -> None:
        """Raise :class:`netd.errors.ConfigErrors` with all mistakes in file order, if there are any."""
        if self._found:
            raise ConfigErrors(tuple(problem for _, problem in sorted(self._found, key=lambda found: found[0])), rest)


def draft_sections(blocks: Iterable[IniBlock], kinds: Mapping[str, type[SectionConfig]], problems: Problems) -> list[Draft]:
    """Return a draft of each block whose kind is known. The first draft is that of ``[netd]``, even if it is not written."""
    classes: dict[str, type] = {NETD: NetdConfig, TLS: TlsConfig, **kinds}
    singles = {NETD, TLS, *(kind for kind, config_class in kinds.items() if config_class.is_single)}
    lines: dict[str, int] = {}
    drafts: list[Draft] = []
    for block in blocks:
        kind, instance = _identify(block, classes, problems)
        if kind is None:
            continue
        draft = Draft(kind, instance, block.line, classes[kind], section_name(kind, instance) in lines)
        other = next((one for one in drafts if one.kind == kind and one.instance != instance), None)
        first_line = lines.setdefault(draft.section, block.line)
        if other is not None and kind in singles:
            told = f"there is only one [{kind}], and line {other.line} has it; take out one of the two"
            problems.add(block.line, draft.section, "", told)
        elif draft.is_repeated:
            remedy = "" if kind in singles else f", or name another instance [{kind}:NAME]"
            problems.add(block.line, draft.section, "", f"given twice, first on line {first_line}; put its options there{remedy}")
        _take_entries(draft, block, problems)
        drafts.append(draft)
    if NETD not in lines:
        drafts.append(Draft(NETD, MAIN, 0, NetdConfig))
    return sorted(drafts, key=lambda draft: (draft.kind != NETD, draft.line))


def _identify(block: IniBlock, classes: Mapping[str, type], problems: Problems) -> tuple[str | None, str]:
    """Return the kind and instance in the name of *block*. The kind is None if there is no such section."""
    kind, colon, instance = block.name.partition(":")
    if kind not in classes:
        candidate = nearest(kind, classes)
        hint = f" (did you mean [{candidate}{colon}{instance}]?)" if candidate is not None else ""
        problems.add(block.line, block.name, "", f"unknown section{hint}; kinds are {', '.join(sorted(classes))}")
    elif colon and kind in (NETD, TLS):
        problems.add(block.line, block.name, "", f"there is only one [{kind}]; take out the colon and what follows it")
    elif colon and not _INSTANCE.fullmatch(instance):
        problems.add(block.line, block.name, "", f"instance {quoted(instance)} is not 1 to 32 letters, digits, _ and -")
    else:
        return kind, instance or MAIN
    return None, ""


def _take_entries(draft: Draft, block: IniBlock, problems: Problems) -> None:
    options = options_of(draft.config_class)
    for entry in block.entries:
        first = draft.settings.get(entry.name)
        if entry.name not in options:
            hint = did_you_mean(entry.name, options) or f"; options are {', '.join(options)}"
            problems.add(entry.line, draft.section, entry.name, f"unknown option{hint}")
        elif first is not None:
            problems.add(entry.line, draft.section, entry.name, f"given twice, first on line {first.line}; keep one")
        else:
            text = entry.verbatim if options[entry.name].parser.is_verbatim else entry.text
            draft.settings[entry.name] = Setting(text, problems.place(entry.line), entry.line, entry.lines)
