"""The ``Origin`` header: which web pages may connect to a service.

A browser sends the origin of the page that connects, and the page cannot change it; other programs send none. So the service's
own pages can be told from pages of other sites.

That ``Origin`` and ``Host`` agree is not enough. The owner of a domain can load a page from it and then point the domain at this
machine (DNS rebinding): the page then connects to its own origin. Only IP addresses, ``localhost``, and names that the
configuration lists cannot be used so.
"""

from __future__ import annotations

import re
from ipaddress import ip_address
from urllib.parse import urlsplit

__all__ = ["ANY_HOST", "ANY_ORIGIN", "is_own_origin", "takes_origin"]

ANY_ORIGIN = "*"
"""As an origin of the configuration: pages of all sites may connect."""

ANY_HOST = "*"
"""As a name of this machine: any name is accepted. For services that ask for a token: a rebound domain gains nothing there."""


_LABELS = re.compile(r"[a-z0-9_-]+(?:\.[a-z0-9_-]+)*")
"""The labels of a host name that ``*`` stands for."""


def is_own_origin(origin: str, host: str, hosts: tuple[str, ...] = ()) -> bool:
    """Return True if a page of *origin* was loaded from the server that it connects to.

    :param origin: the ``Origin`` header.
    :param host: the ``Host`` header. Browsers leave the default port out of both headers, so they can be compared as they are.
    :param hosts: names of this machine beside ``localhost``, in lower case.
    """
    try:
        parts = urlsplit(origin)
        name = parts.hostname
    except ValueError:
        return False
    if parts.scheme not in ("http", "https") or name is None or parts.netloc.lower() != host.strip().lower():
        return False
    return ANY_HOST in hosts or name in hosts or name == "localhost" or _is_address(name)


def takes_origin(origins: tuple[str, ...], origin: str, host: str, hosts: tuple[str, ...] = ()) -> bool:
    """Return True if a page of *origin* may connect to a service: it is one of *origins*, or the server's own.

    :param origins: in lower case. ``https://*.example.org`` stands for all names below ``example.org``, not for that one itself.
    :param hosts: see :func:`is_own_origin`.
    """
    said = origin.lower()
    is_taken = ANY_ORIGIN in origins or said in origins or any(_is_below(said, pattern) for pattern in origins)
    return is_taken or is_own_origin(origin, host, hosts)


def _is_below(origin: str, pattern: str) -> bool:
    scheme, wildcard, rest = pattern.partition("://*.")
    name = origin.removeprefix(f"{scheme}://").removesuffix(f".{rest}")
    return bool(wildcard) and origin == f"{scheme}://{name}.{rest}" and _LABELS.fullmatch(name) is not None


def _is_address(name: str) -> bool:
    try:
        ip_address(name)
    except ValueError:
        return False
    return True
