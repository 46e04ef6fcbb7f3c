"""Tests of :mod:`netd.sdk`: the files that programs elsewhere copy."""

from __future__ import annotations

import ast
import json
import subprocess
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from netd import __version__
from netd.client.micro import Device
from netd.onefile import CLIENTS, make_client
from netd.sdk import SDKS
from tests.sdk.clients import installed


class SdkTests(SynchronousTestCase):
    def test_python(self) -> None:
        """The clients for Python are single files."""
        for kind in CLIENTS:
            self.assertEqual((SDKS[kind].name, SDKS[kind].text()), (f"{kind}.py", make_client(kind)))

    def test_names(self) -> None:
        """A gateway serves the client of each kind by the name of its file: no two kinds have the same."""
        names = [sdk.name for sdk in SDKS.values()]
        self.assertEqual(len(set(names)), len(names))


class MicroTests(SynchronousTestCase):
    def test_imports(self) -> None:
        """The file for microcontrollers imports what these have."""
        tree = ast.parse(SDKS["micropython"].text())
        imported = {
            name
            for node in ast.walk(tree)
            if isinstance(node, (ast.Import, ast.ImportFrom))
            for name in ([node.module] if isinstance(node, ast.ImportFrom) else [one.name for one in node.names])
        }
        self.assertEqual(imported, {"json", "os", "time", "socket"})

    def test_what_it_is(self) -> None:
        """The reader of the file learns how to use it, and which netd made it."""
        told = ast.get_docstring(ast.parse(SDKS["micropython"].text())) or ""
        self.assertIn("call its ``poll()``", told)
        self.assertIn(f"Made by netd {__version__} (`netd client micropython`)", told)

    def test_answers(self) -> None:
        """What a board measures is an answer as it is: a number, also 0, is said as text."""
        for result, payload in ((0, b"0"), (21.5, b"21.5"), ("on", b"on"), (b"\0", b"\0"), (None, b"")):
            device = Device("192.168.1.10", 5050, "lamp", lambda _payload, result=result: result)  # type: ignore[misc]
            answer = device._answer(7, b"?", 1)
            self.assertEqual(b"%-64d" % len(payload) + payload, answer[-64 - len(payload) :])
            self.assertIn(b"acknowledged", answer)

    def test_size(self) -> None:
        """The compiled file is less than 4 KB, as its page says."""
        folder = Path(self.mktemp())
        folder.mkdir()
        (folder / "netd_micro.py").write_text(SDKS["micropython"].text(), "utf-8")
        ran = subprocess.run([installed("mpy-cross"), "netd_micro.py"], cwd=folder, capture_output=True, text=True, check=False)
        self.assertEqual(ran.returncode, 0, ran.stderr)
        self.assertLess((folder / "netd_micro.mpy").stat().st_size, 4096)


class ArduinoTests(SynchronousTestCase):
    def test_what_it_is(self) -> None:
        """The reader of the header learns which netd made it, and the library has the version of netd."""
        files = SDKS["arduino"].files
        self.assertIn(f"// Made by netd {__version__} (`netd client arduino`)", files["Netd.h"]())
        self.assertIn("#pragma once\n", files["Netd.h"]())
        properties = dict(line.split("=", 1) for line in files["library.properties"]().splitlines())
        self.assertEqual((properties["name"], properties["version"], properties["includes"]), ("Netd", __version__, "Netd.h"))


class PackageTests(SynchronousTestCase):
    def test_manifest(self) -> None:
        """The npm package has all that it needs, under the version of netd."""
        files = SDKS["js"].files
        manifest = json.loads(files["package.json"]())
        self.assertEqual((manifest["name"], manifest["version"]), ("netd.js", __version__))
        self.assertEqual(manifest["files"], ["netd.js", "netd.d.ts"])
        self.assertEqual(manifest["exports"], {".": {"types": "./netd.d.ts", "default": "./netd.js"}})
        self.assertLess(set(manifest["files"]), set(files))
