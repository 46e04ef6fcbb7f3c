/** One board: looked at, edited, and kept up to date while others write it. */

import { restrained, restraint, segments } from "../action.js";
import { isLive } from "../connection.js";
import { missing } from "../rights.js";
import { choice, h, when } from "../dom.js";
import { clock, visible } from "../format.js";
import { settled, told } from "../live.js";
import { badge } from "../panel.js";
import { View } from "../plots/view.js";
import { titled } from "../router.js";
import { computed, effect, onCleanup, signal } from "../signal.js";
import { addTile } from "./adding.js";
import { resolveConflict } from "./conflict.js";
import { Draft, draftOf } from "./editing.js";
import { gridView } from "./grid_view.js";
import { isKnown, MOST_TILES, WINDOW, withTile, withTiles } from "./model.js";
import { starting } from "./starting.js";
import { mayNotWrite, readBoard, subjectOf } from "./store.js";
import { describeChannels } from "./values.js";
import { showVersions } from "./versions.js";

/** @type {[number, string][]} */
const WINDOWS = [
  [60, "1 min"],
  [600, "10 min"],
  [3600, "1 h"],
  [28800, "8 h"],
];

/** @typedef {import("./store.js").Stored} Stored */

/**
 * The newest stored board of a name, read again when somebody writes it.
 * @param {string} name
 */
export function followedBoard(name) {
  const stored = signal(/** @type {Stored|null} */ (null));
  const error = signal("");
  const read = async () => {
    try {
      stored.value = await readBoard(name);
      error.value = "";
    } catch (failed) {
      if (failed.code !== "disconnected") error.value = failed.message;
    }
  };
  const refresh = settled(read, 150);
  told(() => subjectOf(name), {}, refresh);
  effect(() => void (isLive.value && refresh()));
  return { stored, error, refresh };
}

/** @param {string} name @param {() => string[]} names those of all boards. */
export function boardPage(name, names) {
  const { stored, error, refresh } = followedBoard(name);
  const draft = signal(draftOf(name));
  const said = signal("");
  const outcome = signal("");
  const read = computed(() => draft.value?.board.value ?? stored.value?.board ?? null);
  const view = new View(WINDOW);
  const around = { view, tiles: () => read.peek()?.tiles.length ?? 0, isWall: false };
  const seconds = computed(() => read.value?.window ?? WINDOW);
  effect(() => view.set(seconds.value, null));
  describeChannels();
  effect(() => void (titled.value = read.value?.title || name));
  onCleanup(() => (titled.value = null));
  const desk = { name, names, stored, draft, read, said, outcome, view, refresh };
  keys(desk);
  return h(
    "div.board",
    {
      testid: "board",
      "data-board": name,
      "data-version": () => String(stored.value?.version ?? 0),
      "data-editing": () => String(draft.value !== null),
    },
    h("p.offscreen", { role: "status", testid: "board-said" }, () => said.value),
    choice(
      () => draft.value,
      (editing) => (editing === null ? viewBar(desk) : editBar(desk, editing)),
    ),
    h("p.outcome", { role: "alert", "data-state": "trouble", testid: "board-error" }, () => outcome.value || error.value),
    h("p", { hidden: () => error.value === "" || read.value !== null }, h("a", { href: "#/board", testid: "all-boards" }, "All boards")),
    notices(desk),
    when(
      () => read.value !== null && read.value.tiles.length > 0,
      () =>
        gridView(
          () => /** @type {any} */ (read.value),
          around,
          () => draft.value,
          (text) => (said.value = text),
        ),
    ),
    when(
      () => read.value?.tiles.length === 0,
      () => starting((tiles) => fill(desk, tiles), mayNotWrite),
    ),
  );
}

/** What stands above the tiles while something is out of the ordinary. */
function notices({ stored, draft, read }) {
  const isOlder = () => read.value !== null && !isKnown(read.value);
  const isPassed = () => draft.value !== null && stored.value !== null && stored.value.version > draft.value.version;
  return h(
    "div.notices",
    {},
    h(
      "p",
      { hidden: () => !isOlder(), testid: "older" },
      badge("waiting", "This page is older than the board: tiles that it does not know are kept."),
    ),
    h(
      "p",
      { hidden: () => !isPassed(), testid: "passed", role: "status" },
      badge(
        "waiting",
        () =>
          `${visible(stored.value?.who || "Somebody")} has written version ${stored.value?.version} at ${clock(stored.value?.time ?? 0)}. You are asked when you save.`,
      ),
    ),
  );
}

function viewBar(desk) {
  const { name, stored, read, view } = desk;
  const reason = signal("");
  return h(
    "div.board-bar",
    { hidden: () => read.value === null },
    segments("Time", WINDOWS, view.length, "board-window"),
    h("button", { type: "button", testid: "live", hidden: () => view.isLive.value, onclick: () => view.live() }, "Live ▸"),
    h(
      "div.board-actions",
      {},
      h(
        "button.main",
        {
          type: "button",
          testid: "edit-board",
          ...restrained(mayNotWrite, reason),
          onclick: () => edit(desk),
          "aria-keyshortcuts": "e",
        },
        "Edit",
      ),
      h("a.button", { href: `#/board/${name}?wall`, testid: "wall-link" }, "Wall"),
      h(
        "button.quiet",
        {
          type: "button",
          testid: "versions",
          hidden: () => stored.value === null,
          onclick: () => showVersions(name, stored.value, desk.refresh),
        },
        "Versions",
      ),
    ),
    restraint({ why: mayNotWrite, lacks: () => missing("board.write", "main"), reason }),
  );
}

