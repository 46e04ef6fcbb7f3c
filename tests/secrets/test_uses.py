"""The last use of each credential is kept, and found again after a restart."""

from __future__ import annotations

from netd.operations import Role
from netd.secrets.token_file import remove_token
from netd.secrets.tokens import Tokens, read_tokens
from netd.secrets.uses import LastUse, TokenUses, uses_file
from tests.secrets.token_case import TokenTestCase

NOW = 1_700_000_000.0


class UsesTests(TokenTestCase):
    def test_last_use(self) -> None:
        """The last use of a token is noted with the address, once it was right; a wrong one is no use."""
        text = self.add("ann", Role.ADMIN)
        tokens = Tokens(self.path, lambda: NOW)
        [ann] = read_tokens(self.path)
        tokens.find("netd_x", "192.0.2.7")
        self.assertIsNone(tokens.uses.of(ann))
        self.assertFalse(tokens.uses.is_changed)
        tokens.find(text, "192.0.2.7")
        self.assertEqual(tokens.uses.of(ann), LastUse(NOW, "192.0.2.7"))
        self.assertTrue(tokens.uses.is_changed)

    def test_restart(self) -> None:
        """What is written is found again, by certificates too; what was used since then is newer."""
        self.write(f"a viewer {'a' * 64}\nb device {'b' * 64} proof=certificate\nc device - proof=ca\n")
        tokens = Tokens(self.path, lambda: NOW)
        uses = tokens.uses
        tokens.find_key("b" * 64, "192.0.2.7")
        tokens.find_signed("c")
        text = uses.render(read_tokens(self.path))
        self.assertEqual(text, f"{'b' * 16} 1700000000 192.0.2.7\nc 1700000000 -\n")
        self.assertFalse(uses.is_changed)
        uses.write(text)
        self.assertEqual(uses_file(self.path).stat().st_mode & 0o777, 0o600)
        again = TokenUses(uses_file(self.path))
        _a, b, c = read_tokens(self.path)
        again.note(c, NOW + 1, "192.0.2.8")
        again.load()
        self.assertEqual([again.of(one) for one in (b, c)], [LastUse(NOW, "192.0.2.7"), LastUse(NOW + 1, "192.0.2.8")])

    def test_forgotten(self) -> None:
        """The use of a token that is gone is not kept."""
        text = self.add("ann")
        tokens = Tokens(self.path, lambda: NOW)
        tokens.find(text)
        remove_token(self.path, "ann")
        self.assertEqual(tokens.uses.render(read_tokens(self.path)), "")

    def test_unusable(self) -> None:
        """A file that is not there, open to others or spoiled is no hindrance: it is only information."""
        self.write("")
        uses = TokenUses(uses_file(self.path))
        uses.load()
        uses.path.write_text(f"x\nx y z\n{'a' * 16} 1700000000 192.0.2.7 more\n{'b' * 16} 5 -\n")
        uses.path.chmod(0o644)
        uses.load()
        self.assertEqual(uses.render([]), "")
        uses.path.chmod(0o600)
        self.write(f"b viewer {'b' * 64}\n")
        uses.load()
        self.assertEqual(uses.of(read_tokens(self.path)[0]), LastUse(5.0, ""))
