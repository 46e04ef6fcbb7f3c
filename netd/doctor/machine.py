"""What the doctor finds out about the machine: the configuration, disks, certificates, versions. All of it may block.

The daemon calls it in a thread. Without a daemon, :mod:`netd.doctor.__main__` does.
"""

from __future__ import annotations

import os
import platform
import shutil
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Mapping
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from netd import __version__
from netd.certificate_faults import server_fault
from netd.config import Configuration
from netd.config.exposures import exposures
from netd.config.options import attribute_of, options_of
from netd.doctor.findings import Diagnosis, ok, problem, warning
from netd.errors import ConfigErrors
from netd.pem import CertificateError, PairSource, exposed_keys, openssl_version
from netd.plaintext import moment

__all__ = [
    "examine_certificates",
    "examine_configuration",
    "examine_disks",
    "examine_exposures",
    "examine_sections",
    "folders_of",
    "installed_versions",
]

SOON = 30 * 86400.0
"""Seconds before a certificate's end at which it is time to renew it."""

FEW_BYTES, SCARCE = 1 << 28, 0.05
"""The space of a disk is scarce below both: so many bytes, and this part of all."""

NO_BYTES = 1 << 24
"""With less, the disk counts as full: a commit needs some MiB beside the file."""

PACKAGES = ("twisted", "autobahn", "h11", "msgspec", "cryptography", "nats-py")


def examine_configuration(read: Callable[[], Configuration], path: str) -> tuple[Configuration | None, list[Diagnosis]]:
    """Read the configuration: return it, or what is left of it beside its mistakes, and the findings.

    :param read: reads it; raises :class:`netd.errors.ConfigErrors`.
    """
    try:
        configuration = read()
    except ConfigErrors as errors:
        remedy = "mend it, then `netd check`; netd runs on with what it has read before, but does not start with this"
        return errors.rest, [problem("configuration", str(error), remedy, error.section) for error in errors.problems]
    names = ", ".join(section.name for section in configuration.sections) or "no service"
    return configuration, [ok("configuration", f"{path} is good; it runs {names}")]


def examine_exposures(configuration: Configuration) -> Iterator[Diagnosis]:
    """Yield a warning for whatever other machines reach with less protection than there could be."""
    for found in exposures(configuration):
        yield warning("exposure", f"[{found.section}] {found.text}", found.remedy, found.section)


def examine_sections(configuration: Configuration) -> Iterator[Diagnosis]:
    """Yield a problem for whatever would keep a section from starting again, although its options are valid.

    Endpoints are left out, as the user that a daemon has become may not open what root has opened for it; and so are commands:
    only running the files of a user's functions shows what is wrong with them.
    """
    remedy = "mend it, then `netd check`; netd does not start again like this"
    for section in configuration.sections:
        known = section.config.objections() if section.kind != "command" else ()
        for option, why in known:
            if option not in getattr(section.config, "endpoints", ()):
                yield problem("configuration", str(configuration.problem(section.name, option, why)), remedy, section.name)


def folders_of(configuration: Configuration) -> dict[str, Path]:
    """Return the directories that netd writes to: the state directory, and those of recorders."""
    folders = {"state directory": configuration.netd.state_directory}
    for section in configuration.sections:
        place = getattr(section.config, "place", None)
        if isinstance(place, Path):
            folders[f"[{section.name}]"] = place
    return folders


