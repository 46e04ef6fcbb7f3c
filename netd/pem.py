"""PEM files of ``ssl:`` and ``tls:`` endpoints: certificates, their private keys, and the keys' file permissions."""

from __future__ import annotations

import hashlib
import os
import shlex
import stat
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from attrs import frozen

from netd.errors import NetdError

if TYPE_CHECKING:
    from cryptography import x509

__all__ = [
    "NOBODY_ASKED",
    "CertificateError",
    "ClientDemand",
    "Files",
    "Folder",
    "Pair",
    "PairSource",
    "Pairs",
    "exposed_keys",
    "key_digest",
    "openssl_version",
    "reason_of",
    "source_of",
    "trusted",
]

METHODS = {"TLS_METHOD": None, "TLS_SERVER_METHOD": None, "SSLv23_METHOD": None, "TLSv1_2_METHOD": 0x0303}
"""The values of ``sslmethod``, each with the newest version of TLS that it allows (None: any)."""


DEVICE_URI = "urn:netd:device:"
"""The beginning of the name of a client in its certificate, as ``netd cert device`` writes it."""


class CertificateError(NetdError, ValueError):
    """Files cannot be used as a certificate with its key. The text names the file and the remedy."""


@frozen
class Pair:
    """A certificate, its private key, and the chain of certificates from it to an authority.

    :ivar names: the DNS names of the certificate, in lower case.
    :ivar file: the file of the certificate.
    """

    key: Any
    certificate: x509.Certificate
    chain: tuple[x509.Certificate, ...]
    names: tuple[str, ...]
    file: Path


class PairSource(Protocol):
    """The files of one endpoint, from which its pairs are read."""

    @property
    def newest(self) -> int | None:
        """The newest version of TLS that is allowed, or None for any."""

    @property
    def dh_parameters(self) -> Path | None:
        """The file of parameters for DHE. Without it, only ECDHE is used."""

    def files(self) -> list[Path]:
        """Return the files that are read."""

    def pairs(self) -> list[Pair]:
        """Return the pairs in the files. The first one is the default.

        :raises CertificateError: if there is no certificate with its key.
        """


@frozen
class Files:
    """The files of ``ssl:``: one pair.

    :ivar newest: the newest version of TLS that is allowed, or None for any.
    """

    key: Path
    certificate: Path
    extra_chain: Path | None = None
    dh_parameters: Path | None = None
    newest: int | None = None

    def files(self) -> list[Path]:
        return [path for path in (self.key, self.certificate, self.extra_chain, self.dh_parameters) if path is not None]

    def pairs(self) -> list[Pair]:
        key = next(iter(_keys(self.key)), None)
        certificates = _certificates(self.certificate)
        if key is None:
            raise CertificateError(f"{self.key}: there is no private key in it")
        if not certificates:
            raise CertificateError(f"{self.certificate}: there is no certificate in it")
        if self.extra_chain is not None:
            certificates += _certificates(self.extra_chain)
        if _identity(key) != _identity(certificates[0]):
            raise CertificateError(f"{self.certificate}: its first certificate is not that of the key in {self.key}")
        return [_pair(key, certificates[0], certificates[1:], self.certificate)]


@frozen
class Pairs:
    """The files of ``[tls]``: several pairs, of which the server name that a client asks for selects one."""

    parts: tuple[Files, ...]
    newest: int | None = None
    dh_parameters: Path | None = None

    def files(self) -> list[Path]:
        return [path for part in self.parts for path in part.files()]

    def pairs(self) -> list[Pair]:
        return [pair for part in self.parts for pair in part.pairs()]


@frozen
class ClientDemand:
    """What is asked of clients.

    :ivar authority: the file of the authority that signs their certificates; None if they are not asked for any.
    :ivar is_required: whether a client without a certificate is refused.
    :ivar names: where in a certificate the name of its client is, best first: ``uri``, ``dns``, ``cn``.
    """

    authority: Path | None = None
    is_required: bool = False
    names: tuple[str, ...] = ("uri",)

    def names_in(self, certificate: x509.Certificate) -> list[str]:
        """Return the names of the client that a certificate may be for, best first."""
        return [name for where in self.names for name in _named(certificate, where)]


NOBODY_ASKED = ClientDemand()


@frozen
class Folder:
    """The directory of ``tls:``: the pairs in all its ``.pem`` files. The server name that a client asks for selects its pair.

    The directory may be empty at first.
    """

    path: Path
    newest: int | None = None
    dh_parameters: Path | None = None

    def files(self) -> list[Path]:
        return sorted(path for path in self.path.rglob("*.pem") if path.is_file())

    def pairs(self) -> list[Pair]:
        files = self.files()
        keys = {_identity(key): key for path in files for key in _keys(path)}
        certificates = [(certificate, path) for path in files for certificate in _certificates(path)]
        issuers = {each.subject: each for each, _ in certificates if _identity(each) not in keys}
        pairs = []
        for certificate, path in certificates:
            if _identity(certificate) in keys:
                chain, last = [], certificate
                while last.issuer in issuers and last.issuer != last.subject:
                    last = issuers[last.issuer]
                    chain.append(last)
                pairs.append(_pair(keys[_identity(certificate)], certificate, chain, path))
        if files and not pairs:
            raise CertificateError(f"{self.path}: none of its .pem files holds a certificate whose key is there, too")
        return pairs


