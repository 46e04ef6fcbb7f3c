"""One line of the file of credentials: a name, its rights, and the evidence that proves it.

A line is ``name word sha256 [option …] [subject pattern …]``. The second word is a role, or the kind of program that the name
belongs to. These are the options:

=============  ====================================================================================================
``send=``      the devices that a device may send to, with commas between them
``only=``      the names that a program may have, or the commands that it may run; without it, its own name alone
``until=``     the end of the credential, in seconds since the epoch
``proof=``     ``certificate``: the hash is that of a public key (DER, SubjectPublicKeyInfo), not of a token.
               ``ca``: a certificate with this name that the section's ``client_ca`` has signed; the hash is ``-``
=============  ====================================================================================================
"""

from __future__ import annotations

import enum
import hashlib
import re
from collections.abc import Iterable, Mapping
from functools import cached_property

from attrs import evolve, field, frozen

from netd.errors import NetdError
from netd.principal import Kind, Principal, Proof, Role
from netd.secrets.private_files import NAME, NAMES

__all__ = ["KINDS", "ROLES", "Credential", "Evidence", "UnfitCredential", "digest_of", "make_credential", "parse_credential"]

ROLES: Mapping[str, Role] = {role.name.lower(): role for role in (Role.VIEWER, Role.OPERATOR, Role.ADMIN)}
"""The roles that a token can have, by the names that people use."""

KINDS: Mapping[str, Kind] = {kind.value: kind for kind in Kind if kind is not Kind.USER}
"""The kinds of programs that a token can be for, by the names that people use."""

NAMED = frozenset({Kind.DEVICE, Kind.AGENT, Kind.BOT, Kind.COMMAND})
"""The kinds whose credentials can have the option ``only``."""

MOST_NAMES = 64
"""Names that one option may list."""

NO_DIGEST = "-"
"""The third field of a line whose evidence has no hash of its own."""

_HASH = re.compile(r"[0-9a-f]{64}")
_PATTERN = re.compile(r"(?:(?:[A-Za-z0-9_@-]+|\*)\.)*(?:[A-Za-z0-9_@-]+|\*|>)")
_MAX_PATTERN = 512
_EPOCH = re.compile(r"[0-9]{1,12}")
_FORM = "is not of the form name role sha256 [option …] [subject pattern …]"


class UnfitCredential(NetdError):
    """A name, role, option or subject pattern is not valid. The message says what is."""


class Evidence(enum.Enum):
    """The evidence for a credential: the value of ``proof=`` in its line."""

    TOKEN = "token"  # noqa: S105 - the word for it
    CERTIFICATE = "certificate"
    """A certificate with a certain key, whoever signed it."""
    CA = "ca"
    """A certificate with the name of the credential, signed by the section's ``client_ca``."""


@frozen
class Credential:
    """One line of the file.

    :ivar name: a letter or digit, then letters, digits, ``.``, ``_``, ``@`` or ``-``; at most 64 characters.
    :ivar role: viewer, operator or admin; nobody for programs.
    :ivar digest: the SHA-256 of the token's text, or of the public key, in hexadecimal; ``-`` where the evidence has none.
    :ivar subjects: the subject patterns that its bearer is confined to; None for all subjects.
    :ivar kind: a user, or the kind of a program.
    :ivar only: the names that a program may have; empty for its own name alone.
    :ivar sends: the devices that it may send to.
    :ivar until: its end, in seconds since the epoch; None if it has none.
    """

    name: str
    role: Role
    digest: str = field(repr=False)
    subjects: tuple[str, ...] | None = None
    kind: Kind = Kind.USER
    only: tuple[str, ...] = ()
    sends: tuple[str, ...] = ()
    until: float | None = None
    evidence: Evidence = Evidence.TOKEN

    @cached_property
    def principal(self) -> Principal:
        """The principal that shows this credential."""
        proof = Proof.TOKEN if self.evidence is Evidence.TOKEN else Proof.CERTIFICATE
        return Principal(
            self.name, self.role, self.subjects, proof, self.lasting_line, kind=self.kind, only=self.only, sends=self.sends
        )

    @cached_property
    def lasting_line(self) -> str:
        """The line without its ``until``, by which a connection is cut: a rotation sets an end, which must not cut it at once."""
        return self.to_line() if self.until is None else evolve(self, until=None).to_line()

    @property
    def names(self) -> tuple[str, ...]:
        """The names that its bearer may have."""
        return self.only or (self.name,)

    @property
    def word(self) -> str:
        """The second word of the line."""
        return self.role.name.lower() if self.is_user else self.kind.value

    @property
    def rights(self) -> tuple[object, ...]:
        """The fields in which all lines of one name agree."""
        return self.kind, self.role, self.subjects, self.only, self.sends

    @property
    def is_user(self) -> bool:
        """Whether it is for the consoles, and not for a program of the wires."""
        return self.kind is Kind.USER

    def is_over(self, now: float) -> bool:
        """Return True if its end has passed at *now*, in seconds since the epoch."""
        return self.until is not None and self.until <= now

    def to_line(self) -> str:
        """Return the line of the file, without its end."""
        options = (
            f"send={','.join(self.sends)}" if self.sends else "",
            f"only={','.join(self.only)}" if self.only else "",
            f"until={self.until:.0f}" if self.until is not None else "",
            f"proof={self.evidence.value}" if self.evidence is not Evidence.TOKEN else "",
        )
        return " ".join((self.name, self.word, self.digest, *filter(None, options), *(self.subjects or ())))


