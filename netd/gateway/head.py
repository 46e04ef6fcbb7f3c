"""The head of a request, as far as the gateway needs it. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable

from attrs import evolve, frozen

__all__ = ["Head"]

_BEARER = "bearer "

_ABSOLUTE = re.compile("https?://([^/?]*)(.*)", re.IGNORECASE)
"""A whole address for a target, as programs send it that believe they speak to a proxy (RFC 9112, section 3.2.2)."""

_REFUSED = re.compile(r"q\s*=\s*0(\.0*)?")
"""The weight of what a client does not take."""


@frozen
class Head:
    """Method, path and headers of one request.

    :ivar path: without a query, and without the address before it; nothing in it is decoded.
    :ivar headers: by name in lower case; several of one name are joined by a comma, so that none of those that must stand alone
        can mean two things. Where the target names another host than ``Host``, that one is empty.
    """

    method: str
    path: str
    version: str
    headers: dict[str, str]

    @classmethod
    def read(cls, request_line: bytes, headers: Iterable[tuple[bytes, Iterable[bytes]]]) -> Head:
        """The head with this first line, which is in order, and these headers."""
        method, target, version = request_line.decode("latin-1").split(" ")
        named = {name.decode("latin-1").lower(): ", ".join(text.decode("latin-1") for text in texts) for name, texts in headers}
        absolute = _ABSOLUTE.fullmatch(target)
        if absolute:
            authority, target = absolute[1], absolute[2]
            if authority.lower() != named.get("host", "").lower():
                named["host"] = ""
            if not target.startswith("/"):
                target = f"/{target}"
        return cls(method, target.partition("?")[0], version, named)

    def below(self, base: str) -> Head:
        """The head with *base*, a path that ends in a slash, taken away; itself where its path does not begin so."""
        return evolve(self, path=f"/{self.path.removeprefix(base)}") if self.path.startswith(base) else self

    def get(self, name: str) -> str:
        """The header *name*, in lower case; empty when there is none."""
        return self.headers.get(name, "")

    @property
    def token(self) -> str | None:
        """Return the token of ``Authorization: Bearer …``; None without such a header, empty for another kind of it."""
        given = self.headers.get("authorization")
        if given is None:
            return None
        return given[len(_BEARER) :].strip() if given.lower().startswith(_BEARER) else ""

    @property
    def is_json(self) -> bool:
        """Whether the body is said to be JSON."""
        return self.get("content-type").partition(";")[0].strip().lower() == "application/json"

    @property
    def wants_websocket(self) -> bool:
        """Whether the connection is to become a WebSocket."""
        return "websocket" in (word.strip().lower() for word in self.get("upgrade").split(","))

    @property
    def wants_page(self) -> bool:
        """Whether it was sent by a browser for a person, rather than by a program."""
        return any(kind.partition(";")[0].strip().lower() == "text/html" for kind in self.get("accept").split(","))

    @property
    def takes_gzip(self) -> bool:
        """Whether the client takes a body that is compressed by gzip (RFC 9110, section 12.5.3); not where it says ``q=0``."""
        taken = False
        for coding in self.get("accept-encoding").lower().split(","):
            name, _, weight = (part.strip() for part in coding.partition(";"))
            if name in ("gzip", "x-gzip"):
                return _REFUSED.fullmatch(weight) is None
            taken = taken or (name == "*" and _REFUSED.fullmatch(weight) is None)
        return taken

    def has_tag(self, tag: str) -> bool:
        """Whether the client has what *tag* names already."""
        return any(known.strip().removeprefix("W/") in (tag, "*") for known in self.get("if-none-match").split(","))
