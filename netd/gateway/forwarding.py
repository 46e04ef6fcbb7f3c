"""Signs in a request that a proxy has passed it on. Pure.

While there are no tokens, every client on this machine may do everything, and a proxy on this machine connects for clients of
others. Most proxies add a header that shows it. nginx adds none by default, but it speaks HTTP/1.0 to the server behind it, which
no browser and hardly any program does. A proxy that adds nothing and speaks HTTP/1.1 cannot be told from a program.
"""

from __future__ import annotations

import re

from netd.gateway.head import Head

__all__ = ["forwarded_by"]

_FORWARDING = re.compile(
    r"""
    (?:.*-)?forward(?:ed|er)?(?:-.*)? | (?:.*-)?via | (?:.*-)?proxy-.* | (?:.*-)?https | max-forwards | surrogate-capability
    | (?:.*-)?original-.* | x-(?:rewrite|replaced|ingress)-.* | x-(?:url-)?scheme | (?:x-)?script-name | x-(?:.*-)?host(?:-.*)?
    | x-(?:proxied|proxy|haproxy|nginx|traefik|varnish|bluecoat|envoy|kong|consumer|amzn|amz-cf|azure|fd|arr|nf|appengine).*
    | x-(?:akamai|vercel|auth|webauth|vouch|pomerium|ms-client-principal|goog-(?:authenticated-user|iap)|ngrok|sucuri).*
    | (?:x-)?ssl(?:-.*)? | (?:x-)?client-(?:cert|verify|dn).* | x-(?:request|queue)-start | x-cloud-trace-context
    | (?:cdn|cf|cloudfront|fastly|fly|tailscale|incap|ngrok|akamai|remote)-.*
    | (?:.*-)?(?:client|real|connecting|remote|originating|source|src|user|peer)-?(?:ip|addr|address|host|port|proto|user)
    | .*-client-connection-ip
    """,
    re.VERBOSE,
)
"""Names, in lower case, of headers that proxies add: the client's address, what it asked for, a mark of their own."""


def forwarded_by(head: Head) -> str:
    """Return the sign that a proxy has passed the request on: the name of a header, or the version; ``""`` if there is none."""
    named = next((name for name in head.headers if _FORWARDING.fullmatch(name.replace("_", "-"))), "")
    return named or (head.version if head.version == "HTTP/1.0" else "")
