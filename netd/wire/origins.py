"""Where web pages come from, as browsers say it in ``Origin``: which of them a service takes.

Programs send no origin; a page cannot choose its own. So a page that was loaded from elsewhere is told apart from the service's
own, whatever address it found the service at.
"""

from __future__ import annotations

from urllib.parse import urlsplit

__all__ = ["ANY_ORIGIN", "is_own_origin", "takes_origin"]

ANY_ORIGIN = "*"
"""Among the origins that a service takes: web pages from anywhere."""


def is_own_origin(origin: str, host: str) -> bool:
    """Whether a page of *origin* came from where the request goes to.

    :param origin: the ``Origin`` header.
    :param host: the ``Host`` header; the port that browsers leave out of both is the same in both.
    """
    try:
        parts = urlsplit(origin)
    except ValueError:
        return False
    return parts.scheme in ("http", "https") and parts.netloc.lower() == host.strip().lower()


def takes_origin(origins: tuple[str, ...], origin: str, host: str) -> bool:
    """Whether a service that takes *origins*, in lower case, beside its own takes a page of *origin*."""
    return ANY_ORIGIN in origins or origin.lower() in origins or is_own_origin(origin, host)
