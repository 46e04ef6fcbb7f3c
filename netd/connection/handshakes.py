"""Why a TLS handshake failed, in words with a remedy. OpenSSL's own reasons name neither the side at fault nor what to do.

It knows the reasons of OpenSSL and the alerts of TLS as texts, and no connection.
"""

from __future__ import annotations

from collections.abc import Sequence

from attrs import frozen

__all__ = ["LEFT", "HandshakeFault", "fault_of"]

WRONG_KEY, EXPIRED, NOT_YET, SELF_SIGNED, WRONG_PURPOSE = 7, 10, 9, 18, 26
UNKNOWN_ISSUER = (19, 20, 21)
"""Numbers by which OpenSSL says what is wrong with a certificate (``X509_V_ERR_…``)."""

HANDSHAKE = 0x16
"""The first byte of every TLS connection."""


@frozen
class HandshakeFault:
    """A handshake that failed.

    :ivar kind: the reason by which it is counted.
    :ivar why: the reason and the remedy, for the log.
    """

    kind: str
    why: str


PLAIN = HandshakeFault("plain text on a TLS port", "this port speaks TLS: the program needs `cafile`, or this section `tls = no`")
LEFT = HandshakeFault("a TLS handshake that was broken off", "the client closed the connection in the middle of the handshake")
UNTRUSTED = HandshakeFault(
    "a client that does not trust this certificate",
    "the client does not know the authority of netd's certificate: give it the ca.pem of `netd cert init`",
)
BAD = HandshakeFault(
    "a client that does not take this certificate",
    "the client refuses netd's certificate, perhaps for its names: `netd cert check` says what is wrong with it",
)
LATE = HandshakeFault(
    "a client that finds this certificate expired",
    "netd's certificate has expired, or the client's clock is wrong: `netd cert check` tells which",
)
OLD = HandshakeFault("a client without a modern TLS", "the client offers neither TLS 1.2 nor 1.3 with forward secrecy: renew it")
MISSING = HandshakeFault(
    "a client without a certificate",
    "`client_certificates = required`, and the client shows none: `netd cert device NAME` makes one",
)

_BY_REASON = (
    ("unknown ca", UNTRUSTED),
    ("decrypt error", UNTRUSTED),
    ("certificate expired", LATE),
    ("bad certificate", BAD),
    ("certificate unknown", BAD),
    ("unsupported certificate", BAD),
    ("did not return a certificate", MISSING),
    ("unsupported protocol", OLD),
    ("no shared cipher", OLD),
    ("no suitable", OLD),
    ("version too low", OLD),
    ("wrong version number", OLD),
    ("alert protocol version", OLD),
    ("alert insufficient security", OLD),
    ("unexpected eof", LEFT),
)

_CLIENTS = {
    EXPIRED: "has expired, or this machine's clock is wrong",
    NOT_YET: "is not valid yet: the clock of this machine, or of the one that issued it, is wrong",
    SELF_SIGNED: "is self-signed: `client_ca` has not signed it",
    WRONG_KEY: "is of an authority with the name of `client_ca` and another key: it has been made anew since",
    WRONG_PURPOSE: "is not for clients: `netd cert device NAME` makes one that is",
    **dict.fromkeys(UNKNOWN_ISSUER, "is of another authority than `client_ca`"),
}


def fault_of(opening: bytes, reasons: Sequence[str], verdict: int, shown: str) -> HandshakeFault:
    """Return why a handshake failed.

    :param opening: the first bytes that the client sent.
    :param reasons: OpenSSL's reasons.
    :param verdict: what OpenSSL has found wrong with the client's certificate; 0 for nothing.
    :param shown: the subject of that certificate.
    """
    if opening and opening[0] != HANDSHAKE:
        return PLAIN
    if verdict:
        return HandshakeFault("a client certificate that does not count", f"the certificate {shown!r} {_judged(verdict)}")
    told = ", ".join(reasons)
    known = next((fault for words, fault in _BY_REASON if words in told), None)
    return known or HandshakeFault("a TLS handshake that failed", f"the TLS handshake failed: {told or 'no reason was given'}")


def _judged(verdict: int) -> str:
    return _CLIENTS.get(verdict, f"cannot be verified (error {verdict} of OpenSSL)")
