"""Boards in a real Chromium: composed by keys alone, shared, written by two at a time, and shown on a wall."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from netd.client.relay import Device
from netd.operations import Role
from tests.browser.access import obstacles
from tests.browser.chromium import NARROW, SCREENSHOTS, WIDE, BrowserTestCase, by_id

if TYPE_CHECKING:
    from playwright.sync_api import Page

    from tests.browser.chromium import Scheme
    from tests.process import Daemon

WALL = (2560, 1440)
HUGE = (720, 450)
"""A desk at 200 %."""

CHANNEL = "session.main.127-0-0-1.x"

UPDATED = """async () => {
  const { status } = await import("/static/app/connection.js");
  setInterval(() => (status.value = { ...status.value, version: "another" }), 20);
}"""
"""Have the page believe that netd is of another version; the true one is told again and again."""

SEND = {"target": "greenhouse", "text": "light on"}

TILES: list[dict[str, Any]] = [
    {
        "id": "a",
        "kind": "number",
        "x": 0,
        "y": 0,
        "w": 3,
        "h": 4,
        "subjects": [CHANNEL],
        "limits": [{"over": -1, "word": "too much"}],
    },
    {"id": "b", "kind": "plot", "x": 3, "y": 0, "w": 6, "h": 6, "subjects": [CHANNEL]},
    {"id": "c", "kind": "many", "x": 0, "y": 4, "w": 3, "h": 6, "subjects": ["session.main.*.*"]},
    {"id": "d", "kind": "device", "x": 9, "y": 0, "w": 3, "h": 5, "device": "greenhouse"},
    {
        "id": "e",
        "kind": "command",
        "x": 9,
        "y": 5,
        "w": 3,
        "h": 4,
        "operation": "relay.send",
        "arguments": SEND,
        "question": "Really?",
    },
    {"id": "f", "kind": "room", "x": 3, "y": 6, "w": 3, "h": 4, "subjects": ["room.main.>"]},
    {"id": "g", "kind": "events", "x": 6, "y": 6, "w": 3, "h": 4, "subjects": ["relay.>"]},
    {"id": "h", "kind": "note", "x": 0, "y": 10, "w": 4, "h": 2, "text": "Mind `valve 3`.\nSee [[other]]"},
    {"id": "i", "kind": "state", "x": 4, "y": 10, "w": 2, "h": 2, "service": "relay"},
    {"id": "j", "kind": "state", "x": 6, "y": 10, "w": 2, "h": 2, "subjects": ["session.main.127-0-0-1"]},
    {"id": "k", "kind": "hologram", "x": 8, "y": 10, "w": 4, "h": 2, "subjects": ["relay.>"], "depth": 3},
]
"""A tile of each kind, and one of a kind that no page knows."""


class BoardTestCase(BrowserTestCase):
    def write_board(self, daemon: Daemon, name: str, tiles: list[dict[str, Any]], version: int = 0, **more: Any) -> None:
        """Write a board over the control socket."""
        board = {"title": name.title(), "window": 60, "tiles": tiles, **more}
        daemon.call("board.write", name=name, version=version, board=board)

    def read_board(self, daemon: Daemon, name: str) -> dict[str, Any]:
        """The newest version of a board, with its version."""
        found: dict[str, Any] = daemon.call("board.read", name=name)
        return found

    def start_streaming(self, daemon: Daemon) -> None:
        """A session whose channels have values."""
        self.start_agent(rate=30)
        daemon.call("session.start", host="127.0.0.1")

    def tab_to(self, page: Page, testid: str) -> None:
        """Press Tab until this has the focus."""
        for _ in range(80):
            if page.evaluate("document.activeElement?.dataset.testid") == testid:
                return
            page.keyboard.press("Tab")
        self.fail(f"Tab never comes to {testid}")

    def focused(self, page: Page, testid: str) -> None:
        """Return when this has got the focus by itself."""
        self.until(page, lambda: page.evaluate("document.activeElement?.dataset.testid") == testid, f"{testid} has the focus")


class ComposingTests(BoardTestCase):
    def compose(self, daemon: Daemon, page: Page) -> None:
        """A board is made, filled, arranged, taken back and saved by keys alone; whoever looks at it sees what is saved."""
        self.tab_to(page, "new-title")
        page.keyboard.type("Cold lab")
        page.keyboard.press("Enter")
        by_id(page, "empty-board").wait_for()
        other = self.look_at("board/cold-lab")
        page.locator("body").press("e")
        self.focused(page, "add-tile")
        for written in ("note", CHANNEL, "greenhouse"):
            page.keyboard.press("a")
            by_id(page, "add-search").wait_for()
            page.keyboard.type(written)
            by_id(page, "found-row").filter(has_text=written if written != "note" else "Note").first.wait_for()
            page.keyboard.press("Enter")
            by_id(page, "add-dialog").wait_for(state="detached")
        self.until(page, lambda: by_id(page, "tile").count() == 3, "each is there")
        kinds = [tile.get_attribute("data-kind") for tile in by_id(page, "tile").all()]
        self.assertEqual(kinds, ["note", "plot", "device"])
        self.tab_to(page, "tile-move")
        page.keyboard.press("ArrowDown")
        by_id(page, "board-said").get_by_text("row ").wait_for()
        self.tab_to(page, "tile-size")
        page.keyboard.press("ArrowRight")
        by_id(page, "board-said").get_by_text("5 wide").wait_for()
        page.keyboard.press("Escape")
        by_id(page, "board-said").get_by_text("4 wide").wait_for()
        page.keyboard.press("ArrowRight")
        by_id(page, "board-said").get_by_text("5 wide").wait_for()
        self.tab_to(page, "tile-remove")
        page.keyboard.press("Delete")
        self.until(page, lambda: by_id(page, "tile").count() == 2, "a tile is removed")
        page.keyboard.press("Control+z")
        self.until(page, lambda: by_id(page, "tile").count() == 3, "it is back")
        self.assertEqual(by_id(other, "tile").count(), 0, "what is not saved is nobody else's")
        page.locator("body").press("Tab")
        self.tab_to(page, "save-board")
        page.keyboard.press("Enter")
        self.focused(page, "edit-board")
        self.until(other, lambda: by_id(other, "tile").count() == 3, "others see it")
        stored = self.read_board(daemon, "cold-lab")
        self.assertEqual((stored["version"], stored["board"]["title"]), (2, "Cold lab"))
        self.assertEqual([tile["w"] for tile in stored["board"]["tiles"] if tile["kind"] == "note"], [5])
        self.tab_to(page, "versions")
        page.keyboard.press("Enter")
        by_id(page, "version-row", version=1).wait_for()
        self.tab_to(page, "restore")
        page.keyboard.press("Enter")
        by_id(page, "empty-board").wait_for()
        self.assertEqual(self.read_board(daemon, "cold-lab")["version"], 3)
        other.close()

    def two_writers(self, daemon: Daemon, page: Page) -> None:
        """Of two who edit a board, the second is told, and chooses: nobody's work is lost."""
        note = {"kind": "note", "x": 0, "y": 0, "w": 4, "h": 2}
        self.write_board(daemon, "shared", [{**note, "id": "first", "text": "first"}])
        page.goto(f"http://127.0.0.1:{self.gateway_port}/#/board/shared")
        for choice, version in (("copy", 1), ("overwrite", 2), ("theirs", 5)):
            by_id(page, "board", version=version).wait_for()
            page.locator("body").press("e")
            by_id(page, "tile-remove").first.click()
            self.until(page, lambda: by_id(page, "tile").count() == 0, "it is removed")
            self.write_board(daemon, "shared", [{**note, "id": "theirs", "text": f"theirs, {choice}"}], version)
            by_id(page, "passed").get_by_text("has written version").wait_for()
            self.assertEqual(by_id(page, "tile").count(), 0, "an edited board is not exchanged")
            by_id(page, "save-board").click()
            by_id(page, f"conflict-{choice}").click()
            by_id(page, "conflict-dialog").wait_for(state="detached")
            stored = self.read_board(daemon, "shared")
            if choice == "copy":
                by_id(page, "board", board="shared-copy").wait_for()
                self.assertEqual(stored["board"]["tiles"][0]["text"], "theirs, copy")
                self.assertEqual(self.read_board(daemon, "shared-copy")["board"]["tiles"], [])
                page.goto(f"http://127.0.0.1:{self.gateway_port}/#/board/shared")
            elif choice == "overwrite":
                self.assertEqual((stored["version"], stored["board"]["tiles"]), (4, []))
                self.write_board(daemon, "shared", [{**note, "id": "last", "text": "last"}], 4)
                by_id(page, "board", version=5).wait_for()
            else:
                by_id(page, "note").get_by_text("theirs, theirs").wait_for()

    def pins(self, daemon: Daemon, page: Page) -> None:
        """A device is put on a board from its own page, and on a new one."""
        page.goto(f"http://127.0.0.1:{self.gateway_port}/#/devices")
        by_id(page, "choose-device").first.click()
        by_id(page, "pin").click()
        by_id(page, "pin-to", name="cold-lab").click()
        by_id(page, "pin-outcome", state="ok").wait_for()
        (tile,) = self.read_board(daemon, "cold-lab")["board"]["tiles"]
        self.assertEqual((tile["kind"], tile["device"], tile["x"], tile["y"]), ("device", "greenhouse", 0, 0))
        by_id(page, "pin-dialog-close").click()
        by_id(page, "pin").click()
        by_id(page, "pin-new").click()
        by_id(page, "pin-outcome", state="ok").get_by_role("link").click()
        by_id(page, "tile-presence").get_by_text("online").wait_for()

    def looks(self, daemon: Daemon) -> None:
        """A tile of each kind is there, on a desk, on a phone and at 200 %, to be read and used by all; its picture is kept."""
        self.write_board(daemon, "cryostat", TILES, caption="kept")
        SCREENSHOTS.mkdir(parents=True, exist_ok=True)
        sizes: tuple[tuple[tuple[int, int], Scheme, str], ...] = (
            (WIDE, "light", "light"),
            (WIDE, "dark", "dark"),
            (NARROW, "light", "narrow"),
            (HUGE, "light", "huge"),
        )
        page = self.look_at("board/cryostat")
        for size, scheme, label in sizes:
            page.set_viewport_size({"width": size[0], "height": size[1]})
            page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
            by_id(page, "limit").get_by_text("too much").wait_for()
            by_id(page, "tile", tile="b").locator("canvas").wait_for(state="attached")
            self.assertEqual(page.evaluate("document.documentElement.scrollWidth > innerWidth"), False, label)
            self.assertEqual(obstacles(page), [], label)
            page.screenshot(path=SCREENSHOTS / f"board-{label}.png", full_page=True)
        page.set_viewport_size({"width": WIDE[0], "height": WIDE[1]})
        by_id(page, "older").get_by_text("older than the board").wait_for()
        by_id(page, "tile-presence").get_by_text("online").wait_for()
        self.assertGreaterEqual(by_id(page, "multiple").count(), 3)
        send = by_id(page, "tile", tile="d")
        by_id(send, "tile-text").fill("warmer")
        by_id(send, "tile-send").click()
        by_id(send, "outcome", state="ok").wait_for()
        run = by_id(page, "tile", tile="e")
        by_id(run, "tile-run").click()
        by_id(run, "tile-run-confirm").click()
        by_id(run, "outcome", state="ok").wait_for()
        by_id(run, "last-run").get_by_text("run").wait_for()
        page.keyboard.press("e")
        by_id(page, "edit-bar").wait_for()
        self.assertEqual(obstacles(page), [], "edited")
        page.screenshot(path=SCREENSHOTS / "board-edited.png", full_page=True)
        by_id(page, "tile", tile="h").locator('[data-testid="tile-remove"]').click()
        by_id(page, "save-board").click()
        by_id(page, "edit-board").wait_for()
        stored = self.read_board(daemon, "cryostat")["board"]
        unknown = next(tile for tile in stored["tiles"] if tile["kind"] == "hologram")
        self.assertEqual((stored["caption"], unknown["depth"], len(stored["tiles"])), ("kept", 3, len(TILES) - 1))

    def test_boards(self) -> None:
        """Boards are composed, shared, restored and kept, whoever else writes them."""
        daemon = self.start_netd()
        self.start_streaming(daemon)
        device = Device("127.0.0.1", daemon.port("relay"), "greenhouse")
        self.play(device, lambda: device.run(lambda payload: payload))
        page = self.look_at("board")
        self.compose(daemon, page)
        self.two_writers(daemon, page)
        self.pins(daemon, page)
        self.looks(daemon)
        self.assertEqual(self.complaints, [])


