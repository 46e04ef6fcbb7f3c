"""The parts of a request's head that the gateway needs. Pure."""

from __future__ import annotations

import re
from base64 import b64decode
from binascii import Error
from collections.abc import Iterable

from attrs import evolve, frozen

__all__ = ["Head"]

_BEARER, _BASIC = "bearer ", "basic "

_ABSOLUTE = re.compile("https?://([^/?]*)(.*)", re.IGNORECASE)
"""A request target that is a whole URL. Programs send one to a proxy (RFC 9112, section 3.2.2)."""

_REFUSED = re.compile(r"q\s*=\s*0(\.0*)?")
"""The weight of a content coding that the client does not accept."""


@frozen
class Head:
    """Method, path and headers of one request.

    :ivar path: the path, not decoded, without query, scheme and host.
    :ivar query: what is behind the question mark, not decoded.
    :ivar headers: the headers by name in lower case. Several headers of one name are joined by a comma: one that must not be
        repeated then has no valid value. If the target names another host than ``Host``, that header is empty.
    """

    method: str
    path: str
    version: str
    headers: dict[str, str]
    query: str = ""

    @classmethod
    def read(cls, request_line: bytes, headers: Iterable[tuple[bytes, Iterable[bytes]]]) -> Head:
        """Return the head with this first line, which must be valid, and these headers."""
        method, target, version = request_line.decode("latin-1").split(" ")
        named = {name.decode("latin-1").lower(): ", ".join(text.decode("latin-1") for text in texts) for name, texts in headers}
        absolute = _ABSOLUTE.fullmatch(target)
        if absolute:
            authority, target = absolute[1], absolute[2]
            if authority.lower() != named.get("host", "").lower():
                named["host"] = ""
            if not target.startswith("/"):
                target = f"/{target}"
        path, _, query = target.partition("?")
        return cls(method, path, version, named, query)

    def below(self, base: str) -> Head:
        """Return the head without *base*, a path that ends in a slash, at the beginning of its path; else the head itself."""
        return evolve(self, path=f"/{self.path.removeprefix(base)}") if self.path.startswith(base) else self

    def get(self, name: str) -> str:
        """Return the header *name*, which is given in lower case; empty if there is none."""
        return self.headers.get(name, "")

    @property
    def target(self) -> str:
        """The path and the query, as the request has them."""
        return f"{self.path}?{self.query}" if self.query else self.path

    @property
    def token(self) -> str | None:
        """Return the token that ``Authorization`` gives; None without that header, empty if it gives none.

        ``Bearer`` gives it as it is, ``Basic`` as the password of any user (RFC 7617): the forms of Grafana and of many other
        programs have nothing but a user and a password.
        """
        given = self.headers.get("authorization")
        if given is None:
            return None
        if given.lower().startswith(_BASIC):
            return _password(given[len(_BASIC) :].strip())
        return given[len(_BEARER) :].strip() if given.lower().startswith(_BEARER) else ""

    @property
    def body_type(self) -> str:
        """The type of the body, as ``Content-Type`` names it, in lower case and without parameters."""
        return self.get("content-type").partition(";")[0].strip().lower()

    @property
    def wants_websocket(self) -> bool:
        """Whether the client asks for a WebSocket."""
        return "websocket" in (word.strip().lower() for word in self.get("upgrade").split(","))

    @property
    def wants_page(self) -> bool:
        """Whether the client prefers a page to JSON: it is a browser, not a program."""
        return any(kind.partition(";")[0].strip().lower() == "text/html" for kind in self.get("accept").split(","))

    @property
    def takes_gzip(self) -> bool:
        """Whether the client accepts a body compressed by gzip (RFC 9110, section 12.5.3). With ``q=0``, it does not."""
        taken = False
        for coding in self.get("accept-encoding").lower().split(","):
            name, _, weight = (part.strip() for part in coding.partition(";"))
            if name in ("gzip", "x-gzip"):
                return _REFUSED.fullmatch(weight) is None
            taken = taken or (name == "*" and _REFUSED.fullmatch(weight) is None)
        return taken

    def has_tag(self, tag: str) -> bool:
        """Whether the client already has the content with the entity tag *tag*."""
        return any(known.strip().removeprefix("W/") in (tag, "*") for known in self.get("if-none-match").split(","))


def _password(credentials: str) -> str:
    """Return the password in the *credentials* of ``Basic``; empty if they hold none."""
    try:
        return b64decode(credentials, validate=True).decode("latin-1").partition(":")[2]
    except (Error, ValueError):
        return ""
