"""A certificate authority of a cluster, and the certificates of its NATS servers.

Two files hold the authority: its certificate, against which nodes check servers, and its key, with which it signs. All keys are
of the curve P-256, which every TLS of the last ten years knows.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, load_pem_private_key
from cryptography.x509.oid import ExtendedKeyUsageOID

__all__ = ["YEARS", "Authority", "names_of"]

YEARS = 10
"""How long certificates are valid. Whoever renews them earlier removes them and makes others."""

_EARLIER = timedelta(days=1)
"""Certificates begin to be valid so long ago: the clock of a node may be behind."""


class Authority:
    """Signs certificates.

    :param now: seconds since 1970.
    """

    def __init__(self, key: ec.EllipticCurvePrivateKey, certificate: x509.Certificate, now: float) -> None:
        self._key = key
        self._certificate = certificate
        self._now = now

    @classmethod
    def make(cls, name: str, now: float) -> Authority:
        """Return a new authority."""
        key = ec.generate_private_key(ec.SECP256R1())
        usage = x509.KeyUsage(
            digital_signature=False,
            content_commitment=False,
            key_encipherment=False,
            data_encipherment=False,
            key_agreement=False,
            key_cert_sign=True,
            crl_sign=True,
            encipher_only=False,
            decipher_only=False,
        )
        subject = _named(name)
        certificate = (
            _begun(subject, subject, key, now)
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .add_extension(usage, critical=True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
            .sign(key, hashes.SHA256())
        )
        return cls(key, certificate, now)

    @classmethod
    def read(cls, key: str, certificate: str, now: float) -> Authority:
        """Return the authority of these texts in PEM.

        :raises ValueError: if they are none.
        """
        read = load_pem_private_key(key.encode(), None)
        if not isinstance(read, ec.EllipticCurvePrivateKey):
            raise ValueError("not a key of an elliptic curve")
        return cls(read, x509.load_pem_x509_certificate(certificate.encode()), now)

    @property
    def key(self) -> str:
        """Its private key in PEM."""
        return _private(self._key)

    @property
    def certificate(self) -> str:
        """Its certificate in PEM."""
        return _public(self._certificate)

    def issue(self, hosts: Sequence[str]) -> tuple[str, str]:
        """Return a new private key, and its certificate for a server with these names and addresses, both in PEM."""
        key = ec.generate_private_key(ec.SECP256R1())
        issuer = x509.SubjectKeyIdentifier.from_public_key(self._key.public_key())
        certificate = (
            _begun(_named(hosts[0]), self._certificate.subject, key, self._now)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(x509.SubjectAlternativeName([_general(host) for host in hosts]), critical=False)
            .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(issuer), critical=False)
            .sign(self._key, hashes.SHA256())
        )
        return _private(key), _public(certificate)


def names_of(certificate: str) -> list[str]:
    """Return the names and addresses that a certificate in PEM is for.

    :raises ValueError: if it is none.
    """
    read = x509.load_pem_x509_certificate(certificate.encode())
    names = read.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    return [*names.get_values_for_type(x509.DNSName), *map(str, names.get_values_for_type(x509.IPAddress))]


def _begun(subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePrivateKey, now: float) -> x509.CertificateBuilder:
    begin = datetime.fromtimestamp(now, UTC) - _EARLIER
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(begin)
        .not_valid_after(begin + timedelta(days=YEARS * 365))
    )


def _named(name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name[:64])])


def _general(host: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ip_address(host))
    except ValueError:
        return x509.DNSName(host)


def _private(key: ec.EllipticCurvePrivateKey) -> str:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


def _public(certificate: x509.Certificate) -> str:
    return certificate.public_bytes(Encoding.PEM).decode()
