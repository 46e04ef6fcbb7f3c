"""Configuration: the options of each kind of service, and the INI file that sets them.

A kind declares its options with :func:`option` on a class that derives from :class:`SectionConfig`. :func:`load` turns a file
and the environment into frozen objects, or reports every mistake at once. :mod:`netd.config.reference` renders the packaged
INI and the option reference from the same declarations.
"""

from __future__ import annotations

from netd.config.dialing import DialingConfig
from netd.config.difference import ChangedOption, Difference, compare
from netd.config.listening import AdmittingConfig, ListeningConfig
from netd.config.loader import Configuration, Origin, Section, load, load_again, parse
from netd.config.loops import Reaction
from netd.config.options import REQUIRED, NetdConfig, Option, SectionConfig, option, options_of, section_name, variable_name
from netd.config.parsers import (
    Parser,
    auto_or,
    choice,
    duration,
    each_line,
    endpoints,
    flag,
    integer,
    mapping,
    off_or,
    path,
    remote,
    secret_file,
    size,
    sockets,
    text,
    unlimited_or,
    within,
    words,
)
from netd.config.reference import render_ini, render_markdown, stale_references, write_reference
from netd.config.tls import SecuredConfig, TlsConfig

__all__ = [
    "REQUIRED",
    "AdmittingConfig",
    "ChangedOption",
    "Configuration",
    "DialingConfig",
    "Difference",
    "ListeningConfig",
    "NetdConfig",
    "Option",
    "Origin",
    "Parser",
    "Reaction",
    "Section",
    "SectionConfig",
    "SecuredConfig",
    "TlsConfig",
    "auto_or",
    "choice",
    "compare",
    "duration",
    "each_line",
    "endpoints",
    "flag",
    "integer",
    "load",
    "load_again",
    "mapping",
    "off_or",
    "option",
    "options_of",
    "parse",
    "path",
    "remote",
    "render_ini",
    "render_markdown",
    "secret_file",
    "section_name",
    "size",
    "sockets",
    "stale_references",
    "text",
    "unlimited_or",
    "variable_name",
    "within",
    "words",
    "write_reference",
]
