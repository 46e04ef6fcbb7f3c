"""The key pairs of NATS: Ed25519, written in base32 with a checksum.

A user signs a nonce of the server with the secret half, written as a seed. The configuration of the server has the public half
alone, so nothing in it is secret. The format is that of https://github.com/nats-io/nkeys: a prefix, 32 bytes, and a CRC-16
(XMODEM) with its low byte first. Only users are made and read here.
"""

from __future__ import annotations

import base64
import binascii
import re

__all__ = ["RAW_BYTES", "UserKey", "find_seed"]

RAW_BYTES = 32
"""The number of random bytes that a key is made of."""

_SEED = 18 << 3
_USER = 20 << 3
_SEED_OF_USER = bytes([_SEED | _USER >> 5, (_USER & 31) << 3])
_WRITTEN_SEED = re.compile(r"\bSU[A-Z2-7]{56}\b")


class UserKey:
    """The key pair of a user.

    :param raw: :data:`RAW_BYTES` random bytes.
    """

    def __init__(self, raw: bytes) -> None:
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey  # noqa: PLC0415 - takes long to import

        self._raw = raw
        self._key = Ed25519PrivateKey.from_private_bytes(raw)

    @classmethod
    def of_seed(cls, seed: str) -> UserKey:
        """Return the key pair of a written seed, which begins with ``SU``.

        :raises ValueError: if *seed* is no seed of a user, or has a wrong letter. The text does not quote the seed.
        """
        try:
            content = base64.b32decode(seed + "=" * (-len(seed) % 8))
        except ValueError:  # not base32, or not ASCII
            content = b""
        body, checksum = content[:-2], content[-2:]
        if len(body) != len(_SEED_OF_USER) + RAW_BYTES or not body.startswith(_SEED_OF_USER):
            raise ValueError("is no seed of a user: that has 58 letters and digits and begins with SU")
        if _checksum(body) != checksum:
            raise ValueError("has a seed that is not whole: its checksum is wrong")
        return cls(body[len(_SEED_OF_USER) :])

    @property
    def seed(self) -> str:
        """The secret half, as it is written into the file of the user."""
        return _written(_SEED_OF_USER + self._raw)

    @property
    def public(self) -> str:
        """The public half, as it stands in the configuration of a server; it begins with ``U``."""
        return _written(bytes([_USER]) + self._key.public_key().public_bytes_raw())

    def sign(self, nonce: bytes) -> bytes:
        """Return the signature of *nonce*, 64 bytes."""
        return self._key.sign(nonce)


def find_seed(text: str) -> str | None:
    """Return the first written seed of a user in *text*, which may be a file of credentials with a JWT; None if there is none."""
    found = _WRITTEN_SEED.search(text)
    return found[0] if found is not None else None


def _written(body: bytes) -> str:
    return base64.b32encode(body + _checksum(body)).decode().rstrip("=")


def _checksum(body: bytes) -> bytes:
    return binascii.crc_hqx(body, 0).to_bytes(2, "little")
