"""How a request shows that a proxy passed it on. Pure.

While there are no tokens, whoever can connect is the administrator, and a proxy on this machine connects for everybody. Some
proxies add no header at all. What shows those is that nginx speaks HTTP/1.0 to the server behind it unless it is told otherwise,
as no browser and hardly a program does. A proxy that adds nothing and speaks HTTP/1.1 looks like any program of this machine.
"""

from __future__ import annotations

import re

from netd.gateway.head import Head

__all__ = ["forwarded_by"]

_FORWARDING = re.compile(
    r"""
    (?:.*-)?forward(?:ed)?(?:-.*)? | via | max-forwards | cdn-loop | front-end-https | proxy-.*
    | x-original-.* | x-rewrite-url | x-scheme | x-url-scheme | x-script-name | x-host
    | x-(?:proxy|haproxy|nginx|traefik|varnish|bluecoat|envoy|amzn|amz-cf|azure|fd|arr|appengine|akamai|vercel|auth-request).*
    | x-ssl-.* | ssl-client-.* | x-client-cert.* | x-cloud-trace-context
    | (?:cf|cloudfront|fastly|fly|tailscale|incap)-.*
    | (?:.*-)?(?:client|real|connecting|remote|originating|source)-?(?:ip|addr|address|host|port|proto|user)
    """,
    re.VERBOSE,
)
"""Names, in lower case, of headers that proxies add: the client's address, what it asked for, a mark of their own."""


def forwarded_by(head: Head) -> str:
    """What shows that a proxy passed the request on: a header's name, or the version; empty where nothing does."""
    named = next((name for name in head.headers if _FORWARDING.fullmatch(name)), "")
    return named or (head.version if head.version == "HTTP/1.0" else "")
