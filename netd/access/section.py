"""The access of one section: it says who a connection is, by its address alone or by a proof that it shows.

Each service that listens has one, which its factory asks for every connection before anything is read from it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Protocol

from netd.access.proofs import UNUSABLE, Proofs
from netd.access.rules import EVERYBODY, AccessRules
from netd.access.users import is_own_user, user_at
from netd.errors import NotPermitted
from netd.principal import Kind, Principal, Proof, Role
from netd.secrets.private_files import PrivateFileError

__all__ = ["Provable", "SectionAccess"]

MOST_REMEMBERED = 4096
"""Addresses whose principals are remembered: looking at the networks costs some microseconds for each connection."""

Report = Callable[[str, str, str, str, int], object]
"""Publishes a refusal: the section, its kind, the peer, the reason, and how many like it were not published before."""


class Provable(Protocol):
    """A connection that shows a proof."""

    @property
    def principal(self) -> Principal:
        """The other side of the connection, as it is known so far."""

    @property
    def host(self) -> str:
        """Its address; empty on a unix socket."""

    def prove(self, principal: Principal) -> None:
        """Replace the principal of the connection."""


class SectionAccess:
    """Says who the connections of one section are.

    :param section: the section, as ``relay`` or ``relay:lab2``, for messages.
    :ivar proofs: finds the credentials of tokens; None outside of a daemon, where there are none.
    :ivar rules: who may connect; a reload replaces them by :meth:`follow`.
    :param publish: called with each refusal that is logged; see :data:`Report`. None outside of a daemon.
    """

    def __init__(
        self, section: str = "", rules: AccessRules = EVERYBODY, proofs: Proofs | None = None, publish: Report | None = None
    ) -> None:
        self.section = section
        self.rules = rules
        self.proofs = proofs
        self._publish = publish
        self._known: dict[str | None, Principal | None] = {}

    def follow(self, rules: AccessRules) -> None:
        """Go by *rules* from now on."""
        self.rules = rules
        self._known = {}

    @property
    def takes_tokens(self) -> bool:
        """Whether a connection that its address does not admit may prove who it is."""
        return self.rules.takes_tokens

    def admit(self, address: Any) -> Principal | None:
        """Return the principal of a connection from *address*, an address of Twisted's; None if the address does not admit it."""
        return self.admit_host(getattr(address, "host", None))

    def admit_host(self, host: str | None) -> Principal | None:
        """Return the principal of a connection from *host*; None if the address does not admit it."""
        known = self._known
        if host not in known:
            if len(known) >= MOST_REMEMBERED:
                known.clear()
            known[host] = self.rules.admit(host)
        return known[host]

    def admit_transport(self, transport: Any) -> Principal | None:
        """Return the principal at the other end of *transport*, as :meth:`admit` does.

        On a unix socket, the daemon's own user and root are administrators.
        """
        host = getattr(transport.getPeer(), "host", None)
        if host is None and self.rules.knows_users and is_own_user(transport):
            return Principal(user_at(transport), Role.ADMIN, None, Proof.UNIX)
        return self.admit_host(host)

    def report(self, kind: str, who: str, why: str, more: int) -> None:
        """Publish a refusal.

        :param more: refusals like it that were not published before.
        """
        if self._publish is not None:
            self._publish(self.section, kind, who, why, more)

    def objection(self) -> str:
        """Return why a connection is refused whose address is not admitted, for the program at its other end."""
        return f"this address is not admitted by `access` of [{self.section}]"

    def prove(self, peer: Provable, text: str, *kinds: Kind) -> None:
        """Have *peer* be whoever the token *text* belongs to.

        :param kinds: the kinds of programs that the message with the token is for. Users may always show theirs.
        :raises NotPermitted: if the token is unknown, has ended, is of another kind, or of another name than the certificate
            that the peer has shown; with the remedy. *peer* stays what it was, and its connection is to be closed.
        """
        found = self.bearer(text, peer.host, *kinds)
        shown = peer.principal
        if shown.proof is not Proof.CERTIFICATE:
            peer.prove(found)
        elif shown.name != found.name:
            raise NotPermitted(f"the certificate is that of the {shown}, and the token that of the {found}: show one of them")

    def prove_certificate(self, peer: Provable, digest: str, names: Sequence[str]) -> bool:
        """Have *peer* be whoever its certificate belongs to, which OpenSSL has verified. One that is nobody's proves nothing.

        :param digest: the SHA-256 of its public key, in hexadecimal.
        :param names: the names of the client in it, best first.
        :returns: whether it is somebody's, who may have a further connection.
        """
        try:
            found = self.proofs.find_certificate(digest, names, peer.host) if self.proofs is not None else None
            if found is not None:
                peer.prove(found.principal)
        except (PrivateFileError, NotPermitted):
            return False
        return found is not None

    def bearer(self, text: str, host: str, *kinds: Kind) -> Principal:
        """Return the principal that shows the token *text* from *host*; see :meth:`prove`.

        :raises NotPermitted: likewise.
        """
        if self.proofs is None:
            raise NotPermitted("no tokens are known here")
        try:
            return self.proofs.find(text, host, *kinds).principal
        except PrivateFileError:
            raise NotPermitted(UNUSABLE) from None

    def reserved(self) -> object:
        """Return an object that is another one once other names are reserved.

        :raises PrivateFileError: while the file of credentials cannot be trusted.
        """
        return None if self.proofs is None else self.proofs.tokens.reserved()

    def is_reserved(self, kind: Kind, name: str) -> bool:
        """Return True if a credential is there for the *name*, so that nobody has the name without it."""
        return self.proofs is not None and self.proofs.holds(kind, name)
