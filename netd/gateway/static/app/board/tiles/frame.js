/** A tile: its frame, its title, and what its kind shows. */

import { choice, h, when } from "../../dom.js";
import { excerpt } from "../../format.js";
import { computed, effect, signal } from "../../signal.js";
import { KINDS } from "../model.js";
import { command } from "./command.js";
import { device } from "./device.js";
import { events } from "./events.js";
import { many } from "./many.js";
import { note } from "./note.js";
import { number } from "./number.js";
import { plotTile } from "./plot.js";
import { room } from "./room.js";
import { state } from "./state.js";

/**
 * What a tile knows of its board.
 * @typedef {object} Surroundings
 * @property {import("../../plots/view.js").View} view the time that plots show.
 * @property {() => number} tiles how many tiles it has.
 * @property {boolean} isWall whether it is on a wall: large, and not to be touched.
 */

/** @typedef {import("../model.js").Tile} Tile */

/**
 * What a kind shows of a tile, and its title where the tile has none.
 * @typedef {{body: Element, title: () => string}} Content
 */

/** @type {Record<string, (tile: Tile, around: Surroundings) => Content>} */
const CONTENTS = { plot: plotTile, number, many, device, command, room, events, note, state };

/** The members of a tile that do not change what it shows. */
const OUTER = new Set(["x", "y", "w", "h", "title"]);

/** @param {Tile} tile */
const innerOf = (tile) => JSON.stringify(Object.fromEntries(Object.entries(tile).filter(([name]) => !OUTER.has(name))));

/**
 * @param {import("../../signal.js").Readable<Tile>} item
 * @param {Surroundings} around
 * @param {(element: HTMLElement) => any} tools what stands in the tile's corner while the board is edited.
 */
export function tile(item, around, tools) {
  const { id, kind } = item.peek();
  const inner = computed(() => innerOf(item.value));
  const name = signal("");
  /** @type {any} */
  const element = h("article.board-tile", {
    testid: "tile",
    "data-tile": id,
    "data-kind": kind,
    "aria-label": () => name.value || (KINDS[kind]?.word ?? excerpt(kind, 40)),
  });
  element.append(
    choice(
      () => inner.value,
      (text) => content(item, /** @type {Tile} */ ({ ...item.peek(), ...JSON.parse(text) }), around, name),
    ),
    tools(element) ?? "",
  );
  return element;
}

/** @param {import("../../signal.js").Writable<string>} name takes the title. */
function content(item, tile, around, name) {
  const make = Object.hasOwn(CONTENTS, tile.kind) ? CONTENTS[tile.kind] : unknown;
  const { body, title } = made(make, tile, around);
  effect(() => void (name.value = excerpt(item.value.title || title(), 80)));
  const head = () =>
    h(
      "header.tile-head",
      {},
      h("h2", {}, () => name.value),
    );
  return h(
    "div.tile-inner",
    {},
    when(() => name.value !== "", head),
    body,
  );
}

/** What *make* shows. A tile whose members cannot be shown says so, and hides none of the others. @returns {Content} */
function made(make, tile, around) {
  try {
    return make(tile, around);
  } catch (error) {
    const told = `This tile cannot be shown: ${excerpt(String(error), 200)}. Edit the board to change or remove it.`;
    return { title: () => KINDS[tile.kind].word, body: h("p.hint", { testid: "broken-tile" }, told) };
  }
}

/** A tile of a kind that only newer pages know. It is kept as it is. @param {Tile} tile @returns {Content} */
const unknown = ({ kind }) => ({
  title: () => excerpt(kind, 40),
  body: h(
    "p.hint",
    { testid: "unknown-tile" },
    "This page is older than the board: it does not know this kind of tile, and keeps it.",
  ),
});
