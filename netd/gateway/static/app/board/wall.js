/** A board on a wall: nothing but its tiles, large; others take their turn. It is looked at from afar, and never touched. */

import { isLive, lostAt, serverClock, status } from "../connection.js";
import { choice, h, when } from "../dom.js";
import { clockMinutes, visible } from "../format.js";
import { badge } from "../panel.js";
import { View } from "../plots/view.js";
import { computed, effect, onCleanup, signal } from "../signal.js";
import { gridView } from "./grid_view.js";
import { WINDOW } from "./model.js";
import { followedBoard } from "./page.js";
import { describeChannels } from "./values.js";

/** Seconds between two boards, at least. */
const LEAST_TURN = 5;
/** Milliseconds until the pointer is hidden. */
const IDLE = 3000;
/** Milliseconds between two shifts of two pixels, so that nothing burns into the screen; and the shifts. */
const SHIFT_EVERY = 600_000;
/** @type {[number, number][]} */
const SHIFTS = [
  [0, 0],
  [2, 0],
  [2, 2],
  [0, 2],
];

/** The boards that take turns. @param {string} first @param {Record<string, string>} query of the address. @returns {string[]} */
export const turnsOf = (first, { boards = "" }) =>
  [...new Set([first, ...boards.split(",").map((name) => name.trim())])].filter(Boolean);

/** @param {string} first the name of the board. @param {Record<string, string>} query */
export function wall(first, query) {
  const names = turnsOf(first, query);
  const seconds = Math.max(LEAST_TURN, Number(query.turn) || 0);
  const turn = signal(0);
  if (names.length > 1 && query.turn !== undefined) every(seconds * 1000, () => (turn.value += 1));
  document.documentElement.dataset.wall = "";
  onCleanup(() => delete document.documentElement.dataset.wall);
  stayAwake();
  reloadWithNetd();
  const element = h(
    "div.wall",
    { testid: "wall", "data-away": () => String(!isLive.value) },
    choice(
      () => names[turn.value % names.length],
      (name) => onWall(name, first),
    ),
  );
  hidePointer(element);
  shift(element);
  return element;
}

function every(milliseconds, act) {
  const timer = setInterval(act, milliseconds);
  onCleanup(() => clearInterval(timer));
}

function onWall(name, first) {
  const { stored, error } = followedBoard(name);
  /** @returns {import("./model.js").Board} */
  const read = () => stored.value?.board ?? { title: name, tiles: [] };
  const view = new View(WINDOW);
  effect(() => view.set(read().window ?? WINDOW, null));
  const around = { view, tiles: () => stored.peek()?.board.tiles.length ?? 0, isWall: true };
  describeChannels();
  return h(
    "div.wall-board",
    { testid: "wall-board", "data-board": name },
    h(
      "header.wall-strip",
      {},
      badge(
        () => (isLive.value ? "ok" : "trouble"),
        () => (isLive.value ? "" : `netd away since ${clockMinutes(lostAt.value)}`),
        { testid: "wall-state", role: "status" },
      ),
      h("h2", {}, () => visible(read().title || name)),
      h("p.wall-error", { hidden: () => stored.value !== null || error.value === "" }, () => error.value),
      h("div.wall-buttons", {}, fullScreen(), h("a.button", { href: `#/board/${first}`, testid: "leave-wall" }, "Leave")),
      h("time", { testid: "wall-clock" }, () => clockMinutes(serverClock.value)),
    ),
    when(
      () => stored.value !== null,
      () =>
        gridView(
          read,
          around,
          () => null,
          () => {},
        ),
    ),
  );
}

function fullScreen() {
  const isFull = signal(document.fullscreenElement !== null);
  const note = () => (isFull.value = document.fullscreenElement !== null);
  document.addEventListener("fullscreenchange", note);
  onCleanup(() => document.removeEventListener("fullscreenchange", note));
  const press = () =>
    document.fullscreenElement === null ? document.documentElement.requestFullscreen() : document.exitFullscreen();
  return h("button", { type: "button", testid: "full-screen", hidden: !document.fullscreenEnabled, onclick: press }, () =>
    isFull.value ? "Leave full screen" : "Full screen",
  );
}

/** The screen stays on where the browser allows it: over HTTPS, or on netd's own machine. */
function stayAwake() {
  let isOver = false;
  /** @type {any} */
  let lock = null;
  const ask = async () => {
    if (document.hidden || isOver || !("wakeLock" in navigator)) return;
    try {
      lock = await navigator.wakeLock.request("screen");
      if (isOver) lock.release();
    } catch {
      // the screen follows the settings of its machine then
    }
  };
  ask();
  document.addEventListener("visibilitychange", ask); // a hidden tab loses the lock
  onCleanup(() => {
    isOver = true;
    document.removeEventListener("visibilitychange", ask);
    lock?.release();
  });
}

/** An updated netd brings another page: nobody is there to load it. */
function reloadWithNetd() {
  const version = computed(() => status.value?.version ?? null);
  /** @type {string|null} */
  let first = null;
  effect(() => {
    if (version.value === null) return;
    first ??= version.value;
    if (version.value !== first) location.reload();
  });
}

/** The pointer, and the buttons, are hidden when the mouse has not been moved for a while. @param {HTMLElement} element */
function hidePointer(element) {
  let timer = 0;
  const hide = () => (element.dataset.idle = "true");
  const show = () => {
    element.dataset.idle = "false";
    clearTimeout(timer);
    timer = setTimeout(hide, IDLE);
  };
  show();
  const events = ["pointermove", "pointerdown", "keydown"];
  for (const name of events) document.addEventListener(name, show);
  onCleanup(() => {
    clearTimeout(timer);
    for (const name of events) document.removeEventListener(name, show);
  });
}

/** @param {HTMLElement} element */
function shift(element) {
  let turn = 0;
  every(SHIFT_EVERY, () => {
    turn = (turn + 1) % SHIFTS.length;
    element.style.setProperty("--shift-x", `${SHIFTS[turn][0]}px`);
    element.style.setProperty("--shift-y", `${SHIFTS[turn][1]}px`);
  });
}
