/** Boards and their tiles as data: made, changed, and taken back. Pure. */

import { arranged, fitted, freePlace, ordered, rowsOf } from "./grid.js";

/**
 * A tile. Each kind has members of its own beside these; members that this page does not know are kept.
 * @typedef {import("./grid.js").Placed & {kind: string, title?: string} & Record<string, any>} Tile
 */

/** A board. @typedef {{title: string, window?: number, tiles: Tile[]} & Record<string, any>} Board */

/**
 * What a kind of tile is called, and its smallest and its usual size in cells.
 * @type {Record<string, {word: string, least: [number, number], usual: [number, number]}>}
 */
export const KINDS = {
  plot: { word: "Plot", least: [3, 3], usual: [6, 5] },
  number: { word: "Number", least: [2, 2], usual: [3, 3] },
  many: { word: "Many", least: [4, 4], usual: [6, 6] },
  device: { word: "Device", least: [3, 3], usual: [3, 5] },
  command: { word: "Command", least: [2, 1], usual: [3, 3] },
  room: { word: "Room", least: [3, 4], usual: [4, 6] },
  events: { word: "Events", least: [3, 4], usual: [6, 5] },
  note: { word: "Note", least: [2, 1], usual: [4, 3] },
  state: { word: "State", least: [2, 1], usual: [3, 2] },
};

/** The name of a board is one token of a subject. */
export const NAME = /^[A-Za-z0-9_-]{1,63}$/;

/** Seconds that a board shows, unless it says otherwise. */
export const WINDOW = 600;
const MOST_STEPS = 50;
export const MOST_TILES = 60;

/** The least size of a tile; of an unknown kind, one cell. @param {string} kind @returns {[number, number]} */
export const leastOf = (kind) => (Object.hasOwn(KINDS, kind) ? KINDS[kind].least : [1, 1]);

/** A name for a board of this title that none of *taken* has. @param {string} title @param {string[]} taken */
export function nameFor(title, taken) {
  const plain = title.normalize("NFKD").replace(/\p{M}/gu, "").toLowerCase();
  const stem =
    plain
      .replace(/[^a-z0-9]+/g, "-")
      .replace(/^-|-$/g, "")
      .slice(0, 55) || "board";
  for (let number = 1; ; number += 1) {
    const name = number === 1 ? stem : `${stem}-${number}`;
    if (!taken.includes(name)) return name;
  }
}

/** *board* with a tile at the first free place; its id is new. @param {Board} board @param {any} tile @returns {Board} */
export function withTile(board, tile) {
  const [w, h] = [tile.w ?? KINDS[tile.kind].usual[0], tile.h ?? KINDS[tile.kind].usual[1]];
  const numbers = board.tiles.map(({ id }) => Number(/^t(\d+)$/.exec(id)?.[1] ?? 0));
  const id = `t${Math.max(0, ...numbers) + 1}`;
  return { ...board, tiles: [...board.tiles, { id, ...tile, ...freePlace(board.tiles, w, h), w, h }] };
}

/** *board* with *tiles* at free places, one after the other. @param {Board} board @param {any[]} tiles @returns {Board} */
export const withTiles = (board, tiles) => tiles.slice(0, MOST_TILES - board.tiles.length).reduce(withTile, board);

/** *board* without a tile; the others rise. @param {Board} board @param {string} id @returns {Board} */
export const withoutTile = (board, id) => ({ ...board, tiles: arranged(board.tiles.filter((tile) => tile.id !== id)) });

/** *board*, of which a tile has these *changes*; members that are undefined are removed. @param {Board} board @returns {Board} */
export function withChanges(board, id, changes) {
  const changed = (tile) =>
    Object.fromEntries(Object.entries({ ...tile, ...changes }).filter(([, value]) => value !== undefined));
  return { ...board, tiles: board.tiles.map((tile) => (tile.id === id ? /** @type {Tile} */ (changed(tile)) : tile)) };
}

/**
 * A board as netd stores it, made fit for the page: whatever wrote it, each tile has an id of its own and a place, and its limits
 * are a list of objects.
 * @param {any} stored @returns {Board}
 */
