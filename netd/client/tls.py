"""TLS of a client: the authority that it trusts, its own certificate, and errors that say which of the usual mistakes it is."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

__all__ = ["CannotTrust", "ClientTls", "tls_reason"]

PEM = b"-----BEGIN "

WRONG_KEY, EXPIRED, NOT_YET, SELF_SIGNED, IN_CHAIN, WRONG_NAME, WRONG_ADDRESS = 7, 10, 9, 18, 19, 62, 64
UNKNOWN_ISSUER = (IN_CHAIN, 20, 21)
"""Numbers by which OpenSSL says what is wrong with a certificate (``X509_V_ERR_…``)."""

_BY_WORD = (
    ("UNEXPECTED_MESSAGE", "this port does not speak TLS: leave cafile out, or write `tls = yes` in its section of netd"),
    ("WRONG_VERSION_NUMBER", "this port does not speak TLS: leave cafile out, or write `tls = yes` in its section of netd"),
    ("HTTP_REQUEST", "this port does not speak TLS: leave cafile out, or write `tls = yes` in its section of netd"),
    ("PACKET_LENGTH_TOO_LONG", "this port does not speak TLS: leave cafile out, or write `tls = yes` in its section of netd"),
    ("RECORD_LAYER_FAILURE", "this port does not speak TLS: leave cafile out, or write `tls = yes` in its section of netd"),
    ("CERTIFICATE_REQUIRED", "the server wants a certificate of this client: give certificate and key (`netd cert device NAME`)"),
    ("UNKNOWN_CA", "the server does not take this client's certificate: it is of another authority than `client_ca`"),
    ("DECRYPT_ERROR", "the server does not take this client's certificate: its authority has been made anew since"),
    ("CERTIFICATE_EXPIRED", "the server does not take this client's certificate: it has expired (`netd cert device NAME`)"),
    ("CERTIFICATE_UNKNOWN", "the server does not take this client's certificate; its log says why"),
    ("BAD_CERTIFICATE", "the server does not take this client's certificate; its log says why"),
    (
        "UNSUPPORTED_CERTIFICATE",
        "the server does not take this client's certificate: `netd cert device NAME` makes one for clients",
    ),
    ("KEY_VALUES_MISMATCH", "the key is not that of the certificate"),
    ("EOF_OCCURRED", "the server closed the connection in the middle of the handshake: its log says why"),
)
"""Sentences by words that occur in Python's errors of TLS."""


class CannotTrust(OSError):
    """A file of the client cannot be used for TLS."""


class ClientTls:
    """The TLS of a client, which is used if there is a *cafile*.

    :param cafile: the authority that has signed the server's certificate, in PEM: the ``ca.pem`` of ``netd cert init``.
    :param certificate: the client's own certificate in PEM, for servers that ask for one.
    :param key: its private key; None if it is in the same file.
    :raises ValueError: for one without that which it needs.
    """

    def __init__(
        self,
        cafile: str | os.PathLike[str] | None = None,
        certificate: str | os.PathLike[str] | None = None,
        key: str | os.PathLike[str] | None = None,
    ) -> None:
        if certificate is not None and cafile is None:
            raise ValueError("certificate: it is shown in TLS, which is used with a cafile: give both")
        if key is not None and certificate is None:
            raise ValueError("key: it belongs to a certificate: give both")
        self._cafile = None if cafile is None else Path(cafile)
        self._certificate = certificate
        self._key = key

    @property
    def is_used(self) -> bool:
        """Whether connections go through TLS."""
        return self._cafile is not None

    def context(self) -> Any:
        """Return an ``ssl.SSLContext``, or None without TLS. The files are read anew each time, so they can be exchanged.

        :raises CannotTrust: when a file cannot be used.
        """
        if self._cafile is None:
            return None
        import ssl  # noqa: PLC0415 - not every program needs it, and not every Python has it

        try:
            _check_authority(self._cafile)
            context = ssl.create_default_context(cafile=str(self._cafile))
        except OSError as error:
            raise CannotTrust(f"{self._cafile}: {error.strerror or error}") from None
        if self._certificate is not None:
            try:
                context.load_cert_chain(self._certificate, self._key, lambda: b"")
            except ssl.SSLError as error:
                raise CannotTrust(f"{self._certificate}: {tls_reason(error)}") from None
            except OSError as error:
                raise CannotTrust(f"{self._certificate}: {error.strerror}") from None
        return context


def _check_authority(cafile: Path) -> None:
    content = cafile.read_bytes()
    if PEM not in content:
        raise CannotTrust("it is DER, which MicroPython reads, or no certificate at all: give the ca.pem")
    if b"PRIVATE KEY-----" in content:
        raise CannotTrust("it holds a private key: give the certificate of the authority, ca.pem, and keep the key secret")


def tls_reason(error: Exception, host: str = "") -> str:
    """Return what went wrong, in words, with the remedy where it is one of the usual mistakes of TLS; empty for no reason at all.

    :param host: what was dialled.
    """
    code = getattr(error, "verify_code", None)
    if code is not None:
        return _verified(int(code), str(getattr(error, "verify_message", "")), host)
    text = str(error)
    spelled = text.upper().replace(" ", "_")  # Python 3.7 writes alerts of TLS 1.3 as OpenSSL does, in words
    known = next((sentence for word, sentence in _BY_WORD if word in spelled), None)
    return known or text


def _verified(code: int, message: str, host: str) -> str:
    if code in (WRONG_NAME, WRONG_ADDRESS):
        option = f"--{'ip' if code == WRONG_ADDRESS else 'name'} {host}"
        return f"the server's certificate is not for {host}: dial a name that it has, or make one by `netd cert issue {option}`"
    if code == EXPIRED:
        return "the server's certificate has expired, or this machine's clock is wrong"
    if code == NOT_YET:
        return "the server's certificate is not valid yet: the clock of this machine, or of the one that issued it, is wrong"
    if code == SELF_SIGNED:
        return "the server's certificate is self-signed: has [tls] of netd the `certificate` that the authority signed?"
    if code == WRONG_KEY:
        return "the authority in cafile has the right name and another key: it was made anew, so give the ca.pem of now"
    if code in UNKNOWN_ISSUER:
        return "the server's certificate is of another authority than that in cafile: give the ca.pem that it was signed with"
    return f"the server's certificate cannot be verified: {message}"