def make_credential(
    name: str,
    word: str,
    digest: str,
    subjects: Iterable[str] = (),
    only: Iterable[str] = (),
    sends: Iterable[str] = (),
    until: float | None = None,
    evidence: Evidence = Evidence.TOKEN,
) -> Credential:
    """Return a credential of which everything has been checked.

    :param word: a role, or the kind of a program.
    :raises UnfitCredential: when something is not valid.
    """
    kind, role = KINDS.get(word, Kind.USER), ROLES.get(word, Role.NOBODY)
    if kind is Kind.USER and role is Role.NOBODY:
        raise UnfitCredential(f"{word!r:.80} is neither a role nor a kind: it is one of {', '.join((*ROLES, *KINDS))}")
    made = Credential(
        _checked_name(name),
        role,
        digest,
        _checked_subjects(subjects),
        kind,
        _checked_names("only", only),
        _checked_names("send", sends),
        until,
        evidence,
    )
    if made.only and kind not in NAMED:
        raise UnfitCredential(f"only= is for devices, agents, bots and commands, not for {word}")
    if made.sends and kind is not Kind.DEVICE:
        raise UnfitCredential(f"send= is for devices, not for {word}")
    return made


def parse_credential(line: str) -> Credential:
    """Return the credential of one line.

    :raises ValueError: saying what is wrong with it.
    """
    fields = line.split()
    if len(fields) < 3:
        raise ValueError(_FORM)
    name, word, digest, *rest = fields
    count = next((place for place, one in enumerate(rest) if "=" not in one), len(rest))
    options = dict(one.split("=", 1) for one in rest[:count])
    try:
        if len(options) < count:
            raise UnfitCredential("has an option twice")
        unknown = next((option for option in options if option not in {"send", "only", "until", "proof"}), None)
        if unknown is not None:
            raise UnfitCredential(f"{unknown!r:.80} is no option: these are send, only, until and proof")
        evidence = _evidence(options.get("proof"))
        if digest != NO_DIGEST if evidence is Evidence.CA else not _HASH.fullmatch(digest):
            raise UnfitCredential(_FORM)
        return make_credential(
            name,
            word,
            digest,
            rest[count:],
            _listed(options.get("only")),
            _listed(options.get("send")),
            _epoch(options.get("until")),
            evidence,
        )
    except UnfitCredential as error:
        raise ValueError(str(error)) from None


def digest_of(token_text: str) -> str:
    """Return the SHA-256 of a token's text, in hexadecimal."""
    return hashlib.sha256(token_text.encode("utf-8", "surrogatepass")).hexdigest()


def _evidence(written: str | None) -> Evidence:
    if written is None:
        return Evidence.TOKEN
    if written not in {Evidence.CERTIFICATE.value, Evidence.CA.value}:
        raise UnfitCredential("proof= is certificate or ca")
    return Evidence(written)


def _epoch(written: str | None) -> float | None:
    if written is not None and not _EPOCH.fullmatch(written):
        raise UnfitCredential("until= is a number of seconds since 1970")
    return None if written is None else float(written)


def _listed(written: str | None) -> list[str]:
    return [] if written is None else written.split(",")


def _checked_name(name: str) -> str:
    if not NAME.fullmatch(name):
        raise UnfitCredential(f"{name!r:.80} is not a name: {NAMES}")
    return name


def _checked_names(option: str, names: Iterable[str]) -> tuple[str, ...]:
    given = tuple(names)
    if len(given) > MOST_NAMES:
        raise UnfitCredential(f"{option}= lists at most {MOST_NAMES} names, not {len(given)}")
    return tuple(map(_checked_name, given))


def _checked_subjects(subjects: Iterable[str]) -> tuple[str, ...] | None:
    given = tuple(subjects)
    wrong = next((pattern for pattern in given if len(pattern) > _MAX_PATTERN or not _PATTERN.fullmatch(pattern)), None)
    if wrong is not None:
        raise UnfitCredential(f"{wrong!r:.80} is no subject pattern; write one as in session.> or relay.*.presence.*")
    return given or None
