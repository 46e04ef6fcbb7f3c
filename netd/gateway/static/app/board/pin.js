/** "Pin to board": a button beside what other pages show, which puts it on a board. */

import { operations } from "../connection.js";
import { each, h } from "../dom.js";
import { visible } from "../format.js";
import { icon } from "../icons.js";
import { signal } from "../signal.js";
import { openDialog } from "./dialogs.js";
import { MOST_TILES, nameFor, WINDOW, withTile } from "./model.js";
import { listBoards, mayNotWrite, readBoard, writeBoard } from "./store.js";

/** How often a board is read anew, where others write it at the same time: a tile is only added. */
const ATTEMPTS = 3;

/** @param {string} name @param {string} title of a board that is to be made. @param {any} tile */
async function put(name, title, tile) {
  for (let attempt = 1; ; attempt += 1) {
    const { version, board } = title ? { version: 0, board: { title, window: WINDOW, tiles: [] } } : await readBoard(name);
    if (board.tiles.length >= MOST_TILES) throw new Error(`This board has ${MOST_TILES} tiles, which is as many as fit.`);
    try {
      return await writeBoard(name, version, withTile(board, tile));
    } catch (error) {
      if (attempt === ATTEMPTS || title) throw error;
    }
  }
}

/**
 * @param {() => any} make the tile. @param {string} about what is pinned, for screen readers.
 * @returns {Element} hidden from those who may not write boards.
 */
export const pinButton = (make, about) =>
  h(
    "button.quiet.icon-only.pin",
    {
      type: "button",
      testid: "pin",
      title: "Pin to board",
      "aria-label": `Pin ${about} to a board`,
      hidden: () => !mayPin(),
      onclick: () => choose(make(), about),
    },
    icon("pin"),
  );

/** Whether the user may pin something. */
export const mayPin = () => operations.value.has("board.write") && mayNotWrite() === "";

/** Ask for the board to pin *tile* to. @param {any} tile @param {string} about */
export function choose(tile, about) {
  openDialog({ title: "Pin to board", testid: "pin-dialog" }, () => {
    const boards = signal(/** @type {import("./store.js").Listed[]} */ ([]));
    const outcome = signal({ state: "waiting", text: "", name: "" });
    const failed = (error) => (outcome.value = { state: "trouble", text: error.message, name: "" });
    listBoards().then((all) => (boards.value = all), failed);
    const pin = (name, title) => async () => {
      try {
        await put(name, title, tile);
        outcome.value = { state: "ok", text: "Pinned. ", name };
      } catch (error) {
        failed(error);
      }
    };
    const title = `Board of ${about}`;
    const made = () =>
      nameFor(
        title,
        boards.value.map(({ name }) => name),
      );
    const row = (one) =>
      h(
        "li",
        {},
        h(
          "button.choice",
          { type: "button", testid: "pin-to", "data-name": one.peek().name, onclick: pin(one.peek().name, "") },
          visible(one.peek().title),
        ),
      );
    return [
      h(
        "ul.found",
        {},
        each(
          () => boards.value,
          ({ name }) => name,
          row,
        ),
      ),
      h("button", { type: "button", testid: "pin-new", onclick: () => pin(made(), title)() }, "A new board"),
      h(
        "p.outcome",
        { role: "status", testid: "pin-outcome", "data-state": () => outcome.value.state },
        () => outcome.value.text,
        h("a", { hidden: () => outcome.value.name === "", href: () => `#/board/${outcome.value.name}` }, "Open the board"),
      ),
    ];
  });
}
