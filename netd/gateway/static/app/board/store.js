/** Boards, as netd keeps them: listed, read, written, and followed while others write them. */

import { netd } from "../connection.js";
import { polled, settled, told } from "../live.js";
import { forbidden } from "../rights.js";
import { computed, signal } from "../signal.js";
import { fit } from "./model.js";

/** Seconds between two lists; an event tells of a change sooner. */
const EVERY = 30;

/** netd keeps one set of boards: their operations take no instance. @type {any} */
const ALL = { name: signal("main"), params: (given = {}) => given };

/** @typedef {import("./model.js").Board} Board */

/** A board with its version. @typedef {{name: string, version: number, board: Board, who: string, time: number}} Stored */

/** A line of the list of boards. @typedef {{name: string, title: string, version: number, who: string, time: number, tiles: number}} Listed */

/** Why the user may not write boards; "" where they may. */
export const mayNotWrite = () => forbidden("board.write", "main");

/** The boards that the user may see, and their changes. */
export function boardList() {
  const list = polled("board.list", ALL, EVERY);
  told(() => "board.*.*", {}, settled(list.refresh, 150));
  const all = computed(() => /** @type {Listed[]} */ (list.answer.value ?? []));
  return { ...list, all };
}

/** @param {any} answer of `board.read` @returns {Stored} */
const taken = (answer) => ({ ...answer, board: fit(answer.board) });

/** @param {string} name @returns {Promise<Stored>} */
export const readBoard = async (name) => taken(await netd.call("board.read", { name }));

/** @returns {Promise<Listed[]>} */
export const listBoards = () => netd.call("board.list");

/** A kept version; one may be the deletion of the board. @typedef {{version: number, who: string, time: number, deleted: boolean}} Version */

/** The kept versions, newest first. @param {string} name @returns {Promise<Version[]>} */
export const versionsOf = (name) => netd.call("board.versions", { name });

/**
 * Write a board over the *version* that it was made of; 0 for a new board.
 * @param {string} name @param {number} version @param {Board} board @returns {Promise<number>} its new version.
 */
export const writeBoard = async (name, version, board) => (await netd.call("board.write", { name, version, board })).version;
