"""``netd cert check``: what is wrong with the TLS of a port, as a client would see it, in one sentence with the remedy."""

from __future__ import annotations

import socket
import ssl
from pathlib import Path
from typing import NamedTuple

from attrs import frozen
from cryptography import x509

from netd.certificate_faults import authority_fault, days_left, expiry_warning, names_in
from netd.client.tls import EXPIRED, NOT_YET, UNKNOWN_ISSUER, WRONG_ADDRESS, WRONG_NAME, CannotTrust, ClientTls, tls_reason

__all__ = ["CertificateCheck", "Found"]

PATIENCE = 5.0
"""Seconds for the connection and for the handshake."""

LISTENING = 0.4
"""Seconds after the handshake for which a server may still refuse the client: in TLS 1.3, it judges it after that."""


class Found(NamedTuple):
    """The outcome of a check."""

    is_good: bool
    told: str


@frozen
class CertificateCheck:
    """One check.

    :ivar cafile: the authority that a client would trust.
    :ivar certificate: the client's certificate; None for none.
    :ivar now: seconds since the epoch.
    """

    host: str
    port: int
    cafile: Path
    certificate: Path | None
    key: Path | None
    now: float

    def run(self) -> Found:
        """Connect as a client would, and say the first thing that is wrong."""
        try:
            content = self.cafile.read_bytes()
        except OSError as error:
            return Found(False, f"{self.cafile}: {error.strerror}: give the ca.pem of that netd with --cafile")
        fault = authority_fault(content, self.now)
        if fault:
            return Found(False, f"{self.cafile}: {fault}")
        try:
            context = ClientTls(self.cafile, self.certificate, self.key).context()
        except (CannotTrust, ValueError) as error:
            return Found(False, str(error))
        try:
            connection = self._dial()
        except OSError as error:
            return Found(False, f"nothing answers there: {error.strerror or error}")
        with connection:
            return self._shake(connection, context)

    def _dial(self) -> socket.socket:
        return socket.create_connection((self.host, self.port), PATIENCE)

    def _shake(self, connection: socket.socket, context: ssl.SSLContext) -> Found:
        try:
            secured = context.wrap_socket(connection, server_hostname=self.host)
        except ssl.SSLCertVerificationError as error:
            return Found(False, self._explain(error))
        except TimeoutError:
            return Found(False, "it takes the connection and says nothing: it does not speak TLS, or a firewall swallows it")
        except ConnectionError:
            return Found(False, "it broke the connection off in the handshake: it does not speak TLS, or its log says why")
        except OSError as error:
            return Found(False, tls_reason(error, self.host))
        with secured:
            return self._listen(secured)

    def _listen(self, secured: ssl.SSLSocket) -> Found:
        """Wait a moment for the server's verdict on the client."""
        secured.settimeout(LISTENING)
        try:
            if secured.recv(1) == b"":
                return Found(False, "it closed the connection right after the handshake: its log says why")
        except TimeoutError:
            pass
        except OSError as error:
            return Found(False, tls_reason(error, self.host))
        shown = x509.load_der_x509_certificate(secured.getpeercert(binary_form=True) or b"")
        warning = expiry_warning(shown, self.now)
        if warning:
            return Found(True, f"good, but {warning}")
        return Found(
            True, f"good: {secured.version()}, for {', '.join(names_in(shown))}, for {days_left(shown, self.now):.0f} days"
        )

    def _explain(self, error: ssl.SSLCertVerificationError) -> str:
        """Return what a client says, and what the certificate says that the server shows."""
        reason, shown = tls_reason(error, self.host), self._shown()
        if shown is None:
            return reason
        if error.verify_code in (WRONG_NAME, WRONG_ADDRESS):
            return f"{reason}; it is for {', '.join(names_in(shown)) or 'no name at all'}"
        if error.verify_code == EXPIRED:
            return (
                f"{reason}: it ended on {shown.not_valid_after_utc:%Y-%m-%d %H:%M} UTC; `netd cert issue --replace` makes another"
            )
        if error.verify_code == NOT_YET:
            return f"{reason}: it begins on {shown.not_valid_before_utc:%Y-%m-%d %H:%M} UTC"
        if error.verify_code in UNKNOWN_ISSUER:
            return self._compared(reason, shown)
        return reason

    def _compared(self, reason: str, shown: x509.Certificate) -> str:
        """Say of which authority the server's certificate is, and which one the client trusts."""
        own = x509.load_pem_x509_certificate(self.cafile.read_bytes())
        if shown.issuer == own.subject:
            return "the authority in cafile has the right name and another key: it was made anew, so give the ca.pem of now"
        return f"{reason}; it is of {shown.issuer.rfc4514_string()}, and {self.cafile} is {own.subject.rfc4514_string()}"

    def _shown(self) -> x509.Certificate | None:
        """Return the certificate that the server shows, whatever is wrong with it; None if it shows none a second time."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        try:
            with self._dial() as connection, context.wrap_socket(connection, server_hostname=self.host) as secured:
                return x509.load_der_x509_certificate(secured.getpeercert(binary_form=True) or b"")
        except (OSError, ValueError):
            return None
