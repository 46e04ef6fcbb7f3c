"""Checks or shows a configuration. ``netd check`` and ``netd config`` run this module as a program.

``twistd netd --check`` does the same, but importing twistd takes longer than the check itself.
"""

from __future__ import annotations

import grp
import os
import pwd
import socket
import sys
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path

from netd import privileges
from netd.access.rules import AccessWord
from netd.config import AdmittingConfig, Configuration, Section, load
from netd.config.exposures import exposures
from netd.config.options import NETD, attribute_of, options_of
from netd.config.tls import TLS
from netd.control.directory import objection
from netd.errors import ConfigErrors, ConfigProblem
from netd.interfaces import IServiceKind
from netd.kinds import find_kinds, is_own
from netd.paths import packaged
from netd.pem import exposed_keys
from netd.principal import Kind
from netd.secrets.private_files import PrivateFileError, quoted
from netd.secrets.tokens import TOKENS, Tokens, how_to_add
from netd.state.file import STATE_FILE
from netd.state.file import objection as state_objection

__all__ = ["check", "default_ini", "main", "objections", "read", "refusal", "show"]

EX_CONFIG = 78
"""Exit status when the configuration cannot be used (sysexits.h)."""


SYSTEM_INI = Path("/etc/netd/netd.ini")
"""The configuration of the machine's service."""


def default_ini(of_machine: Path = SYSTEM_INI) -> Path:
    """The INI where none is named: that of the machine's service; where there is none, the one that comes with netd."""
    return of_machine if os.access(of_machine, os.F_OK) else packaged("netd.ini")


def read(path: Path, kinds: Mapping[str, IServiceKind], is_checked: bool) -> Configuration:
    """The configuration in the file *path*.

    :param is_checked: whether to list also what would keep the services from starting.
    :raises SystemExit: after all mistakes have been printed.
    """
    try:
        return load(path, {name: kind.config for name, kind in kinds.items()}, os.environ, os.getuid(), socket.gethostname())
    except ConfigErrors as errors:
        told = {(problem.section, problem.option) for problem in errors.problems}
        more = objections(errors.rest, kinds) if is_checked and errors.rest is not None else ()
        new = (problem for problem in more if (problem.section, problem.option) not in told)
        raise refusal([*errors.problems, *new]) from None


def check(configuration: Configuration, path: Path, kinds: Mapping[str, IServiceKind]) -> None:
    """Report that the configuration is good, with warnings.

    :raises SystemExit: after the reasons have been printed that would keep the services from starting.
    """
    problems = list(objections(configuration, kinds))
    if problems:
        raise refusal(problems)
    names = ", ".join(section.name for section in configuration.sections) or "no service"
    _print([f"{path}: good; it runs {names}", *_admitted(configuration)])
    warnings = [*_closed_to_the_service(path, configuration), *_warnings(configuration)]
    print(*(f"{path}: warning: {text}" for text in warnings), sep="", end="", file=sys.stderr)


def show(configuration: Configuration, with_origin: bool) -> None:
    """Print the options that a daemon would have, one a line.

    :param with_origin: add the place where each value is written.
    """
    _print(line if with_origin else line.rpartition(" ; ")[0] for line in configuration.origin_lines())


def refusal(problems: Iterable[ConfigProblem]) -> SystemExit:
    """Print *problems* in file order; the exit to be raised."""
    print(ConfigErrors(tuple(sorted(problems, key=lambda problem: problem.line))), file=sys.stderr)
    return SystemExit(EX_CONFIG)


def main() -> None:
    """``python -m netd.check check|config|origin [FILE]``."""
    what, *files = sys.argv[1:]
    path, kinds = Path(files[0]) if files else default_ini(), find_kinds()
    configuration = read(path, kinds, what == "check")
    if what == "check":
        check(configuration, path, kinds)
    else:
        show(configuration, what == "origin")


