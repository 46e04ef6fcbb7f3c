/** Boards, as netd keeps them: listed, read, written, and followed while others write them. */

import { netd, operations, status } from "../connection.js";
import { polled, settled, told } from "../live.js";
import { nodeOf } from "../nodes.js";
import { forbidden } from "../rights.js";
import { computed, effect, signal } from "../signal.js";
import { movedBoard, splitName } from "./far.js";
import { fit } from "./model.js";

/** Seconds between two lists; an event tells of a change sooner. */
const EVERY = 30;

/** How many other nodes are asked for their boards. */
const MOST_NODES = 16;

/** Each node keeps one set of boards: their operations take no instance. @type {any} */
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
  const others = signal(/** @type {Listed[]} */ ([]));
  effect(() => {
    if (list.answer.value !== null) boardsOfOthers().then((found) => (others.value = found));
  });
  const all = computed(() => /** @type {Listed[]} */ ([...(list.answer.value ?? []), ...others.value]));
  return { ...list, all };
}

/** The boards that other nodes keep; one of node north is called "cryo@north" here. @returns {Promise<Listed[]>} */
async function boardsOfOthers() {
  const nodes = (operations.peek().get("board.list")?.instances ?? []).map(nodeOf).filter(Boolean).slice(0, MOST_NODES);
  const ask = (node) => netd.call("board.list", { instance: `@${node}` }).catch(() => []); // it is away: so are its boards
  const found = await Promise.all(nodes.map(ask));
  return found.flatMap((boards, index) => boards.map((one) => ({ ...one, name: `${one.name}@${nodes[index]}` })));
}

/** The arguments that mean a board, which may be one of another node. @param {string} name */
export function meaning(name) {
  const [own, node] = splitName(name);
  return node === undefined ? { name } : { name: own, instance: `@${node}` };
}

/** The subject of the changes of a board. @param {string} name */
export function subjectOf(name) {
  const [own, node] = splitName(name);
  return node === undefined ? `board.main.${own}` : `board.main@${node}.${own}`;
}

/** What this node is called. */
const here = () => status.peek()?.name ?? "";

/** @param {string} name @returns {Promise<Stored>} */
export async function readBoard(name) {
  const [, node] = splitName(name);
  const answer = await netd.call("board.read", meaning(name));
  const board = fit(answer.board);
  return { ...answer, name, board: node === undefined ? board : movedBoard(board, node, here()) };
}

/** @returns {Promise<Listed[]>} */
export const listBoards = () => netd.call("board.list");

/** A kept version; one may be the deletion of the board. @typedef {{version: number, who: string, time: number, deleted: boolean}} Version */

/** The kept versions, newest first. @param {string} name @returns {Promise<Version[]>} */
export const versionsOf = (name) => netd.call("board.versions", meaning(name));

/**
 * Write a board over the *version* that it was made of; 0 for a new board.
 * @param {string} name @param {number} version @param {Board} board @returns {Promise<number>} its new version.
 */
export async function writeBoard(name, version, board) {
  const [, node] = splitName(name);
  const written = node === undefined ? board : movedBoard(board, here(), node);
  return (await netd.call("board.write", { ...meaning(name), version, board: written })).version;
}