export function fit(stored) {
  const tiles = (Array.isArray(stored.tiles) ? stored.tiles : []).filter((tile) => typeof tile?.kind === "string");
  const seen = new Set();
  const named = tiles.map((tile, index) => {
    const id = typeof tile.id === "string" && !seen.has(tile.id) ? tile.id : `t${index + 1}-${tiles.length}`;
    seen.add(id);
    const [w, h] = KINDS[tile.kind]?.usual ?? [3, 3];
    const number = (value, otherwise) => (Number.isFinite(value) ? value : otherwise);
    const place = { x: number(tile.x, 0), y: number(tile.y, 0), w: number(tile.w, w), h: number(tile.h, h) };
    return fitted({ ...tile, id, ...place, ...limitsOf(tile) }, leastOf(tile.kind));
  });
  return { ...stored, title: String(stored.title ?? ""), tiles: ordered(arranged(named)) };
}

/** The limits of a tile, without what is none. @param {any} tile @returns {{limits?: any[]}} */
function limitsOf({ limits }) {
  if (limits === undefined) return {};
  return { limits: Array.isArray(limits) ? limits.filter((one) => one !== null && typeof one === "object") : [] };
}

/** Whether this page knows all kinds of the tiles. @param {Board} board */
export const isKnown = ({ tiles }) => tiles.every(({ kind }) => Object.hasOwn(KINDS, kind));

/**
 * A tile for a subject that was chosen: a number becomes a plot, anything else the kind that its subject suggests.
 * @param {string} subject @param {boolean} isNumeric
 */
export function guessed(subject, isNumeric) {
  const [kind, instance, what, name] = subject.split(".");
  const isPattern = /(^|\.)[*>](\.|$)/.test(subject);
  if (isNumeric) return isPattern ? { kind: "many", subjects: [subject] } : { kind: "plot", subjects: [subject] };
  if (isPattern) return { kind: "events", subjects: [subject] };
  if (kind === "relay" && name !== undefined) return deviceTile(name, instance);
  if (kind === "room") return { kind: "room", subjects: [`room.${instance}.>`] };
  if (kind === "alert" || (kind === "session" && name === undefined)) return { kind: "state", subjects: [subject] };
  return { kind: "events", subjects: [what === undefined ? `${subject}.>` : subject] };
}

/** @param {string} device @param {string} instance of its relay. */
export const deviceTile = (device, instance) => ({ kind: "device", device, instance });

/** @param {string} operation @param {Record<string, any>} args */
export const commandTile = (operation, args) => ({ kind: "command", operation, arguments: args });

/** The steps of an editing, which can be taken back. @param {Board} first */
export function steps(first) {
  /** @type {Board[]} */
  let before = [];
  let now = first;
  return {
    get now() {
      return now;
    },
    get length() {
      return before.length;
    },
    /** @param {Board} next */
    take(next) {
      if (next === now) return;
      before = [...before, now].slice(-MOST_STEPS);
      now = next;
    },
    back() {
      now = before.pop() ?? now;
    },
  };
}

/** On a screen of 1920 by 1080, pixels that digits need to be 25 mm high at 55 inches, and pixels around the grid and a tile's digits. */
const LEGIBLE = 40;
const SCREEN = [1920, 1080];
const AROUND = 64;
const GAP = 8;
const HEAD = 48;
/** The part of the tile's height that digits take on a wall, and how wide a digit is for its height. */
const PART = 0.45;
const SLENDER = 0.62;

/** Whether the digits of a number can be read from five metres, on a wall that shows the whole board. @param {Tile} tile */
export function isLegible({ w, h }, tiles, characters = 6) {
  const cell = (SCREEN[1] - AROUND) / Math.max(1, rowsOf(tiles));
  const height = (cell * h - GAP - HEAD) * PART;
  const width = (((SCREEN[0] - 2 * GAP) / 12) * w - GAP - 32) / characters / SLENDER;
  return Math.min(height, width) >= LEGIBLE;
}