class WallTests(BoardTestCase):
    def test_wall(self) -> None:
        """A wall signs in with its address, shows its boards in turn, tells when netd is away, and lives when it is back."""
        token = self.make_token("wall", Role.VIEWER)
        daemon = self.start_netd()
        self.start_streaming(daemon)
        self.write_board(daemon, "cryostat", TILES)
        self.write_board(daemon, "second", [{"id": "a", "kind": "note", "x": 0, "y": 0, "w": 4, "h": 2, "text": "second"}])
        page = self.new_page(WALL, "dark")
        page.goto(f"http://127.0.0.1:{self.gateway_port}/#/board/cryostat?wall&token={token}")
        by_id(page, "limit").get_by_text("too much").wait_for()
        self.assertTrue(page.url.endswith("#/board/cryostat?wall"), page.url)
        self.assertEqual(page.locator("nav:visible").count(), 0)
        digits = page.eval_on_selector(".digits", "(digits) => parseFloat(getComputedStyle(digits).fontSize)")
        self.assertGreaterEqual(digits, 40)
        fits = "document.documentElement.scrollHeight <= innerHeight && document.documentElement.scrollWidth <= innerWidth"
        self.assertTrue(page.evaluate(fits), "a wall never scrolls")
        self.assertEqual(obstacles(page), [])
        SCREENSHOTS.mkdir(parents=True, exist_ok=True)
        page.screenshot(path=SCREENSHOTS / "board-wall.png")
        daemon.end()
        by_id(page, "wall-state").get_by_text("netd away since").wait_for()
        by_id(page, "old").get_by_text("last value").wait_for()
        page.screenshot(path=SCREENSHOTS / "board-wall-away.png")
        daemon = self.start_netd()
        self.until(page, lambda: by_id(page, "wall").get_attribute("data-away") == "false", "netd is back")
        by_id(page, "tile", tile="j").get_by_text("Streaming").wait_for()
        with page.expect_event("load"):
            page.evaluate(UPDATED)
        by_id(page, "tile", tile="a").wait_for()
        page.goto(f"http://127.0.0.1:{self.gateway_port}/#/board/cryostat?wall&turn=5&boards=second")
        by_id(page, "wall-board", board="second").wait_for()
        by_id(page, "wall-board", board="cryostat").wait_for()
        self.assertEqual([one for one in self.complaints if "WebSocket" not in one], [])
