"""Turns INI text and environment into frozen objects, or reports all mistakes at once.

Each service gets its section as one frozen ``Config`` object, and never sees the text. Only the INI file itself, and files that
endpoint descriptions name, are read. The user, the host name and the environment are arguments.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import attrs

from netd.config import ini
from netd.config.descriptions import ListenAddress, addresses, ipv6_takes_ipv4, unix_address
from netd.config.drafts import DEFAULT, NOWHERE, Draft, Problems, Setting, draft_sections
from netd.config.environment import OverridableSection, overrides, place
from netd.config.loops import Reaction, loops
from netd.config.options import AUTO, NETD, REQUIRED, NetdConfig, Option, SectionConfig, attribute_of, options_of, section_name
from netd.config.tls import TLS, SecuredConfig, TlsConfig
from netd.errors import ConfigErrors, ConfigProblem, LineError, LineErrors
from netd.paths import CONTROL_SOCKET, state_directory

__all__ = ["Configuration", "Origin", "Section", "load", "load_again", "parse"]

FOUND = ("name", "state_directory")
"""Options of ``[netd]`` whose value the loader finds where they say ``auto``."""

_GREATEST_FILE = 2**20
_LONGEST_NAME = 63
_NAMELESS = "netd"


@attrs.frozen
class Section:
    """A section of the INI: a service to run."""

    kind: str
    instance: str
    config: SectionConfig

    @property
    def name(self) -> str:
        """The name of the section in the INI: ``relay``, ``relay:lab2``."""
        return section_name(self.kind, self.instance)


@attrs.frozen
class Origin:
    """The text in force of one option, and where it is written.

    :ivar text: the text. Where an option of ``[netd]`` says ``auto``, it is the value that the loader found.
    :ivar place: ``default``, ``file:line`` or ``environment NETD_…``.
    """

    section: str
    option: str
    text: str
    place: str

    @property
    def one_line(self) -> str:
        """The text without its line breaks."""
        return " ".join(self.text.split())

    def __str__(self) -> str:
        return f"[{self.section}] {self.option} = {self.one_line} ; {self.place}"


@attrs.frozen
class Configuration:
    """A whole configuration without mistakes.

    :ivar sections: all sections but ``[netd]`` and ``[tls]``, in file order.
    :ivar origins: the origins of all options in all sections, those of ``[netd]`` first.
    :ivar places: ``file:line`` of each section, also of ``[netd]`` and ``[tls]``.
    :ivar file: the absolute path of the file; empty for a text that is in no file.
    :ivar tls: the section ``[tls]``; None if there is none.
    """

    netd: NetdConfig
    sections: tuple[Section, ...]
    origins: tuple[Origin, ...]
    places: Mapping[str, str] = attrs.field(factory=dict)
    file: str = ""
    tls: TlsConfig | None = None

    def problem(self, section: str, option: str, what: str) -> ConfigProblem:
        """Return a problem with a valid option. Its place is that of the option, or of the section if the option is a default."""
        written = (origin.place for origin in self.origins if (origin.section, origin.option) == (section, option))
        place = next((place for place in written if place != DEFAULT), self.places[section])
        return ConfigProblem(place, section, option, what)

    def origin_lines(self) -> tuple[str, ...]:
        """Return each option in force as ``[relay] listen = tcp:… ; etc/netd.ini:12``, for ``netd config --origin``."""
        return tuple(str(origin) for origin in self.origins)


def load(
    path: Path, kinds: Mapping[str, type[SectionConfig]], environ: Mapping[str, str], uid: int, hostname: str
) -> Configuration:
    """Return the configuration in the file *path*, as :func:`parse` reads it.

    :raises ConfigErrors: with all mistakes, or because the file cannot be read.
    """
    try:
        with path.open("rb") as file:
            content = file.read(_GREATEST_FILE + 1)
    except OSError as error:
        raise _unreadable(path, f"cannot be read: {error.strerror}") from None
    if len(content) > _GREATEST_FILE:
        raise _unreadable(path, f"is larger than {_GREATEST_FILE} bytes; this is no configuration")
    text = content.decode("utf-8", "surrogateescape")
    found = parse(text, str(path), kinds, environ, uid, hostname, path.parent.resolve(), ipv6_takes_ipv4())
    return attrs.evolve(found, file=str(path.absolute()))


def load_again(
    path: Path, kinds: Mapping[str, type[SectionConfig]], environ: Mapping[str, str], uid: int, hostname: str
) -> Configuration:
    """Return the configuration in the file *path*, for a reload.

    A pipe, such as a shell's ``<(…)``, cannot be read again: its text is gone since the start, and an empty text is a valid
    configuration without services. A named pipe would even block the daemon until another program writes to it.

    The kinds are those that were found at the start: one that was installed since is unknown, and the message says so.

    :raises ConfigErrors: as :func:`load` does, and if *path* is not a regular file.
    """
    if path.exists() and not path.is_file():
        raise _unreadable(path, "is no regular file, and cannot be read again: start netd with one, or restart it")
    try:
        return load(path, kinds, environ, uid, hostname)
    except ConfigErrors as errors:
        raise ConfigErrors(tuple(_told_of_restart(problem, kinds) for problem in errors.problems), errors.rest) from None


def _told_of_restart(problem: ConfigProblem, kinds: Mapping[str, object]) -> ConfigProblem:
    if not problem.section or problem.option or problem.section.partition(":")[0] in {NETD, *kinds}:
        return problem
    return attrs.evolve(problem, problem=f"{problem.problem}; a kind that was installed since netd started needs a restart")


def _unreadable(path: Path, problem: str) -> ConfigErrors:
    return ConfigErrors((ConfigProblem(str(path), "", "", problem),))


def parse(
    text: str,
    file_name: str,
    kinds: Mapping[str, type[SectionConfig]],
    environ: Mapping[str, str],
    uid: int,
    hostname: str,
    directory: Path = Path(),
    takes_ipv4: bool = True,
) -> Configuration:
    """Return the configuration in *text*.

    :param file_name: the name of the text in messages and origins.
    :param kinds: the class of options of each kind of section.
    :param environ: the environment, for ``NETD_…`` overrides and to find the state directory.
    :param uid: the id of the user that runs the daemon. The state directory of root (0) differs from that of other users.
    :param hostname: the name of the host, for ``name = auto``.
    :param directory: the directory to which relative paths in *text* are relative. Paths in the environment are relative to the
        current directory, as on the command line.
    :param takes_ipv4: whether a listener on the wildcard of IPv6 takes IPv4's connections, too.
    :raises ConfigErrors: with all mistakes, in file order. Mistakes in the environment come last.
    """
    problems = Problems(file_name)
    blocks, mistakes = ini.read(text)
    for mistake in mistakes:
        problems.add(mistake.line, mistake.section, "", mistake.problem)
    drafts = draft_sections(blocks, kinds, problems)
    _apply_overrides(drafts, kinds, environ, problems)
    values = [_read_values(draft, directory, problems) for draft in drafts]
    kept = [(draft, read) for draft, read in zip(drafts, values, strict=True) if not draft.is_repeated]
    netd = _netd_config(*kept[0], environ, uid, hostname)
    _refuse_collisions(kept, netd, takes_ipv4, problems)
    tls = next((_tls_config(draft, read, problems) for draft, read in kept if draft.kind == TLS), None)
    services = [(draft, read) for draft, read in kept[1:] if draft.kind != TLS]
    sections = [_section(draft, read, netd, tls, directory, problems) for draft, read in services]
    found = tuple(section for section in sections if section is not None)
    _refuse_needs([draft for draft, _ in kept], found, problems)
    _refuse_reactions([draft for draft, _ in kept], found, problems)
    origins = tuple(origin for draft, _ in kept for origin in _origins(draft, netd))
    places = {draft.section: problems.place(draft.line) if draft.line else file_name for draft, _ in kept}
    configuration = Configuration(netd, found, origins, places, tls=tls)
    problems.raise_any(configuration)
    return configuration


def _apply_overrides(
    drafts: Iterable[Draft], kinds: Mapping[str, type[SectionConfig]], environ: Mapping[str, str], problems: Problems
) -> None:
    drafts_by_section = {draft.section: draft for draft in drafts if not draft.is_repeated}
    targets = [
        OverridableSection(draft.kind, draft.instance, tuple(options_of(draft.config_class)))
        for draft in drafts_by_section.values()
    ]
    names = {kind: tuple(options_of(config_class)) for kind, config_class in kinds.items()}
    found, mistakes = overrides(targets, names, environ)
    for override in found:
        setting = Setting(override.text, place(override.variable), NOWHERE)
        drafts_by_section[override.section].settings[override.option] = setting
    problems.extend(mistakes)


def _setting(draft: Draft, name: str) -> Setting | None:
    """Return the text in force of one option, or None if it is required and missing."""
    default = options_of(draft.config_class)[name].default
    if name in draft.settings or default is REQUIRED:
        return draft.settings.get(name)
    return Setting(default, DEFAULT, draft.line)


def _read_values(draft: Draft, directory: Path, problems: Problems) -> dict[str, Any]:
    """Return the value of each option whose text is valid. Note the mistakes of the others."""
    values: dict[str, Any] = {}
    for name, option in options_of(draft.config_class).items():
        setting = _setting(draft, name)
        if setting is not None:
            try:
                values[name] = _read(option, setting, directory)
            except ValueError as error:
                problems.add_error(draft, name, setting, error)
        elif not draft.is_repeated:
            problems.add(draft.line, draft.section, name, f"is missing; write {name} = … ({option.parser.describes})")
    return values


def _read(option: Option, setting: Setting, directory: Path) -> Any:
    """Return the value of one option. Relative paths in the file begin with *directory*.

    :raises ValueError: if the text is not valid.
    """
    if setting.line == NOWHERE:
        return option.parser(setting.text)
    locate = option.parser.locate
    value = option.parser(setting.text if locate is None else locate(setting.text, directory))
    if option.parser.placed is not None and value is not None and setting.lines:
        return option.parser.placed(value, setting.lines)
    if isinstance(value, tuple):
        return tuple(directory / one if isinstance(one, Path) else one for one in value)
    return directory / value if isinstance(value, Path) else value


def _refuse_collisions(
    kept: Iterable[tuple[Draft, Mapping[str, Any]]], netd: NetdConfig, takes_ipv4: bool, problems: Problems
) -> None:
    """Note each endpoint that overlaps with an earlier one or with the control socket, so that it could not be opened."""
    taken: list[tuple[ListenAddress, str]] = [(unix_address(netd.state_directory / CONTROL_SOCKET), "netd's own control socket")]
    for draft, values in kept:
        for name, option in options_of(draft.config_class).items():
            setting = _setting(draft, name)
            descriptions = values.get(name) if option.parser.listens else None
            if setting is None or descriptions is None:
                continue
            refused: dict[str, str] = {}  # one problem a description, even if several of its addresses are taken
            for description, address in addresses(descriptions, takes_ipv4):
                first = next((holder for other, holder in taken if other.collides_with(address)), None)
                if first is not None:
                    refused.setdefault(description, first)
                taken.append((address, f"[{draft.section}] {name} ({setting.place})"))
            for description, first in refused.items():
                problems.add_about(draft, name, setting, f"{description} is taken by {first}; choose another")


def _refuse_needs(drafts: Iterable[Draft], sections: Iterable[Section], problems: Problems) -> None:
    """Note each option that does nothing, because it needs a section of a kind that is not there."""
    by_name = {draft.section: draft for draft in drafts}
    kinds = {draft.kind for draft in by_name.values()}
    for section in sections:
        draft = by_name[section.name]
        for name, kind in section.config.needs():
            setting = _setting(draft, name)
            if setting is not None and kind not in kinds:
                problems.add_about(draft, name, setting, f"does nothing without a section [{kind}]; add one, or take this out")
        found = section.config.contradiction(TLS in kinds) if isinstance(section.config, SecuredConfig) else None
        if found is not None:
            setting = _setting(draft, found[0])
            assert setting is not None  # none of these options is required
            problems.add_about(draft, found[0], setting, found[1])


def _refuse_reactions(drafts: Iterable[Draft], sections: Iterable[Section], problems: Problems) -> None:
    """Note what is sent to sections that are not there, and what would set itself off without an end."""
    by_name = {draft.section: draft for draft in drafts}
    reactions = {section.name: found for section in sections if (found := section.config.reaction()) is not None}
    for name, reaction in reactions.items():
        for missing in [section for section in reaction.sections if section not in by_name]:
            _add_reaction(by_name[name], reaction, f"there is no section [{missing}]; add one, or write another target", problems)
    for loop in loops(reactions):
        last = max(loop, key=lambda name: by_name[name].line)
        _add_reaction(by_name[last], reactions[last], _loop_text(loop, reactions), problems)


def _add_reaction(draft: Draft, reaction: Reaction, what: str, problems: Problems) -> None:
    setting = _setting(draft, reaction.option)
    assert setting is not None, "a section without it has no reaction"
    problems.add_about(draft, reaction.option, setting, what)


def _loop_text(loop: tuple[str, ...], reactions: Mapping[str, Reaction]) -> str:
    if len(loop) == 1:
        pattern = reactions[loop[0]].pattern
        return f"sets off events under {pattern}, which this section follows itself, without an end; narrow one of the two"
    way = " to ".join(f"[{name}]" for name in (*loop, loop[0]))
    return f"events would run in a circle, from {way}; take one of them out, or narrow what it follows"


def _netd_config(draft: Draft, values: dict[str, Any], environ: Mapping[str, str], uid: int, hostname: str) -> NetdConfig:
    config = NetdConfig(**values)
    if _is_auto(draft, "name"):
        reduced = re.sub(r"[^A-Za-z0-9_-]+", "-", hostname).strip("-")
        config = attrs.evolve(config, name=reduced[:_LONGEST_NAME] or _NAMELESS)
    if _is_auto(draft, "state_directory"):
        config = attrs.evolve(config, state_directory=state_directory(environ, uid))
    return config


def _is_auto(draft: Draft, name: str) -> bool:
    """Whether the loader has to find the value of an option of ``[netd]``; of others, ``auto`` is the service's to find."""
    setting = _setting(draft, name)
    return draft.kind == NETD and name in FOUND and setting is not None and setting.text == AUTO


