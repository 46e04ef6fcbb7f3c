/** Moving and resizing tiles: by pointer, by touch and by keys, each with a button for it. */

import { arranged, COLUMNS, fitted } from "./grid.js";
import { leastOf } from "./model.js";

/** @type {Record<string, [number, number]>} */
const STEPS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

/** @typedef {import("./model.js").Tile} Tile */

/**
 * What a handle needs of its board.
 * @typedef {object} Desk
 * @property {() => Element} grid
 * @property {() => Tile[]} read the tiles as they are shown.
 * @property {(tiles: Tile[], moved: Tile|null) => void} show them; *moved* is in a hand.
 * @property {(tiles: Tile[]) => void} keep a finished step.
 * @property {(text: string) => void} say it to those who do not see it.
 */

/** Where a tile lies, in words. @param {Tile} tile */
const placeText = ({ x, y, w, h }) => `Column ${x + 1}, row ${y + 1}, ${w} wide, ${h} high`;

/** *tile* moved, or resized, by so many cells. @param {Tile} tile @returns {Tile} */
function shifted(tile, isSize, dx, dy) {
  const [columns, rows] = leastOf(tile.kind);
  if (!isSize) return fitted({ ...tile, x: tile.x + dx, y: tile.y + dy }, [columns, rows]);
  const w = Math.min(tile.w + dx, COLUMNS - tile.x); // the tile grows to the edge, and is not pushed from it
  return fitted({ ...tile, w, h: tile.h + dy }, [Math.min(columns, tile.w), Math.min(rows, tile.h)]);
}

/** Let *handle* move the tile *id*, or resize it. @param {Desk} desk @param {HTMLElement} handle @param {string} id */
export function hand(desk, handle, id, isSize) {
  const find = (tiles) => tiles.find((tile) => tile.id === id);
  handle.addEventListener("pointerdown", (down) => {
    if (down.button === 0) drag(desk, handle, down, find, isSize);
  });
  let start = desk.read();
  handle.addEventListener("focus", () => (start = desk.read()));
  handle.addEventListener("keydown", (event) => {
    const step = STEPS[event.key];
    const isBack = event.key === "Escape" && find(start) !== undefined;
    if ((step === undefined && !isBack) || event.ctrlKey || event.altKey || event.metaKey) return;
    event.preventDefault();
    const before = desk.read();
    const tiles = isBack ? start : arranged(before, shifted(find(before), isSize, ...step));
    desk.keep(tiles);
    desk.say(placeText(find(tiles)));
  });
}

/** Follow the pointer from *down* until it is lifted; Escape takes the step back. */
function drag(desk, handle, down, find, isSize) {
  down.preventDefault();
  handle.focus();
  handle.setPointerCapture(down.pointerId);
  const before = desk.read();
  const start = find(before);
  const grid = desk.grid();
  const { rowGap, gridAutoRows } = getComputedStyle(grid);
  const gap = parseFloat(rowGap);
  const [width, height] = [(grid.clientWidth + gap) / COLUMNS, parseFloat(gridAutoRows) + gap];
  const began = scrollY;
  const fromTop = () => down.clientY + began - scrollY; // the page may have been scrolled since
  let moved = start;
  const move = ({ clientX, clientY }) => {
    const [dx, dy] = [Math.round((clientX - down.clientX) / width), Math.round((clientY - fromTop()) / height)];
    moved = shifted(start, isSize, dx, dy);
    desk.show(arranged(before, moved), moved);
  };
  const end = (isTaken) => {
    listening.abort();
    desk.show(before, null);
    if (!isTaken) return;
    const tiles = arranged(arranged(before, moved));
    if (moved !== start) desk.keep(tiles);
    desk.say(placeText(find(tiles)));
  };
  const listening = new AbortController();
  const { signal } = listening;
  handle.addEventListener("pointermove", move, { signal });
  handle.addEventListener("pointerup", () => end(true), { signal });
  handle.addEventListener("pointercancel", () => end(false), { signal });
  const escape = (event) => {
    if (event.key === "Escape") end(false);
  };
  handle.addEventListener("keydown", escape, { signal });
}
