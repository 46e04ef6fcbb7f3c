"""The certificates of a lab in one folder: the authority's, the server's, and those of devices.

A file with a key is never written over, unless that is asked for, and the authority's not even then: all devices trust it. A key
and its certificate are in one file, so that a renewed pair is there in one step.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from netd.cli.authority import Authority, Issued, c_string, key_digest, names_of
from netd.secrets.private_files import read_private, replace

__all__ = ["LOCAL", "CertificateFiles", "CertificateFilesError"]

LOCAL = ("localhost", "127.0.0.1", "::1")
"""Names of every server, for programs on its own machine."""

CA_KEY, CA_PEM, CA_DER, CA_HEADER = "ca.key", "ca.pem", "ca.der", "netd_ca.h"


class CertificateFilesError(Exception):
    """A file that is there, or missing, keeps a certificate from being made. The text names it and the remedy."""


@dataclass
class CertificateFiles:
    """Makes the files.

    :ivar folder: where; it is made if it is missing.
    :ivar now: seconds since 1970.
    :ivar made: what was made, as paths.
    """

    folder: Path
    now: float
    made: list[Path] = field(default_factory=list)

    def make_authority(self, name: str) -> None:
        """Make the authority.

        :raises CertificateFilesError: if there is one.
        :raises OSError: if a file cannot be written.
        """
        for there in (CA_KEY, CA_PEM):
            if self._path(there).exists():
                raise CertificateFilesError(
                    f"{self._path(there)}: there is an authority already, which your devices may trust; nothing was done. "
                    "To begin anew, move the folder away, or name another with --dir"
                )
        self._make_folder()
        authority = Authority.make(name, self.now)
        self._write(CA_KEY, authority.key.encode(), is_private=True)
        if os.geteuid() == 0:
            os.chown(self._path(CA_KEY), 0, 0)  # the daemon's user signs nothing
        self._write(CA_PEM, authority.certificate.encode())
        self._write(CA_DER, authority.der)
        self._write(CA_HEADER, c_string("NETD_CA", authority.certificate).encode())

    def issue(self, hosts: Sequence[str], file: str, days: int, is_renewed: bool) -> Issued:
        """Make the certificate of a server, with its key in the same file.

        :param is_renewed: whether a file that is there is replaced.
        :raises CertificateFilesError: if it is there, or there is no authority.
        :raises OSError: if a file cannot be read or written.
        """
        self._refuse(f"{file}.pem", is_renewed)
        issued = self._authority().issue([*dict.fromkeys([*hosts, *LOCAL])], days)
        self._write(f"{file}.pem", (issued.key_pem + issued.pem).encode(), is_private=True)
        return issued

    def hosts_of(self, file: str) -> list[str]:
        """Return what the certificate of a server is for that is there, but for the names of every server; empty without one."""
        path = self._path(f"{file}.pem")
        if not path.exists():
            return []
        try:
            known = names_of(_certificate_in(path))
        except ValueError:
            return []  # a damaged file is replaced like any other
        return [name for name in known if name not in LOCAL]

    def issue_client(self, name: str, days: int, is_renewed: bool) -> tuple[Issued, str | None]:
        """Make the certificate of a device, in PEM, in DER and as a header of C.

        :returns: the certificate, and the digest of the key that it replaces; None for none.
        :raises CertificateFilesError: if it is there, or there is no authority.
        :raises OSError: if a file cannot be read or written.
        """
        self._refuse(f"{name}.pem", is_renewed)
        old = self._digest_of(f"{name}.pem")
        issued = self._authority().issue_client(name, days)
        self._write(f"{name}.pem", (issued.key_pem + issued.pem).encode(), is_private=True)
        self._write(f"{name}.der", issued.der)
        self._write(f"{name}.key.der", issued.key_der, is_private=True)
        header = c_string("NETD_CERTIFICATE", issued.pem) + c_string("NETD_KEY", issued.key_pem)
        self._write(f"{name}.h", header.encode(), is_private=True)
        return issued, old

    def _make_folder(self) -> None:
        """Make the folder. Where root makes it, it belongs to the user who has the directory around it: the daemon's, perhaps."""
        if not self.folder.exists():
            self.folder.parent.mkdir(mode=0o700, parents=True, exist_ok=True)  # the state directory, before netd's first start
            self.folder.mkdir(mode=0o755)
            if os.geteuid() == 0:
                owner = self.folder.absolute().parent.stat()
                os.chown(self.folder, owner.st_uid, owner.st_gid)

    def _authority(self) -> Authority:
        path = self._path(CA_KEY)
        try:
            key = read_private(path, "key of an authority", "put the right one there")
            return Authority.read(key, self._path(CA_PEM).read_text("utf-8"), self.now)
        except FileNotFoundError as error:
            first = "bring it back from where it is kept" if self._path(CA_PEM).exists() else "run `netd cert init` first"
            remedy = f"{first}, or name the folder with --dir"
            raise CertificateFilesError(f"{error.filename}: is missing: {remedy}") from None
        except ValueError as error:
            raise CertificateFilesError(f"{path}: is not the key of {CA_PEM}: {error}") from error

    def _digest_of(self, name: str) -> str | None:
        path = self._path(name)
        if not path.exists():
            return None
        try:
            return key_digest(_certificate_in(path))
        except ValueError:
            return None

    def _refuse(self, name: str, is_renewed: bool) -> None:
        if self._path(name).exists() and not is_renewed:
            raise CertificateFilesError(f"{self._path(name)}: is there already; to replace it by a new one, say --replace")

    def _write(self, name: str, content: bytes, is_private: bool = False) -> None:
        """Write a file as a whole or not at all."""
        path = self._path(name)
        replace(path, content)
        path.chmod(0o600 if is_private else 0o644)
        self.made.append(path)

    def _path(self, name: str) -> Path:
        return self.folder / name


def _certificate_in(path: Path) -> str:
    """Return the certificate of a file that has its key, too.

    :raises ValueError: if there is none.
    """
    text = path.read_text("utf-8")
    return text[text.index("-----BEGIN CERTIFICATE") :]