def _admitted(configuration: Configuration) -> Iterator[str]:
    """Who may connect to each section that says so; to the others, programs on this machine may."""
    for section in configuration.sections:
        if isinstance(section.config, AdmittingConfig) and section.config.admitted:
            yield f"[{section.name}] admits {section.config.admitted}"


def _warnings(configuration: Configuration) -> Iterator[str]:
    """Settings that are allowed, but not recommended."""
    if configuration.tls is not None:
        yield from (f"[{TLS}] {text}\n" for text in configuration.tls.warnings(time.time()))
    for section in configuration.sections:
        for name, option in options_of(type(section.config)).items():
            for source in option.parser.sources(getattr(section.config, attribute_of(name))):
                yield from (f"[{section.name}] {text}\n" for text in exposed_keys(source))
        if isinstance(section.config, AdmittingConfig) and AccessWord.TOKENS in (section.config.access or ()):
            yield from _nobody_with_a_token(section)
    yield from (f"{exposure}\n" for exposure in exposures(configuration))


def _closed_to_the_service(path: Path, configuration: Configuration) -> Iterator[str]:
    """The INI is one that root can read, and the user not that the state directory belongs to: the service would not start."""
    with suppress(OSError, KeyError):
        state = configuration.netd.state_directory.stat()
        user = pwd.getpwuid(state.st_uid)
        if os.geteuid() == 0 and not privileges.may_read(path, user.pw_uid, os.getgrouplist(user.pw_name, user.pw_gid)):
            group, file = grp.getgrgid(user.pw_gid).gr_name, quoted(path)
            yield (
                f"the user {user.pw_name}, to whom {configuration.netd.state_directory} belongs, cannot read this file: "
                f"run `chgrp {group} {file} && chmod 640 {file}`, and let others enter its folder\n"
            )


def _nobody_with_a_token(section: Section) -> Iterator[str]:
    """A section that takes tokens while there are none: whoever needs one cannot connect yet."""
    path = section.config.state_directory / TOKENS
    certificates = getattr(section.config, "certificates", None)
    with suppress(PrivateFileError):  # which keeps the daemon from starting, and is reported there
        if not Tokens(path).has(*Kind) and (certificates is None or certificates.client_ca is None):
            yield f"[{section.name}] takes tokens, and nobody has one yet: run {how_to_add(path)}, or --device, --agent, …\n"


def objections(configuration: Configuration, kinds: Mapping[str, IServiceKind]) -> Iterator[ConfigProblem]:
    """Reasons on this machine that would keep the services from starting, although their options are valid."""
    netd, uid = configuration.netd, os.geteuid()
    why = privileges.objection(netd.user, uid) if netd.user is not None else ""  # the unit may start another user than this one
    if why:
        yield configuration.problem(NETD, "user", why)
    why = objection(netd.state_directory, uid)
    why = why or state_objection(netd.state_directory / STATE_FILE)
    if why:
        yield configuration.problem(NETD, "state_directory", why)
    for section in configuration.sections:
        yield from (configuration.problem(section.name, *found) for found in section.config.objections())
    if not all(is_own(kinds[section.kind]) for section in configuration.sections):
        yield from _collisions(configuration, dict(kinds))


def _collisions(configuration: Configuration, kinds: dict[str, IServiceKind]) -> Iterable[ConfigProblem]:
    """Operations that two sections offer under one name. Only third parties' kinds cause that; it shows in built services."""
    from twisted.internet import reactor

    from netd.daemon import assemble

    try:
        assemble(configuration, kinds, reactor, time.time)
    except ConfigErrors as errors:
        return errors.problems
    return ()


def _print(lines: Iterable[str]) -> None:
    """Write *lines*.

    :raises SystemExit: with status 1 if the reader of a pipe, such as ``head``, has ended.
    """
    try:
        for line in lines:
            print(line)
        sys.stdout.flush()
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # Python flushes it at exit
        raise SystemExit(1) from None


if __name__ == "__main__":
    main()
