"""Where web pages come from, as browsers say it in ``Origin``: which of them a service takes.

Programs send no origin; a page cannot choose its own. So a page that was loaded from elsewhere is told apart from the service's
own. The name in ``Host`` is no proof by itself: whoever owns a name can let it mean this machine once a page has been loaded from
under it, and that page is of the very address that it connects to. Only addresses, ``localhost`` and names that the configuration
says are this machine's cannot be made up so.
"""

from __future__ import annotations

import re
from ipaddress import ip_address
from urllib.parse import urlsplit

__all__ = ["ANY_HOST", "ANY_ORIGIN", "is_own_origin", "takes_origin"]

ANY_ORIGIN = "*"
"""Among the origins that a service takes: web pages from anywhere."""

ANY_HOST = "*"
"""Among the names that are this machine's: all of them, because a page that made one up would gain nothing by it."""


_LABELS = re.compile(r"[a-z0-9_-]+(?:\.[a-z0-9_-]+)*")
"""Of a host's name, those that ``*`` stands for."""


def is_own_origin(origin: str, host: str, hosts: tuple[str, ...] = ()) -> bool:
    """Whether a page of *origin* came from where the request goes to.

    :param origin: the ``Origin`` header.
    :param host: the ``Host`` header; the port that browsers leave out of both is the same in both.
    :param hosts: names, in lower case, that are this machine's, beside ``localhost``.
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
    """Whether a service that takes *origins*, in lower case, beside its own takes a page of *origin*.

    :param origins: ``https://*.example.org`` stands for all names below ``example.org``, and not for that name itself.
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
