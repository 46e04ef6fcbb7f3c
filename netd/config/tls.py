"""The section ``[tls]``: the certificates of all sections with ``tls = yes``, and the authority of their clients."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import attrs

from netd.config.descriptions import split_descriptions
from netd.config.options import REQUIRED, SectionConfig, option
from netd.config.parsers import Parser, auto_or, choice, flag, off_or, path
from netd.pem import CertificateError, ClientDemand, Files, Pairs, trusted
from netd.spelling import quoted

__all__ = ["TLS", "SecuredConfig", "Security", "TlsConfig"]

TLS: Final = "tls"
"""The name of the section; there is at most one."""

_NAMES = ("uri", "dns", "cn")


def _read_paths(written: str) -> tuple[Path, ...]:
    return tuple(path(one.replace("\\ ", " ")) for one in split_descriptions(written))


def _read_names(written: str) -> tuple[str, ...]:
    names = tuple(written.split())
    wrong = next((name for name in names if name not in _NAMES or names.count(name) > 1), None)
    if wrong is not None:
        raise ValueError(f"{quoted(wrong)}: write any of {' '.join(_NAMES)}, each once, separated by spaces")
    return names


_paths: Parser[tuple[Path, ...]] = Parser("paths, separated by spaces", _read_paths)
_names: Parser[tuple[str, ...]] = Parser(f"any of {' '.join(_NAMES)}, separated by spaces", _read_names)


@attrs.frozen(kw_only=True)
class TlsConfig:
    """The certificates of all sections with `tls = yes`. `netd cert` makes them.

    The files are looked at before each handshake: a renewed certificate needs no reload.
    """

    certificate: tuple[Path, ...] = option(
        _paths,
        REQUIRED,
        help="File of the certificate in PEM, with the certificates between it and its authority behind it. Of several files, a "
        "client gets the certificate of the name that it asks for (SNI), or else the first. `credential:NAME` is a file that "
        "systemd hands over (`LoadCredential=`).",
        live=True,
    )
    key: tuple[Path, ...] | None = option(
        auto_or(_paths),
        "auto",
        help="File of the private key of each certificate, in the same order. `auto`: the key is in the file of the certificate.",
        live=True,
    )
    client_ca: Path | None = option(
        off_or(path),
        "off",
        help="File of the authority that signs the certificates of clients. A client with such a certificate needs no token.",
        live=True,
    )

    def __attrs_post_init__(self) -> None:
        keys = self.key
        if keys is not None and len(keys) != len(self.certificate):
            raise ValueError(f"certificate has {len(self.certificate)} files and key has {len(keys)}: write one key for each")

    @property
    def pairs(self) -> Pairs:
        """The files of the certificates and their keys."""
        keys = self.key if self.key is not None else self.certificate
        return Pairs(tuple(Files(key, certificate) for key, certificate in zip(keys, self.certificate, strict=True)))

    def check(self) -> None:
        """Read the files.

        :raises CertificateError: if they cannot be used.
        """
        from netd.certificates import Certificates  # loads OpenSSL

        Certificates(self.pairs, (), TLS).check()
        if self.client_ca is not None:
            try:
                trusted(self.client_ca)
            except CertificateError as error:
                raise CertificateError(f"client_ca: {error}") from None

    def warnings(self, now: float) -> list[str]:
        """Return what is wrong with the files, although they can be used.

        :param now: seconds since the epoch.
        """
        from netd.certificate_faults import authority_fault  # loads OpenSSL
        from netd.certificates import warnings_about

        found = warnings_about(self.pairs, self.pairs.pairs(), now)
        fault = "" if self.client_ca is None or self.client_ca.is_dir() else authority_fault(self.client_ca.read_bytes(), now)
        return [*found, *([f"{self.client_ca}: {fault}"] if fault else [])]


@attrs.frozen
class Security:
    """What ``tls = yes`` means for the endpoints of a section.

    :ivar demand: what is asked of clients.
    """

    pairs: Pairs
    demand: ClientDemand


@attrs.frozen(kw_only=True)
class SecuredConfig(SectionConfig):
    """Base of the ``Config`` of a kind whose endpoints can use TLS."""

    tls: bool = option(
        flag,
        "no",
        help="Whether `tcp:` and `loopback:` endpoints of this section speak TLS, with the certificates of `[tls]`. "
        "Sockets of systemd do, too, unless they are unix sockets.",
    )
    client_certificates: str | None = option(
        auto_or(choice("no", "optional", "required")),
        "auto",
        help="Whether clients are asked for a certificate that `client_ca` of `[tls]` has signed. `auto`: optional if there is a "
        "`client_ca`.",
        live=True,
    )
    client_names: tuple[str, ...] = option(
        _names,
        "uri",
        help="Where in a client's certificate its name is: `uri` for `urn:netd:device:NAME`, `dns` for a DNS name, `cn` for the "
        "common name. It counts if the file of credentials has a line with `proof=ca` for the name.",
        live=True,
    )

    def contradiction(self, has_section: bool) -> tuple[str, str] | None:
        """Return an option that contradicts another one, with the reason.

        :param has_section: whether there is a section ``[tls]``, perhaps with mistakes.
        """
        if self.tls and not has_section:
            return "tls", f"needs a section [{TLS}]; `netd cert issue` makes a certificate, and says what to write there"
        if self.client_certificates == "required":
            if not self.tls:
                return "client_certificates", "does nothing without `tls = yes`"
            if self.certificates is not None and self.certificates.client_ca is None:
                return "client_certificates", f"needs `client_ca` in [{TLS}], against which certificates are verified"
        return None

    @property
    def security(self) -> Security | None:
        """What TLS needs; None if the section has `tls = no`."""
        tls = self.certificates
        if not self.tls or tls is None:
            return None
        authority = None if self.client_certificates == "no" else tls.client_ca
        return Security(tls.pairs, ClientDemand(authority, self.client_certificates == "required", self.client_names))
