"""A certificate authority of one's own, and the certificates that it signs: for NATS servers of a cluster, and for a lab.

All keys are of the curve P-256, which every TLS of the last ten years knows, also that of microcontrollers.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address

from attrs import frozen
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat, load_pem_private_key
from cryptography.x509.oid import ExtendedKeyUsageOID

__all__ = ["SERVER_DAYS", "YEARS", "Authority", "Issued", "c_string", "key_digest", "names_of"]

YEARS = 10
"""How long authorities and the certificates of devices and NATS servers are valid."""

SERVER_DAYS = 825
"""How long certificates of servers in a lab are valid. Apple's systems refuse a longer time."""

_DAYS = YEARS * 365

_EARLIER = timedelta(days=1)
"""Certificates begin to be valid so long ago: the clock of a device may be behind."""


@frozen
class Issued:
    """A private key, and a certificate of it."""

    key: ec.EllipticCurvePrivateKey
    certificate: x509.Certificate

    @property
    def key_pem(self) -> str:
        """The private key in PEM."""
        return _private(self.key)

    @property
    def pem(self) -> str:
        """The certificate in PEM."""
        return _public(self.certificate)

    @property
    def key_der(self) -> bytes:
        """The private key in DER, as MicroPython reads it: 121 bytes."""
        return self.key.private_bytes(Encoding.DER, PrivateFormat.TraditionalOpenSSL, NoEncryption())

    @property
    def der(self) -> bytes:
        """The certificate in DER."""
        return self.certificate.public_bytes(Encoding.DER)


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
        """Return a new authority. It signs no further authorities."""
        key = ec.generate_private_key(ec.SECP256R1())
        subject = _named(name)
        certificate = (
            _begun(subject, subject, key, now, _DAYS)
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .add_extension(_usage(is_authority=True), critical=True)
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

    @property
    def der(self) -> bytes:
        """Its certificate in DER."""
        return self._certificate.public_bytes(Encoding.DER)

    def issue(self, hosts: Sequence[str], days: int = _DAYS) -> Issued:
        """Return a new key, and its certificate for a server with these names and addresses."""
        return self._sign(hosts[0], [_general(host) for host in hosts], ExtendedKeyUsageOID.SERVER_AUTH, days)

    def issue_client(self, name: str, days: int = _DAYS) -> Issued:
        """Return a new key, and its certificate for a client called *name*."""
        uri = x509.UniformResourceIdentifier(f"urn:netd:device:{name}")
        return self._sign(name, [uri], ExtendedKeyUsageOID.CLIENT_AUTH, days)

    def _sign(self, name: str, names: list[x509.GeneralName], purpose: x509.ObjectIdentifier, days: int) -> Issued:
        key = ec.generate_private_key(ec.SECP256R1())
        issuer = x509.SubjectKeyIdentifier.from_public_key(self._key.public_key())
        certificate = (
            _begun(_named(name), self._certificate.subject, key, self._now, days, self._certificate.not_valid_after_utc)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(_usage(is_authority=False), critical=True)
            .add_extension(x509.SubjectAlternativeName(names), critical=False)
            .add_extension(x509.ExtendedKeyUsage([purpose]), critical=False)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(issuer), critical=False)
            .sign(self._key, hashes.SHA256())
        )
        return Issued(key, certificate)


def names_of(certificate: str) -> list[str]:
    """Return the names and addresses that a certificate in PEM is for.

    :raises ValueError: if it is none.
    """
    read = x509.load_pem_x509_certificate(certificate.encode())
    try:
        names = read.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound as error:
        raise ValueError("it is for no name at all") from error
    return [*names.get_values_for_type(x509.DNSName), *map(str, names.get_values_for_type(x509.IPAddress))]


def key_digest(pem: str) -> str:
    """Return the SHA-256 of the public key (DER, SubjectPublicKeyInfo) of a certificate in PEM, in hexadecimal.

    :raises ValueError: if it is none.
    """
    key = x509.load_pem_x509_certificate(pem.encode()).public_key()
    digest = hashes.Hash(hashes.SHA256())
    digest.update(key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo))
    return digest.finalize().hex()


def c_string(name: str, pem: str) -> str:
    """Return a declaration of C with *pem* in it, for a header of an Arduino sketch."""
    lines = "\n".join(f'    "{line}\\n"' for line in pem.splitlines())
    return f"static const char {name}[] =\n{lines};\n"


def _begun(
    subject: x509.Name,
    issuer: x509.Name,
    key: ec.EllipticCurvePrivateKey,
    now: float,
    days: int,
    latest: datetime | None = None,
) -> x509.CertificateBuilder:
    begin = datetime.fromtimestamp(now, UTC) - _EARLIER
    end = begin + timedelta(days=days)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(begin)
        .not_valid_after(end if latest is None else min(end, latest))
    )


def _usage(is_authority: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not is_authority,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=is_authority,
        crl_sign=is_authority,
        encipher_only=False,
        decipher_only=False,
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