def examine_disks(folders: Mapping[str, Path], is_running: bool = False) -> Iterator[Diagnosis]:
    """Yield a finding for each directory that netd writes to: whether it can, and how much space is left.

    :param is_running: whether a daemon uses them: it makes each when it starts.
    """
    for name, folder in folders.items():
        try:
            nearest = next(parent for parent in (folder, *folder.absolute().parents) if parent.exists())
            total, _, free = shutil.disk_usage(nearest)
            nodes = os.statvfs(nearest)
            is_missing = is_running and not folder.exists()
        except OSError as error:
            yield problem(
                "disk", f"the {name} {folder} cannot be read: {error.strerror}", "see to the disk, and to who may enter it"
            )
            continue
        if is_missing:
            remedy = "if it was removed, a backup has it: stop netd, then `netd restore FILE`"
            yield problem("disk", f"the {name} {folder} is not there, and netd runs on without it", remedy)
            continue
        left = f"{free / (1 << 30):.1f} of {total / (1 << 30):.1f} GiB are free for the {name} {folder}"
        if nodes.f_files and not nodes.f_favail:
            yield problem("disk", f"no file can be added for the {name} {folder}: all inodes are in use", "delete some")
        elif free < NO_BYTES:
            yield problem("disk", f"the disk of the {name} {folder} is full", "make space; netd goes on by itself then")
        elif not os.access(nearest, os.W_OK):
            remedy = "mount it for writing, or see to its owner: netd runs as the user of its unit"
            yield problem("disk", f"the {name} {folder} cannot be written to", remedy)
        elif free < FEW_BYTES and free < SCARCE * total:
            yield warning("disk", left, "make space, or lower `keep` and `keep_size` of [recorder]")
        else:
            yield ok("disk", left)


def examine_certificates(configuration: Configuration, now: float) -> Iterator[Diagnosis]:
    """Yield a finding for each certificate that the configuration names.

    :param now: seconds since the epoch.
    """
    for section, source, is_server in _sources(configuration):
        try:
            pairs = source.pairs()
            exposed = exposed_keys(source)
        except (CertificateError, OSError) as error:
            remedy = "mend the file: netd serves the certificate that it has read before, until it is restarted"
            yield problem("certificate", f"[{section}] {error}", remedy, section)
            continue
        for text in exposed:
            told, _, remedy = text.rpartition(": ")
            yield warning("certificate", told, remedy, section)
        for pair in pairs:
            begin, end = pair.certificate.not_valid_before_utc.timestamp(), pair.certificate.not_valid_after_utc.timestamp()
            name = f"the certificate of [{section}] for {', '.join(pair.names) or pair.certificate.subject.rfc4514_string()}"
            times = _judge_times(section, name, begin, end, now)
            fault = server_fault(pair.certificate, now) if is_server and times.level != "problem" else ""
            yield warning("certificate", f"{name}: clients refuse it", fault, section) if fault else times


def _judge_times(section: str, name: str, begin: float, end: float, now: float) -> Diagnosis:
    renew = "`netd cert issue --replace` makes another for the same names; netd takes it without a restart"
    if now < begin:
        text = f"{name} is not valid before {moment(begin)}"
        return problem("certificate", text, "compare the clocks of this machine and of the one that made it", section)
    if now >= end:
        return problem("certificate", f"{name} ended {moment(end)}", renew, section)
    if end - now < SOON:
        return warning("certificate", f"{name} ends in {(end - now) / 86400:.0f} days, {moment(end)}", renew, section)
    return ok("certificate", f"{name} is good until {moment(end)}", section)


def _sources(configuration: Configuration) -> Iterator[tuple[str, PairSource, bool]]:
    """Yield each source of certificates with its section, and whether clients see them, and not the servers that netd dials."""
    if configuration.tls is not None:
        yield "tls", configuration.tls.pairs, True
    for section in configuration.sections:
        for name, option in options_of(type(section.config)).items():
            for source in option.parser.sources(getattr(section.config, attribute_of(name))):
                yield section.name, source, option.parser.listens


def installed_versions(packages: Iterable[str] = PACKAGES) -> dict[str, str]:
    """Return the versions of netd and of what it stands on. Packages that are not installed are left out."""
    found = {
        "netd": __version__,
        "Python": platform.python_version(),
        "OpenSSL": openssl_version(),
        "SQLite": sqlite3.sqlite_version,
    }
    for package in packages:
        try:
            found["Twisted" if package == "twisted" else package] = version(package)
        except PackageNotFoundError:
            continue
    return found