def _tls_config(draft: Draft, values: dict[str, Any], problems: Problems) -> TlsConfig | None:
    """Return the section ``[tls]``, or None if its files cannot be used, which is noted."""
    if options_of(TlsConfig).keys() - values.keys():
        return None
    try:
        tls = TlsConfig(**values)
        tls.check()
    except ValueError as error:
        problems.add(draft.line, draft.section, "", str(error))
        return None
    return tls


def _section(
    draft: Draft, values: dict[str, Any], netd: NetdConfig, tls: TlsConfig | None, directory: Path, problems: Problems
) -> Section | None:
    """Return the finished section, or None if a required option has no valid value, or if the class refuses the values together.

    Any other option without a valid value gets its default. Its mistake is noted already, and further mistakes can be found.
    """
    options = options_of(draft.config_class)
    missing = options.keys() - values.keys()
    if any(options[name].default is REQUIRED for name in missing):
        return None
    try:
        config = draft.config_class(
            instance=draft.instance,
            directory=directory,
            state_directory=netd.state_directory,
            node=netd.name,
            stop_timeout=netd.stop_timeout,
            dead_timeout=netd.dead_timeout,
            certificates=tls,
            **{attribute_of(name): value for name, value in values.items()},
        )
    except ValueError as error:
        if not missing:  # otherwise the error may be about a default in place of a mistake
            problems.add(draft.line, draft.section, "", str(error))
        return None
    for name, mistake in config.mistakes(missing):
        setting = _setting(draft, name) or Setting("", DEFAULT, draft.line)
        if isinstance(mistake, LineError):
            problems.add_error(draft, name, setting, LineErrors([mistake]))
        else:
            problems.add_about(draft, name, setting, mistake)
    return Section(draft.kind, draft.instance, config)


def _origins(draft: Draft, netd: NetdConfig) -> Iterable[Origin]:
    for name in options_of(draft.config_class):
        setting = _setting(draft, name)
        if setting is None:
            continue  # a required option is missing, which is noted as a mistake
        text = str(getattr(netd, name)) if _is_auto(draft, name) else setting.text
        yield Origin(draft.section, name, text, setting.place)
