"""The usual mistakes with certificates, each in a sentence with its remedy.

``netd check`` and the daemon say them of the files of ``[tls]``, ``netd cert check`` of what a server shows.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from cryptography import x509
from cryptography.x509.oid import ExtendedKeyUsageOID

__all__ = ["SOON", "authority_fault", "days_left", "expiry_warning", "names_in", "server_fault"]

SOON = 30
"""Days before the end of a certificate from which on netd warns."""

ISSUE = "`netd cert issue` makes one"


def names_in(certificate: x509.Certificate) -> list[str]:
    """Return the DNS names and addresses that a certificate is for."""
    try:
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except (x509.ExtensionNotFound, ValueError):
        return []
    return [*names.get_values_for_type(x509.DNSName), *map(str, names.get_values_for_type(x509.IPAddress))]


def days_left(certificate: x509.Certificate, now: float) -> float:
    """Return the days until the end of a certificate; negative after it.

    :param now: seconds since the epoch.
    """
    return (certificate.not_valid_after_utc - datetime.fromtimestamp(now, UTC)) / timedelta(days=1)


def expiry_warning(certificate: x509.Certificate, now: float) -> str:
    """Return a warning if a certificate has ended or ends soon; empty otherwise."""
    left, end = days_left(certificate, now), f"{certificate.not_valid_after_utc:%Y-%m-%d %H:%M} UTC"
    if left < 0:
        return f"the certificate of {_subject(certificate)} has ended on {end}: clients refuse it; {ISSUE} anew (--replace)"
    if left < SOON:
        return f"the certificate of {_subject(certificate)} ends in {left:.0f} days, on {end}: {ISSUE} anew (--replace)"
    return ""


def server_fault(certificate: x509.Certificate, now: float) -> str:
    """Return why clients will refuse a server's certificate, whatever its authority; empty if no reason is known."""
    begin = certificate.not_valid_before_utc
    if begin > datetime.fromtimestamp(now, UTC):
        return f"it is not valid before {begin:%Y-%m-%d %H:%M} UTC: set the clock of this machine, or of the one that issued it"
    if _is_authority(certificate) and certificate.issuer == certificate.subject:
        return f"it is the authority's own certificate, not one of a server: {ISSUE}"
    if not names_in(certificate):
        return f"it is for no name at all: the common name counts no more, and clients look for names and addresses; {ISSUE}"
    if not _is_for_servers(certificate):
        return f"it is for clients, as `netd cert device` makes them: {ISSUE} for servers"
    return ""


def authority_fault(content: bytes, now: float) -> str:
    """Return why clients cannot use a file as their authority; empty if no reason is known."""
    if b"-----BEGIN " not in content:
        return "it is DER, which MicroPython reads, or no certificate at all: give the ca.pem"
    if b"PRIVATE KEY-----" in content:
        return "it holds a private key: give the certificate of the authority, ca.pem, and keep the key secret"
    try:
        certificate = x509.load_pem_x509_certificate(content)
    except ValueError as error:
        return f"it cannot be read as a certificate: {error}"
    if not _is_authority(certificate):
        return f"it is the certificate of {_subject(certificate)}, which is no authority: give the ca.pem of `netd cert init`"
    begin = certificate.not_valid_before_utc
    if begin > datetime.fromtimestamp(now, UTC):
        return (
            f"this machine's clock says {datetime.fromtimestamp(now, UTC):%Y-%m-%d}, and the authority was made on "
            f"{begin:%Y-%m-%d}: set the clock first"
        )
    return ""


def _is_authority(certificate: x509.Certificate) -> bool:
    try:
        return certificate.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    except x509.ExtensionNotFound:
        return certificate.issuer == certificate.subject  # one of version 1, from before there were extensions


def _is_for_servers(certificate: x509.Certificate) -> bool:
    try:
        return ExtendedKeyUsageOID.SERVER_AUTH in certificate.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    except x509.ExtensionNotFound:
        return True


def _subject(certificate: x509.Certificate) -> str:
    return ", ".join(names_in(certificate)[:2]) or certificate.subject.rfc4514_string() or "no name"
