/** Boards that are being edited: drafts, which are kept while other pages are looked at, and written back. */

import { NO_SUCH_TARGET, NOT_PERMITTED } from "../../netd.js";
import { signal } from "../signal.js";
import { steps } from "./model.js";
import { readBoard, writeBoard } from "./store.js";

/** @typedef {import("./model.js").Board} Board */
/** @template T @typedef {import("../signal.js").Writable<T>} Writable */

/** @type {Map<string, Draft>} */
const drafts = new Map();

/** The draft of the board *name*; null where nobody edits it. @param {string} name */
export const draftOf = (name) => drafts.get(name) ?? null;

/** Ask before a tab with an unsaved draft is closed. */
addEventListener("beforeunload", (event) => {
  if ([...drafts.values()].some((draft) => draft.isChanged)) event.preventDefault();
});

/** One board while it is edited. */
export class Draft {
  #steps;

  /** @param {string} name @param {number} version that it is made of; 0 for a new board. @param {Board} board */
  constructor(name, version, board) {
    this.name = name;
    this.version = version;
    this.first = board;
    this.#steps = steps(board);
    /** The board as it is now. @type {Writable<Board>} */
    this.board = signal(board);
    /** How many steps can be taken back. */
    this.length = signal(0);
    /** What somebody else has written meanwhile, or null. @type {Writable<import("./store.js").Stored|null>} */
    this.theirs = signal(null);
    drafts.set(name, this);
  }

  get isChanged() {
    return this.board.peek() !== this.first;
  }

  /** @param {Board} board */
  take(board) {
    this.#steps.take(board);
    this.#show();
  }

  back() {
    this.#steps.back();
    this.#show();
  }

  #show() {
    this.board.value = this.#steps.now;
    this.length.value = this.#steps.length;
  }

  /** The draft is over: written, or thrown away. */
  end() {
    drafts.delete(this.name);
  }

  /**
   * Write it.
   * @returns {Promise<boolean>} false where somebody else has written or deleted the board meanwhile: `theirs` is that then.
   */
  async save(version = this.version) {
    try {
      await writeBoard(this.name, version, this.board.peek());
    } catch (error) {
      if (error.code === NOT_PERMITTED) throw error;
      const newest = await readBoard(this.name).catch(deletedOr);
      if (newest.version === version) throw error;
      this.theirs.value = newest;
      return false;
    }
    this.end();
    return true;
  }
}

/** A board that is deleted has the version 0; any other error is thrown. @returns {import("./store.js").Stored} */
function deletedOr(error) {
  if (error.code !== NO_SUCH_TARGET) throw error;
  return { name: "", version: 0, who: "", time: 0, board: { title: "", tiles: [] } };
}
