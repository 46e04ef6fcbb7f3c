"""Tests of every parser with the inputs that are kept, and of the corpus itself."""

from __future__ import annotations

from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from tests.fuzz.corpus import CORPUS, pack, read_inputs, split, unpack
from tests.fuzz.parsers import PARSERS, pieces_of


class CorpusTests(SynchronousTestCase):
    def test_inputs(self) -> None:
        """No parser fails on any input that is kept."""
        self.assertEqual({path.stem for path in CORPUS.iterdir()}, set(PARSERS))
        for name, parser in PARSERS.items():
            for data in read_inputs(name):
                parser(data)

    def test_pieces(self) -> None:
        """A stream in pieces is the whole stream."""
        for data in (b"", b"\0", b"\1abcdefg", bytes(range(200))):
            whole, pieces = pieces_of(data)
            self.assertEqual(b"".join(pieces), whole)

    def test_prefix(self) -> None:
        """The first byte of an input of the fuzzer says which parser it is for, and what was kept comes back."""
        names = list(PARSERS)
        folder = Path(self.mktemp())
        unpack(names, folder)
        kept = {name: sorted(read_inputs(name)) for name in names}
        found: dict[str, list[bytes]] = {name: [] for name in names}
        for path in folder.iterdir():
            name, data = split(names, path.read_bytes())
            found[name].append(data)
        self.assertEqual({name: sorted(inputs) for name, inputs in found.items()}, kept)

    def test_pack(self) -> None:
        """Inputs that are kept anew replace those from before, each once."""
        folder, corpus = Path(self.mktemp()), Path(self.mktemp())
        folder.mkdir()
        corpus.mkdir()
        for number, data in enumerate((b"\1longer", b"\1it", b"\0other", b"")):
            (folder / str(number)).write_bytes(data)
        pack(["a", "b"], folder.iterdir(), corpus)
        self.assertEqual(
            {path.name: path.read_text() for path in corpus.iterdir()},
            {"a.base64": "\nb3RoZXI=\n", "b.base64": "aXQ=\nbG9uZ2Vy\n"},
        )
