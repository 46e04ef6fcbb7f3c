"""The files of a new cluster, made in one folder: the NATS server's, each node's and the authority's.

A file that is there is never written over, so a second run makes what is missing and tells the same lines again.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from netd.cli.authority import Authority, names_of
from netd.cli.nats_files import Hub, leaf_configuration, node_ini, node_unit, unit, user_line
from netd.secrets.nkeys import RAW_BYTES, UserKey
from netd.secrets.private_files import read_private, replace

__all__ = ["ClusterFiles", "ClusterFilesError"]

LOCAL = ("localhost", "127.0.0.1", "::1")
"""Names of every server, for programs on its own machine."""


class ClusterFilesError(Exception):
    """A file that is there cannot be used. The text names it and the remedy."""


@dataclass
class ClusterFiles:
    """Makes the files.

    :ivar folder: where; it is made if it is missing.
    :ivar hosts: names and addresses of the hub, for its certificate.
    :ivar now: seconds since 1970.
    :ivar random_bytes: returns that many unpredictable bytes.
    :ivar packaged: the INI that comes with netd.
    :ivar unit: the unit of systemd that comes with netd.
    :ivar made: what was made, as paths below the folder.
    :ivar kept: what was there.
    """

    folder: Path
    hub: Hub
    hosts: Sequence[str]
    now: float
    random_bytes: Callable[[int], bytes]
    packaged: str
    unit: str
    made: list[str] = field(default_factory=list)
    kept: list[str] = field(default_factory=list)

    def make(self, nodes: Sequence[str], leaves: Sequence[str]) -> list[str]:
        """Make all files.

        :param leaves: those of *nodes* that have a leaf node beside them.
        :returns: what the administrator has to add to files that were there.
        :raises ClusterFilesError: if a file that is there cannot be used.
        :raises OSError: if one cannot be read or written.
        """
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        authority = self._certify()
        keys = {node: self._key_of(node, authority) for node in nodes}
        for node in nodes:
            self._write(f"node-{node}/netd.ini", node_ini(self.packaged, self.hub, node, has_leaf=node in leaves))
            self._write(f"node-{node}/netd.service", node_unit(self.unit, self.hub.cluster, node))
        for leaf in leaves:
            text = leaf_configuration(self.hub, leaf, keys[leaf].public, keys[leaf].seed)
            self._write_private(f"leaf-{leaf}/nats-server.conf", text)
            self._write(f"leaf-{leaf}/ca.pem", authority)
            self._write(f"leaf-{leaf}/nats-server.service", unit(self.hub.cluster))
        self._write("hub/nats-server.service", unit(self.hub.cluster))
        public = {node: key.public for node, key in keys.items()}
        self._write("hub/nats-server.conf", self.hub.configuration(public))
        return self._missing_users(public)

    def _missing_users(self, public: Mapping[str, str]) -> list[str]:
        text = self._path("hub/nats-server.conf").read_text(encoding="utf-8")
        return [user_line(node, key) for node, key in public.items() if key not in text]

    def _certify(self) -> str:
        """Make the authority and the certificate of the hub, and return the authority's certificate."""
        is_signed = self._path("hub/server.pem").exists() and self._path("hub/server-key.pem").exists()
        if not self._path("ca.pem").exists():
            if is_signed:
                raise ClusterFilesError(f"{self._path('ca.pem')}: is missing, but it has signed hub/server.pem: put it back")
            authority = Authority.make(f"netd cluster {self.hub.cluster}", self.now)
            self._write_private("ca-key.pem", authority.key)
            self._write("ca.pem", authority.certificate)
        else:
            self.kept += ["ca-key.pem", "ca.pem"]
        certificate = self._path("ca.pem").read_text(encoding="utf-8")
        if is_signed:
            self.kept += ["hub/server-key.pem", "hub/server.pem"]
            self._check_names()
        else:
            issued = self._authority(certificate).issue([*dict.fromkeys([*self.hosts, *LOCAL])])
            self._write_private("hub/server-key.pem", issued.key_pem)
            self._write("hub/server.pem", issued.pem)
        return certificate

    def _authority(self, certificate: str) -> Authority:
        path = self._path("ca-key.pem")
        try:
            return Authority.read(read_private(path, "key of an authority", "put the right one there"), certificate, self.now)
        except FileNotFoundError:
            raise ClusterFilesError(f"{path}: is missing; hub/server.pem cannot be signed without it: put it back") from None
        except ValueError as error:
            raise ClusterFilesError(f"{path}: is not the key of ca.pem: {error}") from error

    def _check_names(self) -> None:
        path = self._path("hub/server.pem")
        missing = [host for host in self.hosts if host not in names_of(path.read_text(encoding="utf-8"))]
        if missing:
            raise ClusterFilesError(
                f"{path}: is not for {', '.join(missing)}: remove it and hub/server-key.pem, and run this again with every --host"
            )

    def _key_of(self, node: str, authority: str) -> UserKey:
        name = f"node-{node}/node.nk"
        self._write_private(name, UserKey(self.random_bytes(RAW_BYTES)).seed + "\n")
        self._write(f"node-{node}/ca.pem", authority)
        try:
            return UserKey.of_seed(read_private(self._path(name), "seed", "remove it").strip())
        except ValueError as error:
            raise ClusterFilesError(f"{self._path(name)}: {error}; remove it, and run this again") from error

    def _write_private(self, name: str, text: str) -> None:
        path = self._path(name)
        if self._is_new(name):
            replace(path, text)

    def _write(self, name: str, text: str) -> None:
        if self._is_new(name):
            self._path(name).touch(mode=0o644)  # nobody else may write to it, whatever the umask
            self._path(name).write_text(text, encoding="utf-8")

    def _is_new(self, name: str) -> bool:
        path = self._path(name)
        path.parent.mkdir(mode=0o755, exist_ok=True)
        is_new = not path.exists()
        (self.made if is_new else self.kept).append(name)
        return is_new

    def _path(self, name: str) -> Path:
        return self.folder / name
