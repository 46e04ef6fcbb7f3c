"""The guard: the sender of a request, and refusals because of ``Host`` or ``Origin`` (gateway protocol, "Who may do what").

While there are no tokens, every program that reaches this machine's loopback may do everything, and a web page can make its
visitor's browser send requests there. So ``Host`` must name this machine: a foreign page can let its own name resolve to this
machine, but the request then carries that name. And ``Origin`` must not be that of a foreign page.
"""

from __future__ import annotations

from http import HTTPStatus

from attrs import evolve, frozen

from netd.config.descriptions import is_loopback
from netd.connection.origins import ANY_HOST, takes_origin
from netd.gateway.answer import Answer, plain
from netd.gateway.forwarding import forwarded_by
from netd.gateway.head import Head
from netd.operations import Caller
from netd.principal import LOCAL, LOCAL_ADMIN, Kind, Principal
from netd.secrets.tokens import Tokens
from netd.secrets.tries import WrongSecrets

__all__ = ["TOKEN_NEEDED", "UNKNOWN_TOKEN", "Guard"]

UNKNOWN_TOKEN = "unknown token"  # noqa: S105 - what is wrong, and no token
"""The name of a refusal because of an unknown token, in counters and log."""

TOKEN_NEEDED = plain(
    HTTPStatus.UNAUTHORIZED,
    "a token is needed, as in `Authorization: Bearer TOKEN`; `netd token add NAME --role operator` makes one",
    ("WWW-Authenticate", 'Bearer realm="netd"'),
)

TOKEN_UNKNOWN = plain(
    HTTPStatus.UNAUTHORIZED,
    "this token is unknown; `netd token list` shows which there are",
    ("WWW-Authenticate", 'Bearer realm="netd", error="invalid_token"'),
    refusal=UNKNOWN_TOKEN,
)

TOO_MANY_UNKNOWN = evolve(TOKEN_UNKNOWN, is_last=True)

TOKENS_UNUSABLE = plain(
    HTTPStatus.SERVICE_UNAVAILABLE, "the tokens cannot be read; netd's log says why", refusal="tokens unusable"
)

PROBES = ("/healthz", "/readyz")
"""Paths that only tell whether netd runs. Load balancers ask for them with another ``Host``, or without one."""


@frozen
class Guard:
    """Judges requests.

    :ivar section: the gateway's section, for messages.
    :ivar wrong: counts wrong tokens.
    :ivar hosts: names of this machine, in lower case, beside ``localhost`` and loopback addresses.
    :ivar origins: origins of web pages, in lower case, that are served beside the gateway's own.
    """

    section: str
    tokens: Tokens
    wrong: WrongSecrets
    hosts: tuple[str, ...]
    origins: tuple[str, ...]

    def objection(self, head: Head, caller: Caller) -> Answer | None:
        """Return the answer that refuses this request from any sender; None if it is in order.

        :param caller: the caller, with the principal that its address shows.
        :raises PrivateFileError: if the tokens cannot be read.
        """
        host, origin = head.get("host"), head.get("origin")
        is_open, is_probe = self.is_open(caller.principal), head.path in PROBES and not origin
        if head.version != "HTTP/1.0" and not _host_name(host) and (host or not is_probe):
            return plain(
                HTTPStatus.BAD_REQUEST, "a request must have exactly one Host header", refusal="bad request", is_last=True
            )
        if is_probe:
            return None
        if is_open and (shown_by := forwarded_by(head)):
            return _behind_proxy(shown_by)
        hosts = self.hosts if is_open else (ANY_HOST,)  # with tokens, a foreign page gains nothing by its name: it has no token
        if origin and not takes_origin(self.origins, origin, host, hosts):
            return plain(
                HTTPStatus.FORBIDDEN,
                f"web pages from {origin!a:.200} are not served; the option `origins` of [{self.section}] names those that are",
                refusal="foreign origin",
            )
        if is_open and not self._is_own_name(_host_name(host)):
            return plain(
                HTTPStatus.FORBIDDEN,
                f"this machine is not known as {host!a:.200}; the option `hosts` of [{self.section}] gives it further names",
                refusal="foreign host",
            )
        return None

    def principal(self, head: Head, caller: Caller) -> Principal | Answer:
        """Return the sender of a request: the bearer of its token, or the principal that its address shows.

        :param caller: the caller, with the principal that its address shows.
        :raises PrivateFileError: if the tokens cannot be read.
        """
        if head.token is not None:
            found = self.tokens.find(head.token, caller.host)
            if found is None:
                return TOO_MANY_UNKNOWN if self.wrong.note(caller.host) else TOKEN_UNKNOWN
            return found.principal
        return LOCAL_ADMIN if self.is_open(caller.principal) else caller.principal

    def is_open(self, principal: Principal) -> bool:
        """Return True if *principal* may do everything, because it is on this machine and no user has a token.

        :raises PrivateFileError: if the tokens cannot be read.
        """
        return principal is LOCAL and not self.tokens.has(Kind.USER)

    def _is_own_name(self, name: str) -> bool:
        return name in self.hosts or is_loopback(name)


def _behind_proxy(shown_by: str) -> Answer:
    return plain(
        HTTPStatus.FORBIDDEN,
        f"a proxy passed this on ({shown_by}), and there are no tokens: everybody behind it would be administrator. "
        "`netd token add NAME --role admin` makes one",
        refusal="proxy without tokens",
    )


def _host_name(host: str) -> str:
    """Return the name in a ``Host`` header, without its port, in lower case; empty if the header holds more than one name."""
    name = host.strip().lower()
    if name.startswith("["):
        inner, bracket, port = name[1:].partition("]")
        return inner if bracket and _is_port(port) else ""
    name, colon, port = name.partition(":")
    return name if _is_port(colon + port) and not set(name) & set(", /@") else ""


def _is_port(text: str) -> bool:
    return not text or (text[0] == ":" and (len(text) == 1 or (text[1:].isascii() and text[1:].isdecimal())))
