"""Findings of the doctor. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

from attrs import frozen

from netd.codec.units import Prose

__all__ = ["Diagnosis", "Examination", "Level", "examination", "ok", "problem", "warning"]

Level = Literal["ok", "warning", "problem"]

LEVELS: tuple[Level, ...] = ("ok", "warning", "problem")
"""From the best to the worst."""


@frozen(slots=False)
class Diagnosis:
    """One thing that was looked at.

    :ivar check: what was looked at, in a word or two.
    :ivar text: what was found, as a sentence.
    :ivar remedy: what to do; empty if all is well.
    :ivar section: the section that it is about; empty for the daemon or the machine.
    """

    check: str
    level: Level
    text: Prose
    remedy: Prose = ""
    section: str = ""


@frozen(slots=False)
class Examination:
    """All findings.

    :ivar level: the worst of them.
    """

    level: Level
    findings: list[Diagnosis]


def ok(check: str, text: str, section: str = "") -> Diagnosis:
    """Return a finding that all is well."""
    return Diagnosis(check, "ok", text, "", section)


def warning(check: str, text: str, remedy: str, section: str = "") -> Diagnosis:
    """Return a finding that wants to be looked at."""
    return Diagnosis(check, "warning", text, remedy, section)


def problem(check: str, text: str, remedy: str, section: str = "") -> Diagnosis:
    """Return a finding because of which something does not work, or soon will not."""
    return Diagnosis(check, "problem", text, remedy, section)


def examination(findings: Iterable[Diagnosis]) -> Examination:
    """Return all *findings*, the worst first."""
    found = sorted(findings, key=lambda finding: -LEVELS.index(finding.level))
    return Examination(found[0].level if found else "ok", found)
