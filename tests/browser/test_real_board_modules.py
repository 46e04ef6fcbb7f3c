"""The pure modules of the boards, by tables of cases, in Chromium; no netd runs."""

from __future__ import annotations

import random
from typing import Any

from tests.browser.test_real_modules import ModuleTestCase

COLUMNS = 12


def tile(name: str, x: int, y: int, w: int, h: int, **more: Any) -> dict[str, Any]:
    """A tile of a board."""
    return {"id": name, "x": x, "y": y, "w": w, "h": h, **more}


def places(tiles: list[dict[str, Any]]) -> dict[str, tuple[int, int]]:
    """Where each tile lies."""
    return {each["id"]: (each["x"], each["y"]) for each in tiles}


def cells(one: dict[str, Any]) -> set[tuple[int, int]]:
    """The cells under a tile."""
    return {(x, y) for x in range(one["x"], one["x"] + one["w"]) for y in range(one["y"], one["y"] + one["h"])}


class BoardModuleTests(ModuleTestCase):
    def grid(self) -> None:
        """A tile that is moved pushes those under it downwards; all others rise, and it itself once it is dropped."""
        tiles = [tile("a", 0, 0, 6, 4), tile("b", 6, 0, 6, 4), tile("c", 0, 4, 12, 2)]
        for moved, expected in (
            (None, {"a": (0, 0), "b": (6, 0), "c": (0, 4)}),
            (tile("c", 0, 0, 12, 2), {"a": (0, 2), "b": (6, 2), "c": (0, 0)}),
            (tile("a", 0, 9, 6, 4), {"a": (0, 9), "b": (6, 0), "c": (0, 4)}),
            (tile("a", 3, 0, 6, 4), {"a": (3, 0), "b": (6, 4), "c": (0, 8)}),
            (tile("b", 6, 0, 6, 9), {"a": (0, 0), "b": (6, 0), "c": (0, 9)}),
        ):
            found = self.run_in("board/grid", "({ arranged }, tiles, moved) => arranged(tiles, moved ?? undefined)", tiles, moved)
            self.assertEqual(places(found), expected, str(moved))
            self.assertEqual([each["id"] for each in found], ["a", "b", "c"], "they keep their order")
        dropped = self.run_in(
            "board/grid", "({ arranged }, tiles) => arranged(tiles)", [tile("a", 0, 9, 6, 4), tile("b", 0, 0, 6, 4)]
        )
        self.assertEqual(places(dropped), {"a": (0, 4), "b": (0, 0)})

    def no_overlap(self) -> None:
        """However tiles lie, and wherever one is put, none overlaps another, and none hangs in the air."""
        chance = random.Random(8)
        script = "({ arranged, fitted }, tiles, moved) => arranged(tiles.map((one) => fitted(one)), fitted(moved))"
        for _ in range(60):
            sizes = [
                (chance.randrange(12), chance.randrange(20), chance.randrange(1, 13), chance.randrange(1, 7)) for _ in range(30)
            ]
            tiles = [tile(f"t{index}", *size) for index, size in enumerate(sizes)]
            moved = {**chance.choice(tiles), "x": chance.randrange(-3, 15), "y": chance.randrange(25)}
            found = self.run_in("board/grid", script, tiles, moved)
            taken: dict[tuple[int, int], str] = {}
            for each in found:
                self.assertLessEqual(each["x"] + each["w"], COLUMNS)
                for cell in cells(each):
                    self.assertNotIn(cell, taken)
                    taken[cell] = each["id"]
            for each in found:
                above = {(x, each["y"] - 1) for x, _ in cells(each)}
                self.assertTrue(each["y"] == 0 or each["id"] == moved["id"] or above & taken.keys(), str(each))

    def order(self) -> None:
        """On a phone, a tile changes its place with the one before or behind it in reading order."""
        tiles = [tile("a", 0, 0, 6, 4), tile("b", 6, 0, 6, 4), tile("c", 0, 4, 12, 2)]
        script = "({ exchanged, ordered }, tiles, id, by) => ordered(exchanged(tiles, id, by)).map((one) => one.id).join('')"
        for name, by, expected in (("b", -1, "bac"), ("a", 1, "bac"), ("c", -1, "acb"), ("a", -1, "abc"), ("c", 1, "abc")):
            self.assertEqual(self.run_in("board/grid", script, tiles, name, by), expected, f"{name} {by}")

    def free(self) -> None:
        """A new tile takes the first place with room."""
        tiles = [tile("a", 0, 0, 6, 4), tile("b", 6, 0, 3, 2)]
        self.check(
            "board/grid",
            "freePlace",
            ((tiles, 3, 2), {"x": 9, "y": 0}),
            ((tiles, 6, 2), {"x": 6, "y": 2}),
            ((tiles, 12, 1), {"x": 0, "y": 4}),
            (([], 4, 4), {"x": 0, "y": 0}),
        )
        self.check("board/grid", "rowsOf", ((tiles,), 4), (([],), 0))

    def stored(self) -> None:
        """Whatever wrote a board, its tiles get a place and an id of their own, and keep all members that are not known."""
        wild = {
            "title": 5,
            "colour": "green",
            "tiles": [
                {"kind": "plot", "subjects": ["a"], "glow": 1},
                {"id": "x", "kind": "hologram", "x": 40, "y": -3, "w": 99, "h": 0},
                {"id": "x", "kind": "number", "x": 0, "y": 0, "w": 1, "h": 1},
                "no tile",
            ],
        }
        found = self.run_in("board/model", "({ fit }, board) => fit(board)", wild)
        self.assertEqual((found["title"], found["colour"], len(found["tiles"])), ("5", "green", 3))
        by_kind = {each["kind"]: each for each in found["tiles"]}
        self.assertEqual(by_kind["plot"]["glow"], 1)
        self.assertEqual((by_kind["number"]["w"], by_kind["number"]["h"]), (2, 2))
        self.assertEqual((by_kind["hologram"]["x"], by_kind["hologram"]["w"]), (0, 12))
        self.assertEqual(len({each["id"] for each in found["tiles"]}), 3)
        self.check("board/model", "isKnown", ((found,), False), (({"tiles": [by_kind["plot"]]},), True))

    def guesses(self) -> None:
        """A number becomes a plot, many of them small ones; a device, a room and a state become what they are."""
        for subject, is_numeric, kind in (
            ("session.main.cryo.t1", True, "plot"),
            ("session.main.cryo.*", True, "many"),
            ("session.main.cryo", False, "state"),
            ("relay.main.presence.greenhouse", False, "device"),
            ("room.main.3.said", False, "room"),
            ("alert.hot.state", False, "state"),
            ("feed.main.report", False, "events"),
            ("relay.>", False, "events"),
        ):
            found = self.run_in("board/model", "({ guessed }, ...given) => guessed(...given)", subject, is_numeric)
            self.assertEqual(found["kind"], kind, subject)

    def groups(self) -> None:
        """A channel that is recorded and heard, or with two units, is one of its group."""
        names = ["session.main.a.x", "session.main.a.y", "session.main.a.x"]
        script = """({ groups }, names) =>
          groups(names.map((name) => ({ name, tile: { kind: "plot" } }))).map(({ name, hint }) => [name, hint])"""
        found = self.run_in("board/found", script, names)
        self.assertEqual(found, [["session.main.a.*", "2 channels"], ["session.main.*.*", "2 channels"]])

    def exact(self) -> None:
        """What is called just as it was written comes first: Enter takes it."""
        script = """({ ranked }, names) =>
          ranked(names.map((name) => ({ name, words: name })), " relay.Send").map(({ name }) => name)"""
        found = self.run_in("board/found", script, ["audit.main.relay.send", "relay.send", "room.said"])
        self.assertEqual(found, ["relay.send", "audit.main.relay.send"])

    def names(self) -> None:
        """A board's name is made of its title, is a token of a subject, and is nobody else's."""
        self.check(
            "board/model",
            "nameFor",
            (("Cryostat", []), "cryostat"),
            (("Kühlwasser & Öl", []), "kuhlwasser-ol"),
            (("Cryostat", ["cryostat"]), "cryostat-2"),
            (("冷却", []), "board"),
            (("x" * 200, []), "x" * 55),
        )

    def undo(self) -> None:
        """Fifty steps can be taken back, and no more."""
        script = """({ steps }) => {
          const all = steps({ title: "0", tiles: [] });
          for (let step = 1; step <= 60; step += 1) all.take({ title: String(step), tiles: [] });
          const found = [all.now.title, all.length];
          for (let step = 0; step < 70; step += 1) all.back();
          return [...found, all.now.title, all.length];
        }"""
        self.assertEqual(self.run_in("board/model", script), ["60", 50, "10", 0])

    def legible(self) -> None:
        """A number that would be too small on a wall is known as such: by its height, its width, and the rows of the board."""
        small, large, narrow = (tile("a", 0, 0, *size) for size in ((3, 2), (3, 4), (1, 6)))
        tall = tile("b", 0, 0, 12, 20)
        self.check(
            "board/model",
            "isLegible",
            ((small, [small]), True),
            ((small, [small, tall]), False),
            ((large, [large, tall]), True),
            ((narrow, [narrow]), False),
        )

    def judgements(self) -> None:
        """The gravest limit that is passed is told by colour and word; a value moves by its part of the window's range."""
        limits = [{"over": 4.2, "state": "waiting"}, {"over": 5, "state": "trouble", "word": "too warm"}, {"under": 1}]
        self.check(
            "board/judge",
            "judged",
            ((4.2, limits), None),
            ((4.3, limits), {"state": "waiting", "word": "over 4.2"}),
            ((6, limits), {"state": "trouble", "word": "too warm"}),
            ((0, limits), {"state": "trouble", "word": "under 1"}),
            ((None, limits), None),
        )
        self.check(
            "board/judge",
            "trend",
            ((1, 1, 10), {"arrow": "→", "word": "steady"}),
            ((1, 2, 10), {"arrow": "↗", "word": "rising"}),
            ((1, 9, 10), {"arrow": "↑", "word": "rising fast"}),
            ((9, 8, 10), {"arrow": "↘", "word": "falling"}),
            ((9, 1, 10), {"arrow": "↓", "word": "falling fast"}),
            ((None, 1, 10), None),
        )
        self.check("board/judge", "isOld", ((100, 0.2, 102.5), False), ((100, 0.2, 104), True), ((100, 10, 125), False))
        self.check(
            "board/judge",
            "stateIn",
            (({"state": "streaming"},), {"word": "streaming", "state": "ok"}),
            (({"online": False},), {"word": "away", "state": "gone"}),
            (("firing",), {"word": "firing", "state": "trouble"}),
            (({"state": "humming"},), {"word": "humming", "state": "plain"}),
            (({"x": 1},), None),
        )
        self.check(
            "board/judge",
            "lineOf",
            (("relay.main.said.a", {"device": "a", "text": "hot", "base64": None}), "hot"),
            (("custom.t", 21.5), "21.5"),
            (("session.main.a", {"agent": "a", "state": "resting", "time": 5, "attempt": 2}), "state resting, attempt 2"),
        )

    def calls(self) -> None:
        """A run is a button's if it had all of its arguments; netd cuts long texts, and keeps secrets to itself."""
        text = "x" * 300
        self.check(
            "board/judge",
            "isSameCall",
            (({"target": "a", "text": "on"}, {"target": "a", "text": "on", "wait": True}), True),
            (({"target": "a", "text": "on"}, {"target": "b", "text": "on"}), False),
            (({"command_id": "add", "arguments": {"a": 1}}, {"command_id": "add", "arguments": {"b": 2, "a": 1}}), True),
            (({"command_id": "add", "arguments": {"a": 1}}, {"command_id": "add", "arguments": {}}), False),
            (({"text": text, "token": "abc"}, {"text": text[:200], "token": "\u2026"}), True),
            (({"list": [1, 2]}, {"list": [1, 3]}), False),
            (({"a": 1}, None), False),
        )

    def limits(self) -> None:
        """Limits are written as lines, and read again as they were."""
        self.check(
            "board/settings",
            "limitsIn",
            (
                ("over 4.2 trouble too warm\n\nunder -1e3",),
                [
                    {"over": 4.2, "state": "trouble", "word": "too warm"},
                    {"under": -1000, "state": "trouble"},
                ],
            ),
        )
        script = "({ limitsIn, limitLines }, text) => limitLines(limitsIn(text))"
        self.assertEqual(
            self.run_in("board/settings", script, "over 4.2\nunder 1 waiting low"), "over 4.2 trouble\nunder 1 waiting low"
        )
        wrong = "({ limitsIn }) => { try { limitsIn('warm'); } catch (error) { return error.message; } }"
        self.assertIn("over 4.2 trouble", self.run_in("board/settings", wrong))

    def turns(self) -> None:
        """A wall shows its own board, and then those that the address names."""
        self.check(
            "board/wall",
            "turnsOf",
            (("a", {}), ["a"]),
            (("a", {"boards": "b, c,,a"}), ["a", "b", "c"]),
        )

    def broken(self) -> None:
        """A tile whose members are not what they should be says so, and the board goes on to the next one."""
        script = """async ({ tile }) => {
          const { signal } = await import("/static/app/signal.js");
          const one = { id: "t1", kind: "command", x: 0, y: 0, w: 3, h: 3, operation: "room.say", arguments: null };
          return tile(signal(one), { view: null, tiles: () => 1, isWall: false }, () => null).textContent;
        }"""
        self.assertIn("This tile cannot be shown: ", self.run_in("board/tiles/frame", script))
        limits = "({ fit }, limits) => fit({ tiles: [{ kind: 'plot', limits }] }).tiles[0].limits"
        for stored, expected in (([None, {"over": 1}, "x"], [{"over": 1}]), ("x", []), ({"over": 1}, [])):
            self.assertEqual(self.run_in("board/model", limits, stored), expected)

    def other_nodes(self) -> None:
        """A board of node north shows, on node south, what it shows on north; written back, it is the same."""
        tiles: list[dict[str, Any]] = [
            {"kind": "plot", "subjects": ["session.main.oven.*", "session.*.*.temp", "custom.a.b", "session.main@south.x", ">"]},
            {"kind": "device", "device": "pump"},
            {"kind": "command", "operation": "relay.send", "instance": "lab"},
            {"kind": "state", "service": "relay"},
            {"kind": "state", "service": "relay:lab@south"},
            {"kind": "note", "text": "hello"},
        ]
        board = {"title": "Cryo", "tiles": tiles}
        script = "({ movedBoard }, board, from, to) => movedBoard(board, from, to)"
        shown = self.run_in("board/far", script, board, "north", "south")
        self.assertEqual(
            [
                ["session.main@north.oven.*", "session.*.*.temp", "custom.a.b", "session.main.x", ">"],
                "main@north",
                "lab@north",
                "relay:main@north",
                "relay:lab",
                "hello",
            ],
            [one.get("subjects") or one.get("instance") or one.get("service") or one["text"] for one in shown["tiles"]],
        )
        back = self.run_in("board/far", script, shown, "south", "north")
        self.assertEqual({**board, "tiles": [*tiles[:1], {**tiles[1], "instance": "main"}, *tiles[2:]]}, back)
        self.check("board/far", "splitName", (("cryo@north",), ["cryo", "north"]), (("cryo",), ["cryo"]))

    def test_tables(self) -> None:
        """Boards are laid out, changed and judged as people expect."""
        self.grid()
        self.other_nodes()
        self.no_overlap()
        self.broken()
        self.order()
        self.free()
        self.stored()
        self.guesses()
        self.groups()
        self.exact()
        self.names()
        self.undo()
        self.legible()
        self.judgements()
        self.calls()
        self.limits()
        self.turns()
