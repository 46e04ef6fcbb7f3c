/** The tiles of a board on the page: placed, and while it is edited, moved, resized, changed and removed. */

import { each, h, when } from "../dom.js";
import { excerpt } from "../format.js";
import { icon } from "../icons.js";
import { effect, signal } from "../signal.js";
import { exchanged, ordered, rowsOf } from "./grid.js";
import { hand } from "./hand.js";
import { isLegible, KINDS, withChanges, withoutTile } from "./model.js";
import { editTile } from "./settings.js";
import { tile } from "./tiles/frame.js";

/** @typedef {import("./model.js").Tile} Tile */
/** @typedef {import("./model.js").Board} Board */

/**
 * @param {() => Board} read the board as it is shown.
 * @param {import("./tiles/frame.js").Surroundings} around
 * @param {() => import("./editing.js").Draft|null} draft null while it is not edited.
 * @param {(text: string) => void} say
 */
export function gridView(read, around, draft, say) {
  /** Tiles that are in a hand. @type {import("../signal.js").Writable<Tile[]|null>} */
  const held = signal(null);
  const inHand = signal("");
  const tiles = () => held.value ?? read().tiles;
  const grid = h("div.board-grid", { testid: "board-grid", "data-editing": () => String(draft() !== null) });
  const desk = {
    grid: () => grid,
    read: () => read().tiles,
    show: (shown, moved) => {
      held.value = moved === null ? null : shown;
      inHand.value = moved?.id ?? "";
    },
    keep: (kept) => draft()?.take({ ...read(), tiles: kept }),
    say,
  };
  const one = (item) => {
    const { id } = item.peek();
    const tools = (element) => {
      effect(() => place(element, item.value));
      effect(() => void (element.dataset.held = String(inHand.value === id)));
      return when(
        () => draft() !== null,
        () => toolsOf(item, desk, () => /** @type {import("./editing.js").Draft} */ (draft()), tiles, element),
      );
    };
    return tile(item, around, tools);
  };
  effect(() => grid.style.setProperty("--rows", String(Math.max(1, rowsOf(tiles())))));
  // While it is edited, the order stays: an element that is moved in the document loses focus and pointer.
  grid.append(
    each(
      () => (draft() === null ? ordered(tiles()) : tiles()),
      ({ id }) => id,
      one,
    ),
  );
  return grid;
}

/** Put *element* where *tile* lies; the style sheet makes one column of all on a phone. */
function place(element, { x, y, w, h: height }) {
  for (const [name, value] of Object.entries({ x: x + 1, y: y + 1, w, h: height }))
    element.style.setProperty(`--${name}`, String(value));
}

function toolsOf(item, desk, draft, tiles, element) {
  const { id } = item.peek();
  const name = () =>
    excerpt(item.value.title || element.querySelector("h2")?.textContent || KINDS[item.value.kind]?.word || item.value.kind, 40);
  const tool = (label, testid, act, drawing) =>
    h(
      "button.quiet.icon-only.tool",
      { type: "button", testid, "aria-label": () => `${label} ${name()}`, title: label, onclick: act },
      drawing,
    );
  const nothing = () => {};
  const move = tool("Move", "tile-move", nothing, icon("move"));
  const size = tool("Size", "tile-size", nothing, icon("size"));
  hand(desk, move, id, false);
  hand(desk, size, id, true);
  const remove = () => {
    const next = neighbour(element);
    desk.say(`${name()} is removed. Ctrl+Z brings it back.`);
    draft().take(withoutTile(draft().board.peek(), id));
    setTimeout(() => /** @type {HTMLElement|null} */ (next)?.focus(), 0);
  };
  const swap = (by) => () => {
    draft().take({ ...draft().board.peek(), tiles: exchanged(draft().board.peek().tiles, id, by) });
    const place = ordered(draft().board.peek().tiles).findIndex((one) => one.id === id) + 1;
    desk.say(`${name()} is number ${place} of ${draft().board.peek().tiles.length}.`);
  };
  const change = () => editTile(item.peek(), (changes) => draft().take(withChanges(draft().board.peek(), id, changes)));
  const isSmall = () => item.value.kind === "number" && !isLegible(item.value, tiles());
  const keys = (event) => {
    if (event.key !== "Delete") return;
    event.preventDefault();
    remove();
  };
  return h(
    "div.tile-tools",
    { role: "group", "aria-label": () => `Tools of ${name()}`, onkeydown: keys },
    h("span.tool-pair.wide-only", {}, move, size),
    h(
      "span.tool-pair.narrow-only",
      {},
      tool("Up", "tile-up", swap(-1), icon("up")),
      tool("Down", "tile-down", swap(1), icon("down")),
    ),
    tool("Edit", "tile-edit", change, icon("edit")),
    tool("Remove", "tile-remove", remove, icon("remove")),
    h("p.legible", { testid: "too-small", hidden: () => !isSmall() }, "Too small for a wall"),
  );
}

/** The first tool of the tile beside *element*, which gets the focus when that is removed. */
const neighbour = (element) =>
  (element.nextElementSibling ?? element.previousElementSibling)?.querySelector(".tool") ??
  document.querySelector('[data-testid="add-tile"]');
