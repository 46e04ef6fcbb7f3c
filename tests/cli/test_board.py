"""Tests of :mod:`netd.cli.board`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from netd.client.control import NoSuchTarget, Outdated
from tests.cli.fakes import TABLE, CommandTests, operation

BOARD = {"title": "Kühlung", "version": 7, "tiles": []}


class BoardTests(CommandTests):
    def setUp(self) -> None:
        super().setUp()
        self.control.answers |= {
            "system.operations": [*TABLE, operation("board.list", role="viewer")],
            "board.read": {"name": "cryo", "board": BOARD},
            "board.list": [{"name": "cryo", "version": 8}],
            "board.write": {"name": "cryo", "version": 9},
        }
        self.folder = Path(self.mktemp())
        self.folder.mkdir()
        self.file = self.folder / "cryo.json"

    def board_written(self) -> dict[str, Any]:
        """The arguments of the last write."""
        name, arguments = self.control.calls[-1]
        self.assertEqual("board.write", name)
        return arguments

    def test_export(self) -> None:
        """A board is written as it is kept, to a file or to standard output."""
        self.assertEqual(BOARD, json.loads(self.netd("board", "export", "cryo").stdout))
        self.netd("board", "export", "cryo", "-o", str(self.file))
        self.assertIn("Kühlung", self.file.read_text(encoding="utf-8"))
        result = self.netd("board", "export", "cryo", "-o", str(self.folder))
        self.assertEqual((1, f"Error: {self.folder}: cannot be written: Is a directory\n"), (result.exit_code, result.stderr))

    def test_on_another_node(self) -> None:
        """Who exports a board that another node keeps is told which node that is."""
        self.control.answers["system.operations"] = [operation("board.list", instances=["main", "main@b", "main@shed"])]
        self.control.answers["board.read"] = NoSuchTarget("no board 'cryo'; `board.list` lists them", -32003)
        kept = {"main@b": [], "main@shed": [{"name": "cryo", "version": 1}]}
        self.control.answers["board.list"] = lambda instance: kept[instance]
        result = self.netd("board", "export", "cryo")
        self.assertEqual((3, "Error: no board 'cryo' on this node; --on shed has one\n"), (result.exit_code, result.stderr))
        kept["main@shed"] = []
        self.assertIn("`netd board list` lists them", self.netd("board", "export", "cryo").stderr)

    def test_import(self) -> None:
        """A board is written on top of the version that was exported; a new one, and one to be replaced, in any case."""
        self.file.write_text(json.dumps(BOARD), encoding="utf-8")
        self.assertEqual("cryo: version 9\n", self.netd("board", "import", str(self.file)).stdout)
        self.assertEqual({"name": "cryo", "version": 7, "board": BOARD}, self.board_written())
        self.netd("board", "import", str(self.file), "--name", "other")
        self.assertEqual(("other", 0), (self.board_written()["name"], self.board_written()["version"]))
        result = self.netd("board", "import", str(self.file), "--replace", "--json")
        self.assertEqual((8, 9), (self.board_written()["version"], json.loads(result.stdout)["version"]))

    def test_changed_meanwhile(self) -> None:
        """A board that somebody has changed since the export is not replaced, and the remedy is told."""
        self.file.write_text(json.dumps(BOARD), encoding="utf-8")
        self.control.answers["board.write"] = Outdated("the board 'cryo' has version 8", -32004, {"version": 8})
        result = self.netd("board", "import", str(self.file))
        self.assertEqual(1, result.exit_code)
        self.assertIn("has version 8; `--replace` writes over it, and `--name` makes another board", result.stderr)

    def test_unfit_files(self) -> None:
        """What is no board is refused before netd is asked."""
        for content, why in (("{", "is no JSON: "), ("[]", "is no board: not a JSON object")):
            self.file.write_text(content, encoding="utf-8")
            self.assertIn(f"{self.file}: {why}", self.netd("board", "import", str(self.file)).stderr)
        missing = self.netd("board", "import", str(self.folder / "x.json")).stderr
        self.assertIn("x.json: cannot be read: No such file or directory", missing)

    def test_operations(self) -> None:
        """The operations of the daemon are commands beside these."""
        self.assertIn("cryo", self.netd("board", "list").stdout)
        self.assertEqual(("board.list", {}), self.control.calls[-1])
        self.assertIn("netd board list, read, versions", self.netd("board", "--help").stdout)