function editBar(desk, draft) {
  const { outcome } = desk;
  const board = draft.board;
  const title = h("input", {
    value: () => board.value.title,
    testid: "board-title",
    maxlength: "80",
    onchange: (event) => draft.take({ ...board.peek(), title: event.target.value.trim() }),
  });
  const change = (event) => draft.take({ ...board.peek(), window: Number(event.target.value) });
  const chosen = () => String(board.value.window ?? WINDOW);
  const options = WINDOWS.map(([seconds, word]) =>
    h("option", { value: String(seconds), selected: String(seconds) === chosen() }, word),
  );
  const window = h(
    "select",
    { testid: "board-seconds", "aria-label": "Time that plots show", onchange: change, value: chosen },
    options,
  );
  const isFull = () => board.value.tiles.length >= MOST_TILES;
  return h(
    "div.board-bar.editing",
    { testid: "edit-bar" },
    h("label.field", {}, h("span.field-label", {}, "Title"), title),
    h("label.field", {}, h("span.field-label", {}, "Time"), window),
    h(
      "div.board-actions",
      {},
      h(
        "button",
        {
          type: "button",
          testid: "add-tile",
          disabled: isFull,
          title: () => (isFull() ? `A board has at most ${MOST_TILES} tiles` : null),
          onclick: () => add(desk),
          "aria-keyshortcuts": "a",
        },
        "Add",
      ),
      h(
        "button",
        {
          type: "button",
          testid: "undo",
          disabled: () => draft.length.value === 0,
          onclick: () => draft.back(),
          "aria-keyshortcuts": "Control+Z",
        },
        "Undo",
      ),
      h(
        "button.main",
        { type: "button", testid: "save-board", disabled: () => !isLive.value, onclick: () => save(desk) },
        "Save",
      ),
      h("button.quiet", { type: "button", testid: "discard", onclick: () => discard(desk, draft) }, () =>
        draft.length.value ? "Discard changes" : "Leave",
      ),
    ),
    h(
      "p.hint",
      { hidden: () => outcome.value !== "" },
      "Move and Size take the pointer and the arrow keys; Delete removes, Ctrl+Z takes back, a adds.",
    ),
  );
}

/** Begin to edit. */
function edit({ name, stored, draft, outcome }) {
  if (stored.value === null || draft.value !== null || mayNotWrite()) return;
  outcome.value = "";
  draft.value = new Draft(name, stored.value.version, stored.value.board);
  focusSoon("add-tile");
}

/** Milliseconds between two looks for what is to have the focus, and how many: a board of many plots takes its time to be made. */
const LOOK = 60;
const LOOKS = 20;

/** Give what is about to appear the focus: what had it is gone. */
function focusSoon(testid, looks = LOOKS) {
  setTimeout(() => {
    const found = /** @type {HTMLElement|null} */ (document.querySelector(`[data-testid="${testid}"]`));
    if (found !== null) found.focus();
    else if (looks > 0) focusSoon(testid, looks - 1);
  }, LOOK);
}

function discard({ draft }, editing) {
  editing.end();
  draft.value = null;
  focusSoon("edit-board");
}

async function save(desk) {
  const { name, names, draft, outcome, said, refresh, stored } = desk;
  const editing = draft.peek();
  if (editing === null) return;
  const done = async (shown) => {
    if (shown !== name) {
      location.hash = `#/board/${shown}`;
      return;
    }
    stored.value = await readBoard(name);
    draft.value = null;
    said.value = "Saved.";
    focusSoon("edit-board");
    refresh();
  };
  try {
    outcome.value = "";
    if (await editing.save()) await done(name);
    else resolveConflict(editing, names(), (shown) => void ((draft.value = null), done(shown)));
  } catch (error) {
    outcome.value = `Not saved: ${error.message}`;
  }
}

function add({ draft, said }) {
  addTile((tile) => {
    const editing = draft.peek();
    if (editing === null) return;
    editing.take(withTile(editing.board.peek(), tile));
    said.value = "Added at the end.";
    setTimeout(() => document.querySelector(".board-grid > :last-of-type")?.scrollIntoView({ block: "nearest" }), 80);
  });
}

/** Make an empty board of *tiles*, to be changed before it is saved. */
function fill(desk, tiles) {
  edit(desk);
  const editing = desk.draft.peek();
  if (editing === null) return;
  editing.take(withTiles(editing.board.peek(), tiles));
  focusSoon("add-tile");
}

/** Keys of the page, but not while something is written or a dialog is open. */
function keys(desk) {
  const listen = (event) => {
    const at = /** @type {Element} */ (event.target);
    if (event.defaultPrevented || document.querySelector("dialog[open]") || at.closest("input, select, textarea")) return;
    const isPlain = !event.ctrlKey && !event.metaKey && !event.altKey;
    const editing = desk.draft.peek();
    const act =
      editing === null
        ? isPlain && event.key === "e" && (() => edit(desk))
        : isPlain && event.key === "a"
          ? () => add(desk)
          : (event.ctrlKey || event.metaKey) && event.key.toLowerCase() === "z" && (() => editing.back());
    if (!act) return;
    event.preventDefault();
    act();
  };
  document.addEventListener("keydown", listen);
  onCleanup(() => document.removeEventListener("keydown", listen));
}
