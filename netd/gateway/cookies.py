"""The cookies of browsers' sessions, and whether a request comes from the gateway's own page. Pure.

Cookies know no ports: a browser sends those of ``host:8080`` to ``host:9000``, too. So a cookie's name has the port that the
browser sees, and a cookie counts only together with a page key, which other ports cannot read (:mod:`netd.gateway.sessions`).
"""

from __future__ import annotations

import re

from netd.connection.origins import ANY_HOST, is_own_origin
from netd.gateway.head import Head

__all__ = ["cookie_in", "is_own_page", "names_cookie_twice", "setting", "unsetting"]

_VALUE = re.compile(r"[A-Za-z0-9_-]{22}")

_FLAGS = "Path=/; HttpOnly; SameSite=Strict"


def is_own_page(head: Head) -> bool:
    """Return True if a browser says that a page of this very gateway made the request. Neither header can be set by a page."""
    origin = head.get("origin")
    if origin:
        return is_own_origin(origin, head.get("host"), (ANY_HOST,))
    return head.get("sec-fetch-site").strip().lower() == "same-origin"


def cookie_in(head: Head) -> str:
    """Return the cookie half of a session that came with the request; empty if none did."""
    given = _cookies(head)
    found = next((value for name in _believed(head) for value in given.get(name, ())), "")
    return found if _VALUE.fullmatch(found) else ""


def names_cookie_twice(head: Head) -> bool:
    """Return True if a cookie of the gateway came twice: another server of the same host has set one of them."""
    given = _cookies(head)
    return any(len(given.get(name, ())) > 1 for name in _believed(head))


def setting(head: Head, value: str, seconds: float) -> tuple[str, str]:
    """Return the header that gives a browser its cookie, which it keeps for so many *seconds*."""
    return "Set-Cookie", f"{_own_name(head)}={value}; {_flags(head)}; Max-Age={seconds:.0f}"


def unsetting(head: Head) -> tuple[str, str]:
    """Return the header that takes a browser's cookie away."""
    return "Set-Cookie", f"{_own_name(head)}=; {_flags(head)}; Max-Age=0"


def _flags(head: Head) -> str:
    return f"{_FLAGS}; Secure" if _is_https(head) else _FLAGS


def _own_name(head: Head) -> str:
    secured, plain = _names(head)
    return secured if _is_https(head) else plain


def _is_https(head: Head) -> bool:
    """Whether the browser is at an ``https`` address, be it that of a proxy.

    ``Origin`` tells, which browsers send with each POST; without it, the header that proxies add. That one needs no trust here: a
    program that lies about it gets a cookie that its own browser refuses.
    """
    return (head.get("origin") or f"{head.get('x-forwarded-proto').strip()}:").lower().startswith("https:")


def _believed(head: Head) -> tuple[str, ...]:
    """Return the names of the cookies that count, best first.

    At an http address of loopback, browsers let any other port set the cookie for https, too, which would hide the right one.
    """
    return (_own_name(head),) if head.get("origin") else _names(head)


def _names(head: Head) -> tuple[str, str]:
    """Return the name of the cookie for https, and that for http."""
    port = head.get("host").rpartition("]")[2].partition(":")[2].strip()
    return f"__Host-netd-{port}" if port else "__Host-netd", f"netd-{port or 80}"


def _cookies(head: Head) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for pair in head.get("cookie").split(";"):
        name, _, value = pair.partition("=")
        found.setdefault(name.strip(), []).append(value.strip())
    return found
