"""Key pairs of NATS: what others have made is read, and a seed with a mistake is told."""

from __future__ import annotations

import base64

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from netd.secrets.nkeys import RAW_BYTES, UserKey, find_seed

SEED = "SUACSSL3UAHUDXKFSNVUZRF5UHPMWZ6BFDTJ7M6USDXIEDNPPQYYYCU3VY"
PUBLIC = "UDXU4RCSJNZOIQHZNWXHXORDPRTGNJAHAHFRGZNEEJCPQTT2M7NLCNF4"
"""The pair that NATS's own documentation shows."""


class UserKeyTests(SynchronousTestCase):
    def test_pair_of_others(self) -> None:
        """A seed that NATS's tools have made has the public key that these tools tell."""
        key = UserKey.of_seed(SEED)
        self.assertEqual((SEED, PUBLIC), (key.seed, key.public))

    @given(st.binary(min_size=RAW_BYTES, max_size=RAW_BYTES))
    def test_there_and_back(self, raw: bytes) -> None:
        """A pair that was written is read as the same pair, whatever its bytes."""
        key = UserKey(raw)
        again = UserKey.of_seed(key.seed)
        self.assertEqual((58, 56, "SU", "U"), (len(key.seed), len(key.public), key.seed[:2], key.public[:1]))
        self.assertEqual((key.seed, key.public), (again.seed, again.public))

    def test_signature(self) -> None:
        """A server that knows the public key alone finds the signature right."""
        key = UserKey(bytes(range(RAW_BYTES)))
        public = Ed25519PublicKey.from_public_bytes(base64.b32decode(key.public)[1:-2])
        public.verify(key.sign(b"nonce"), b"nonce")

    def test_mistakes(self) -> None:
        """A seed with a wrong letter, a public key, another kind of key or a piece is refused, and not quoted."""
        for wrong in (SEED.replace("DXK", "DXJ"), PUBLIC, "SA" + SEED[2:], SEED[:-2], "su-no-seed", "", "é"):
            message = str(self.assertRaises(ValueError, UserKey.of_seed, wrong))
            self.assertTrue("is no seed" in message or "checksum" in message, message)
            self.assertFalse(wrong and wrong in message, message)


class FindTests(SynchronousTestCase):
    def test_seed_in_a_file(self) -> None:
        """The seed is found in a file of its own, and in one with a JWT and comments."""
        self.assertEqual(SEED, find_seed(f"{SEED}\n"))
        self.assertEqual(SEED, find_seed(f"-----BEGIN NATS USER JWT-----\neyJ0\n-----BEGIN USER NKEY SEED-----\n{SEED}\n----"))
        self.assertIsNone(find_seed(f"user = {PUBLIC}, {SEED[:-1]}"))
