"""The ports of a configuration that no daemon serves yet: who holds them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from netd.config import Configuration
from netd.config.descriptions import LOOPBACK, arguments_of
from netd.config.options import attribute_of, options_of
from netd.doctor.findings import Diagnosis, ok, problem
from netd.holders import Holder

__all__ = ["examine_ports"]


def examine_ports(configuration: Configuration, holders: Callable[[str, int], list[Holder] | None]) -> Iterator[Diagnosis]:
    """Yield a finding for each port that the configuration names.

    :param holders: see :func:`netd.holders.holders_of`.
    """
    for section in configuration.sections:
        for name, option in options_of(type(section.config)).items():
            for description in getattr(section.config, attribute_of(name)) or () if option.parser.listens else ():
                yield from _examine(section.name, *arguments_of(description), holders)


def _examine(
    section: str, kind: str, arguments: dict[str, Any], holders: Callable[[str, int], list[Holder] | None]
) -> Iterator[Diagnosis]:
    host = "127.0.0.1" if kind == LOOPBACK else arguments.get("interface")
    port = str(arguments.get("port", ""))
    if host is None or not port.isdigit() or port == "0":
        return
    found = holders(host, int(port))
    if found:
        first = found[0]
        who = first.process or ("a program of another user" if first.is_listening else "a connection that is still ending")
        remedy = "stop that program, or give the section another port" if first.is_listening else "wait a minute"
        yield problem("ports", f"port {port} of [{section}] is held by {who}", remedy, section)
    elif found is not None:
        yield ok("ports", f"port {port} of [{section}] is free", section)
