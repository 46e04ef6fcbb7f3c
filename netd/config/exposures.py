"""What other machines reach with less protection than there could be: the check, the doctor and the log tell it."""

from __future__ import annotations

from collections.abc import Iterator

from attrs import frozen

from netd.access.rules import AccessWord
from netd.config import AdmittingConfig, Configuration, Section
from netd.config.descriptions import is_exposed, is_secured, may_be_secured

__all__ = ["Exposure", "exposures"]


@frozen
class Exposure:
    """Something that others reach with little protection.

    :ivar section: the name of the section.
    :ivar text: what it is, as the end of a sentence that begins with the section.
    :ivar remedy: what ends it.
    """

    section: str
    text: str
    remedy: str

    def __str__(self) -> str:
        return f"[{self.section}] {self.text}. {self.remedy}"


def exposures(configuration: Configuration) -> Iterator[Exposure]:
    """Yield what other machines reach in each section of *configuration*, in the order of the sections."""
    for section in configuration.sections:
        if isinstance(section.config, AdmittingConfig):
            exposed = [one for one in getattr(section.config, "listen", None) or () if is_exposed(one)]
            if exposed and AccessWord.ANYONE in section.config.access_rules.words:
                yield _open_to_all(section, exposed)
            if exposed and section.config.access_rules.takes_tokens:
                yield from _tokens_in_the_clear(section, exposed)


def _open_to_all(section: Section, exposed: list[str]) -> Exposure:
    return Exposure(
        section.name,
        f"admits anyone on {', '.join(exposed)}: every program on every machine that reaches it, without a proof",
        "Unless that is meant: `access = peers` with `peers`, or `access = tokens`, or loopback (docs/who-may.md)",
    )


def _tokens_in_the_clear(section: Section, exposed: list[str]) -> Iterator[Exposure]:
    """A section to which other machines send tokens without TLS."""
    has_tls = getattr(section.config, "tls", False)
    listen = [one for one in exposed if not (is_secured(one) or (has_tls and may_be_secured(one)))]
    if listen:
        yield Exposure(
            section.name,
            f"takes tokens on {', '.join(listen)} without encryption: whoever is on the network in between can read them",
            "`tls = yes` ends that (`netd cert issue` makes a certificate), or a proxy with TLS before a loopback port",
        )