def source_of(kind: str, arguments: dict[str, str]) -> PairSource:
    """Return the source of the pairs of an endpoint of *kind* ``ssl`` or ``tls`` with these arguments.

    :raises CertificateError: if the arguments ask for a version of TLS that netd does not serve.
    """
    if kind == "tls":
        return Folder(Path(arguments["path"]))
    method = arguments.get("sslmethod", "TLS_METHOD")
    if method not in METHODS:
        raise CertificateError(f"cannot be used: sslmethod {method!r}: TLS 1.2 and newer are served; leave it out")
    key = Path(arguments.get("privateKey", "server.pem"))
    extra, dh_parameters = (Path(arguments[name]) if name in arguments else None for name in ("extraCertChain", "dhParameters"))
    return Files(key, Path(arguments.get("certKey", key)), extra, dh_parameters, METHODS[method])


def trusted(path: Path) -> list[x509.Certificate]:
    """Return the certificates of authorities in the file *path*, or in the ``.pem`` and ``.crt`` files of the directory *path*.

    :raises CertificateError: if there is none.
    """
    files = sorted(each for each in path.iterdir() if each.suffix in (".pem", ".crt")) if path.is_dir() else [path]
    found = [certificate for each in files for certificate in _certificates(each)]
    if not found:
        raise CertificateError(f"{path}: there is no certificate in it")
    return found


def exposed_keys(source: PairSource) -> list[str]:
    """Return a warning, with the remedy, for each private key that other users of this machine can read or change.

    There are two exceptions. A group may read a key that root owns: that is how Debian passes keys to services. And files in
    systemd's directory of credentials may seem readable by a group: systemd grants access by lists, which look like that.
    """
    granted = os.environ.get("CREDENTIALS_DIRECTORY")
    return [
        f"{path}: other users of this machine can read this private key: run `chmod 600 {shlex.quote(str(path.absolute()))}`"
        for path in dict.fromkeys(source.files())
        if b"PRIVATE KEY-----" in _content(path)
        and _is_exposed(path.stat())
        and not (granted and path.absolute().is_relative_to(granted))
    ]


def _pair(key: Any, certificate: x509.Certificate, chain: Iterable[x509.Certificate], file: Path) -> Pair:
    from cryptography import x509

    try:
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except (x509.ExtensionNotFound, ValueError):
        return Pair(key, certificate, tuple(chain), (), file)
    return Pair(key, certificate, tuple(chain), tuple(name.lower() for name in names.get_values_for_type(x509.DNSName)), file)


def _identity(holder: Any) -> bytes:
    """Return the public key, which a private key and its certificates have in common."""
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    public = holder.public_key()
    identity: bytes = public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return identity


def key_digest(certificate: x509.Certificate) -> str:
    """Return the SHA-256 of the public key of a certificate (DER, SubjectPublicKeyInfo), in hexadecimal."""
    return hashlib.sha256(_identity(certificate)).hexdigest()


def _named(certificate: x509.Certificate, where: str) -> list[str]:
    from cryptography import x509

    if where == "cn":
        return [str(one.value) for one in certificate.subject.get_attributes_for_oid(x509.NameOID.COMMON_NAME)]
    try:
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except (x509.ExtensionNotFound, ValueError):
        return []
    if where == "dns":
        return names.get_values_for_type(x509.DNSName)
    uris = names.get_values_for_type(x509.UniformResourceIdentifier)
    return [uri.removeprefix(DEVICE_URI) for uri in uris if uri.startswith(DEVICE_URI)]


def _blocks(path: Path) -> list[bytes]:
    """Return all PEM blocks in the file *path*."""
    begun = _content(path).split(b"-----BEGIN ")[1:]
    return [b"-----BEGIN " + block.partition(b"\n-----END ")[0] + b"\n-----END " + _label(block) + b"-----\n" for block in begun]


def _label(block: bytes) -> bytes:
    return block.partition(b"-----")[0]


def _keys(path: Path) -> list[Any]:
    """Return the private keys in the file *path*."""
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    keys = []
    for block in _blocks(path):
        if b"PRIVATE KEY-----" in block:
            if b"ENCRYPTED" in block:
                raise CertificateError(
                    f"{path}: the private key has a passphrase, and a daemon can ask nobody: "
                    f"`openssl pkey -in {shlex.quote(str(path))} -out …` takes it away"
                )
            try:
                keys.append(load_pem_private_key(block, None))
            except (ValueError, TypeError) as error:
                raise CertificateError(f"{path}: cannot be used: {reason_of(error)}") from None
    return keys


def _certificates(path: Path) -> list[x509.Certificate]:
    """Return the certificates in the file *path*."""
    from cryptography import x509

    blocks = _blocks(path)
    try:
        return [x509.load_pem_x509_certificate(block) for block in blocks if b"CERTIFICATE-----" in block]
    except ValueError as error:
        raise CertificateError(f"{path}: cannot be used: {reason_of(error)}") from None


def _content(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise CertificateError(f"{path} cannot be read: {error.strerror}") from None


def _is_exposed(status: os.stat_result) -> bool:
    by_group = stat.S_IRWXG if status.st_uid != 0 else stat.S_IWGRP
    return bool(status.st_mode & (stat.S_IRWXO | by_group))


def reason_of(error: Exception) -> str:
    """Return the first sentence of a library's error."""
    from OpenSSL import SSL

    if isinstance(error, SSL.Error) and error.args and error.args[0]:
        return str(error.args[0][0][2])
    return str(error).partition("\n")[0] or type(error).__name__


def openssl_version() -> str:
    """Return the version of OpenSSL, as ``3.5.4``."""
    from OpenSSL import SSL

    return SSL.SSLeay_version(SSL.SSLEAY_VERSION).decode().split()[1]
