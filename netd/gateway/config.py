"""The options of a ``[gateway]`` section."""

from __future__ import annotations

import re
from collections.abc import Container, Iterable, Iterator
from typing import ClassVar

import attrs

from netd.access.rules import AccessRules, AccessWord
from netd.bus.subject import split_pattern
from netd.config import ListeningConfig, Parser, duration, endpoints, flag, off_or, option, size, within, words
from netd.config.descriptions import is_exposed
from netd.config.pages import host_names, web_origins
from netd.errors import LineError
from netd.principal import Kind
from netd.secrets.private_files import PrivateFileError
from netd.secrets.tokens import TOKENS, Tokens, how_to_add
from netd.spelling import quoted

__all__ = ["Config", "base_path", "value_patterns"]

_BASE = re.compile(r"/(?:[A-Za-z0-9_~-][A-Za-z0-9._~-]*/)*")


def _read_base(written: str) -> str:
    base = f"/{written.strip('/')}/" if written.strip("/") else "/"
    if not _BASE.fullmatch(base):
        raise ValueError(f"{quoted(written)} is no path; write it as in /netd/, of letters, digits, '-', '.', '_' and '~'")
    return base


base_path: Parser[str] = Parser("path: /netd/", _read_base)
"""The path of a URL, with a slash at both ends. The slashes need not be written."""


KINDS = ("session", "wire", "custom")
"""First tokens of the subjects that have measured values."""


def _read_patterns(written: str) -> tuple[str, ...]:
    patterns = words(written)
    for pattern in patterns:
        if split_pattern(pattern)[0] not in KINDS:
            raise ValueError(f"{quoted(pattern)} has no measured values; these are under {', '.join(KINDS)}, as in session.>")
        if "@" in pattern:
            raise ValueError(f"{quoted(pattern)} is of another node, which has its own /metrics")
    return patterns


value_patterns: Parser[tuple[str, ...]] = Parser("subject patterns, comma-separated: session.>, wire.>", _read_patterns)
"""Patterns of subjects that have measured values on this node."""


@attrs.frozen(kw_only=True)
class Config(ListeningConfig):
    """A dashboard for browsers, and one API for programs that speak HTTP or WebSocket.

    Without tokens, the gateway serves this machine only; `netd token add NAME --role admin` makes one.
    """

    usual: ClassVar[frozenset[AccessWord]] = frozenset([AccessWord.LOOPBACK, AccessWord.TOKENS])

    listen: tuple[str, ...] = option(
        endpoints,
        "loopback:8080",
        help="Where browsers and programs connect: one or more endpoints; `ssl:` and `tls:` use TLS. An endpoint that other "
        "machines can reach needs tokens.",
        live=True,
    )
    hosts: tuple[str, ...] | None = option(
        off_or(host_names),
        "off",
        help="Names of this machine in requests while there are no tokens (lab.local, …), beside localhost, loopback addresses, "
        "and the machine's own name if /etc/hosts gives it a loopback address. Requests for any other name are refused: a "
        "foreign web page could let a name of its own point to this machine.",
        live=True,
    )
    origins: tuple[str, ...] | None = option(
        off_or(web_origins),
        "off",
        help="Origins of web pages that may connect, beside this address itself: https://example.org, https://*.example.org, … "
        "or * for all. Programs send no origin and may always connect.",
        live=True,
    )
    base: str = option(
        base_path,
        "/",
        help="Path under which a proxy serves the gateway: /netd/. If the proxy strips the path from requests, leave this at /.",
        live=True,
    )
    session_idle: float = option(
        within(duration, "1s", "365d"),
        "8h",
        help="How long a browser stays signed in while nobody uses the dashboard there.",
        live=True,
    )
    session_limit: float = option(
        within(duration, "1s", "365d"),
        "7d",
        help="How long a browser stays signed in at most, however much it is used.",
        live=True,
    )
    echo: bool = option(
        flag, "no", help="Whether a WebSocket at /echo sends back every message, for conformance tests.", live=True
    )
    metrics_values: tuple[str, ...] | None = option(
        off_or(value_patterns),
        "off",
        help="Subjects whose newest measured values /metrics shows to Prometheus: session.>, wire.>, custom.>; 1,000 at most.",
        live=True,
    )
    max_message: int = option(
        within(size, "1KiB", "64MiB"), "1MiB", help="Longest message of a WebSocket, and longest body of a request.", live=True
    )
    ping_interval: float = option(
        within(duration, "1s", "1h"), "10s", help="How long a WebSocket may be silent before it is sent a ping.", live=True
    )
    ping_timeout: float = option(
        within(duration, "1s", "1h"), "15s", help="How long a WebSocket has to answer a ping before it is cut.", live=True
    )

    def mistakes(self, unread: Container[str]) -> Iterator[tuple[str, str | LineError]]:
        """See :meth:`SectionConfig.mistakes`. Whether there are tokens for other machines is known when their file is read."""
        if self.access is not None and not self.usual.issuperset(self.access):
            yield "access", "an address alone gives no rights at the gateway: write loopback, tokens, or both"
        else:
            yield from super().mistakes(unread)

    @property
    def access_rules(self) -> AccessRules:
        """Who may connect. A proxy before a unix socket is a user of this machine, but those behind it are not."""
        return attrs.evolve(super().access_rules, knows_users=False)

    @property
    def admitted(self) -> str:
        """See :class:`AdmittingConfig`. Other machines reach a gateway only where tokens are needed, written or not."""
        if self.access is None and any(map(is_exposed, self.listen)):
            return "people and programs with a token"
        return super().admitted

    def objections(self) -> Iterable[tuple[str, str]]:
        """See :meth:`SectionConfig.objections`. Here also: endpoints that other machines can reach while there are no tokens."""
        yield from super().objections()
        tokens = Tokens(self.state_directory / TOKENS)
        try:
            why = self.open_to_all(tokens, filter(is_exposed, self.listen))
        except PrivateFileError as error:
            why = str(error)
        if why:
            yield "", why

    def open_to_all(self, tokens: Tokens, exposed: Iterable[str]) -> str:
        """Return why the gateway must not listen on *exposed*, which other machines can reach; empty if users have tokens.

        :raises PrivateFileError: if the tokens cannot be read.
        """
        reached = ", ".join(exposed)
        has_users = tokens.has(Kind.USER)
        if not reached or has_users or not self.access_rules.takes_tokens:
            return ""
        return (
            f"other machines reach {reached}, and there are no tokens: everybody could do everything. "
            f"Run {how_to_add(tokens.path)}, or `listen` on loopback:PORT or a unix socket."
        )
