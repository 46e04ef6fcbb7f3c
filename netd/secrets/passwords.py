"""The password file: the people who may log in with a name and a password.

The daemon reads the file, and ``netd passwd`` writes it; both use this module, so their formats cannot differ. The functions
block. Checking a password takes 0.1 to 0.5 s of one core, which is what makes guessing slow; the daemon does it in a thread.

A line is ``name:scrypt$N$r$p$salt$hash``: the cost parameters in decimal, salt and hash in Base64. Blank lines and lines that
start with ``#`` are left alone.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import os
import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from netd.secrets.private_files import NAME, NAMES, PrivateFileError, locked, quoted, read_entries, read_private, replace

__all__ = [
    "MAX_PASSWORD",
    "SALT_BYTES",
    "SHORTEST",
    "PasswordEntry",
    "make_entry",
    "password_entries",
    "read_password_file",
    "remove_entry",
    "verify",
    "weakness",
    "write_entry",
]

MAX_PASSWORD = 1024
"""The longest password, in characters."""

SHORTEST = 10
"""The shortest password that is accepted, in characters."""

LEAST_LEFT = 6
"""The least length of a password when each part of it that is easy to guess (a name, a common word) counts as one character."""

SALT_BYTES = 16
"""The least number of random bytes in the salt of an entry."""

_N, _R, _P = 2**15, 8, 3
_HASH_BYTES = 32
_MOST_MEMORY = 256 * 2**20

_COMMON = re.compile(
    "pass(word|wort|wd)?|kennwort|mot ?de ?passe|contrase[nñ]a|secret|admin(istrator)?|root|user|guest|test|demo|default|operator"
    "|login|welcome|letmein|let me in|hello|change ?me|change ?it|i ?love ?you|monkey|dragon|master|sunshine|princess|football"
    "|baseball|superman|batman|trustno1|starwars|netd|manhole|(19|20)[0-9][0-9]"
)
_REPEATED = re.compile(r"(.{1,8}?)\1+", re.DOTALL)
_RUNS = tuple(
    run
    for row in (
        "abcdefghijklmnopqrstuvwxyz",
        "01234567890",
        "qwertyuiop",
        "qwertzuiop",
        "azertyuiop",
        "asdfghjkl",
        "zxcvbnm",
        "yxcvbnm",
    )
    for run in (row, row[::-1])
)
_HABITS = str.maketrans("0134578@$!", "oieastbasi")
"""The digits and signs that people write for letters, as in ``pa$$w0rd``."""


@dataclass(frozen=True)
class PasswordEntry:
    """One line of the password file.

    :ivar name: the login name: a letter or digit, then letters, digits, ``.``, ``_``, ``@`` or ``-``; at most 64 characters.
    :ivar n: scrypt's cost, a power of two, at least 2**15.
    :ivar r: scrypt's block size.
    :ivar p: scrypt's parallelism.
    :ivar salt: random bytes, different in each entry.
    :ivar digest: the scrypt hash of the password.
    """

    name: str
    n: int
    r: int
    p: int
    salt: bytes = field(repr=False)
    digest: bytes = field(repr=False)

    def to_line(self) -> str:
        """Return the line of the file, without its end."""
        salt, digest = (base64.b64encode(value).decode("ascii") for value in (self.salt, self.digest))
        return f"{self.name}:scrypt${self.n}${self.r}${self.p}${salt}${digest}"


def make_entry(name: str, password: str, salt: bytes) -> PasswordEntry:
    """Hash *password*, and return the entry for *name*.

    :param salt: :data:`SALT_BYTES` random bytes or more, from ``secrets.token_bytes``. A salt must not be used twice.
    :raises PrivateFileError: when *name* or *password* could not be typed at a login.
    """
    if not NAME.fullmatch(name):
        raise PrivateFileError(f"{name!r} is not a login name: {NAMES}")
    if not 1 <= len(password) <= MAX_PASSWORD:
        raise PrivateFileError(f"a password has 1 to {MAX_PASSWORD} characters, not {len(password)}")
    if any(unicodedata.category(character) in {"Cc", "Cs"} for character in password):
        raise PrivateFileError("a password cannot hold control characters: nobody could type it at the login prompt")
    if len(salt) < SALT_BYTES:
        raise PrivateFileError(f"a salt has at least {SALT_BYTES} bytes, not {len(salt)}")
    return PasswordEntry(name, _N, _R, _P, salt, _digest(password, salt, _N, _R, _P))


def weakness(name: str, password: str) -> str | None:
    """Say why *password* is too easy to guess for *name*, and what would be better; None if it is good enough."""
    better = "take several words that only you would put together, such as four things that you see from your chair"
    if len(password) < SHORTEST:
        return f"a password has at least {SHORTEST} characters, and this one has {len(password)}: {better}"
    folded = unicodedata.normalize("NFKC", password).casefold()
    if _left(folded, name.casefold()) < LEAST_LEFT:
        return f"this password is easy to guess: most of it is a name, a common word, a row of keys or a repetition; {better}"
    return None


def _left(password: str, name: str) -> int:
    """Return the length of *password* when each part that is easy to guess counts as one character."""
    rest = password.replace(name, "*").replace(name[::-1], "*") if len(name) > 2 else password
    for word in reversed([*_COMMON.finditer(rest.translate(_HABITS))]):
        rest = f"{rest[: word.start()]}*{rest[word.end() :]}"
    rest = _REPEATED.sub(r"\1", _COMMON.sub("*", rest))
    place = count = 0
    while place < len(rest):
        place += max((_run_at(rest, place, run) for run in _RUNS), default=1)
        count += 1
    return count


def _run_at(text: str, place: int, run: str) -> int:
    """Return how many characters of *text*, from *place* on, follow each other in *run*, too; 1 if fewer than three do."""
    length = 1
    while place + length < len(text) and text[place : place + length + 1] in run:
        length += 1
    return length if length > 2 else 1


def verify(entries: Mapping[str, PasswordEntry], name: str, password: str) -> bool:
    """Return True if *password* is that of *name*. A password longer than :data:`MAX_PASSWORD` is wrong.

    The function takes as long for a name that does not exist, so that its time does not tell which names do.
    """
    entry = entries.get(name)
    # For an unknown name, the cost parameters of another entry are used: those of the module may be lower than the file's.
    weighed = entry or next(iter(entries.values()), PasswordEntry("", _N, _R, _P, bytes(SALT_BYTES), bytes(_HASH_BYTES)))
    digest = _digest(password[: MAX_PASSWORD + 1], weighed.salt, weighed.n, weighed.r, weighed.p)
    matches = hmac.compare_digest(digest, weighed.digest)
    return matches and entry is not None


def read_password_file(path: Path) -> dict[str, PasswordEntry]:
    """Return the entries of the file by name, at least one.

    :raises PrivateFileError: when the file is absent, open to others, empty or malformed. It names each bad line as
        ``file:line``.
    """
    entries = password_entries(path)
    if not entries and not path.exists():
        raise PrivateFileError(f"{path}: there is no password file: {_remedy(path)}")
    if not entries:
        raise PrivateFileError(f"{path}: holds no names, so nobody could log in: {_remedy(path)}")
    return entries


def password_entries(path: Path) -> dict[str, PasswordEntry]:
    """Return the entries of the file by name; none where there is no file.

    :raises PrivateFileError: when the file is open to others or malformed. It names each bad line as ``file:line``.
    """
    try:
        text = read_private(path, "password file", _remedy(path))
    except FileNotFoundError:
        return {}
    return read_entries(path, text.split("\n"), _parse, _remedy(path))


def write_entry(path: Path, entry: PasswordEntry) -> None:
    """Put *entry* into the file, in place of one of the same name. A file that does not exist is made, with mode 0600.

    The file is replaced as a whole; see :func:`netd.secrets.private_files.replace`.

    :raises PrivateFileError: when the file cannot be read or written.
    """
    path = Path(os.path.realpath(path))
    try:
        with locked(path):
            lines = path.read_text("utf-8").splitlines() if path.exists() else []
            replace(path, _with_entry(lines, entry))
    except (OSError, UnicodeDecodeError) as error:
        raise PrivateFileError(f"{path}: cannot be rewritten: {error}") from error


def remove_entry(path: Path, name: str) -> bool:
    """Remove the entry of *name* from the file. Return False if there is none.

    :raises PrivateFileError: when the file cannot be read or written.
    """
    path = Path(os.path.realpath(path))
    try:
        with locked(path):
            lines = path.read_text("utf-8").splitlines() if path.exists() else []
            kept = [line for line in lines if line.strip().partition(":")[0] != name]
            if kept != lines:
                replace(path, "".join(f"{line}\n" for line in kept))
            return kept != lines
    except (OSError, UnicodeDecodeError) as error:
        raise PrivateFileError(f"{path}: cannot be rewritten: {error}") from error


def _digest(password: str, salt: bytes, n: int, r: int, p: int) -> bytes:
    # Terminals differ in how they compose an accented letter; NFC makes the same password of both (RFC 8265 section 4.2).
    typed = unicodedata.normalize("NFC", password).encode("utf-8", "surrogatepass")
    return hashlib.scrypt(typed, salt=salt, n=n, r=r, p=p, maxmem=_memory(n, r, p), dklen=_HASH_BYTES)


def _memory(n: int, r: int, p: int) -> int:
    """Return the bytes of memory that OpenSSL needs: the blocks of all lanes, the table, and two spare blocks."""
    return 128 * r * (n + p + 2)


def _remedy(path: Path) -> str:
    """Return the command to run. It names the file, because the command line may use another state directory than the daemon."""
    return f"run `netd passwd NAME --file {quoted(path)}`"


def _parse(line: str) -> PasswordEntry:
    name, colon, hashed = line.strip().partition(":")
    fields = hashed.split("$")
    if not colon or not NAME.fullmatch(name) or len(fields) != 6:
        raise ValueError("is not of the form name:scrypt$N$r$p$salt$hash")
    scheme, *numbers, salt, digest = fields
    if scheme != "scrypt":
        raise ValueError("is not hashed with scrypt")
    if not all(re.fullmatch("[0-9]{1,9}", number) for number in numbers):
        raise ValueError("has a cost that is not a number")
    n, r, p = (int(number) for number in numbers)
    if n < _N or n & (n - 1) or not (r and p) or p > 16 or _memory(n, r, p) > _MOST_MEMORY:
        raise ValueError(
            f"has a cost outside the limits (N a power of two from {_N}, at most {_MOST_MEMORY >> 20} MiB of memory)"
        )
    try:
        entry = PasswordEntry(name, n, r, p, base64.b64decode(salt, validate=True), base64.b64decode(digest, validate=True))
    except binascii.Error as error:
        raise ValueError("has a salt or a hash that is not Base64") from error
    if len(entry.salt) < SALT_BYTES or len(entry.digest) != _HASH_BYTES:
        raise ValueError("has a salt or a hash of the wrong length")
    return entry


def _with_entry(lines: list[str], entry: PasswordEntry) -> str:
    """Return the text of the file with *entry* in place of the entry of that name, or at the end."""
    places = [index for index, line in enumerate(lines) if line.strip().partition(":")[0] == entry.name]
    kept = [line for index, line in enumerate(lines) if index not in places]
    kept.insert(places[0] if places else len(kept), entry.to_line())
    return "\n".join(kept) + "\n"
