"""Tests of :mod:`netd.onefile`: what becomes of several modules."""

from __future__ import annotations

import ast
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from netd import __version__, onefile
from netd.onefile import CLIENTS, Client, NotOneFile, make_client


class MakeTests(SynchronousTestCase):
    def make(self, **sources: str) -> str:
        """One file of modules with these *sources*, the first of which is the kind's own."""
        folder = Path(self.mktemp())
        folder.mkdir()
        for name, source in sources.items():
            (folder / f"{name}.py").write_text(source, "utf-8")
        self.patch(onefile, "FOLDER", folder)
        self.patch(onefile, "CLIENTS", {"lamp": Client(("lamp",), "Lamp: shines")})
        return make_client("lamp")

    def test_order(self) -> None:
        """What is needed stands before what needs it, each once, without imports of its own; imports come first, once."""
        made = self.make(
            lamp='"""A lamp."""\n\nimport os\nfrom netd.client.bulb import (\n    BULB,\n)\nfrom netd.client.wire import WIRE\n\n'
            '__all__ = ["LAMP"]\n\nLAMP = [BULB, WIRE]  # shines\n',
            bulb='"""A bulb."""\n\nimport os\nfrom typing import Any\n\nfrom netd.client.wire import WIRE\n\nBULB: Any = WIRE\n',
            wire='"""A wire."""\n\nfrom __future__ import annotations\n\nfrom typing import NamedTuple\n\nWIRE = os\n',
        )
        self.assertEqual(made.count("import os"), 1)
        self.assertNotIn("netd.client", made)
        self.assertLess(made.index("from typing import Any, NamedTuple"), made.index("WIRE = os"))
        self.assertLess(made.index("WIRE = os"), made.index("BULB: Any = WIRE"))
        self.assertTrue(made.endswith("LAMP = [BULB, WIRE]  # shines\n"))
        space: dict[str, object] = {}
        exec(made, space)
        self.assertEqual((space["__all__"], space["LAMP"]), (["LAMP"], [space["os"]] * 2))

    def test_type_checking(self) -> None:
        """What only a type checker looks at stays, but for imports of what is in the file anyway."""
        only_types = "if TYPE_CHECKING:\n    from netd.client.bulb import BULB\n    A = 1\n"
        source = f'"""A."""\n\nfrom typing import TYPE_CHECKING\n\n{only_types}'
        self.assertTrue(self.make(lamp=source).endswith("if TYPE_CHECKING:\n    A = 1\n"))

    def test_links(self) -> None:
        """What docstrings link to is in the file; the names of loggers are those of netd's."""
        text = ":class:`netd.client.bulb.Bulb`, :mod:`netd.client.wire`"
        made = self.make(lamp=f'"""A lamp."""\n\nLOG = "netd.client.lamp"\n"""{text}"""\n')
        self.assertIn(":class:`Bulb`, :mod:`wire`", made)
        self.assertIn('"netd.client.lamp"', made)

    def test_what_it_is(self) -> None:
        """Whoever finds the file reads how to use it, and which netd made it; the same netd makes the same file."""
        for kind, client in CLIENTS.items():
            made = make_client(kind)
            told = ast.get_docstring(ast.parse(made))
            assert told is not None
            self.assertIn(f"made by netd {__version__} (`netd client {kind}`)", told)
            self.assertIn(f"from {kind} import {client.summary.partition(':')[0]}``", told)
            self.assertEqual(make_client(kind), made)

    def test_what_cannot_be(self) -> None:
        """Modules that do not fit into one file are told with the place."""
        for sources, error in (
            ({"lamp": '"""A."""\nimport os as system\n'}, r"lamp\.py:2: imports something under another name"),
            ({"lamp": '"""A."""\nfrom netd.client import bulb\n'}, r"lamp\.py:2: imports a module of netd's"),
            ({"lamp": '"""A."""\nfrom netd.errors import NetdError\n'}, r"lamp\.py:2: imports a module of netd's"),
            (
                {"lamp": '"""A."""\nfrom netd.client.bulb import B\ndef on(): pass\n', "bulb": '"""B."""\non = B = 1\n'},
                r"on is defined in bulb\.py and in lamp\.py",
            ),
        ):
            self.assertRaisesRegex(NotOneFile, error, self.make, **sources)
