/** Lists of what has happened, the newest first. */

import { each, h } from "./dom.js";
import { count } from "./format.js";
import { icon } from "./icons.js";

/** @template T @typedef {import("./signal.js").Readable<T>} Readable */

/**
 * @template {{key: number}} T
 * @param {object} parts
 * @param {string} parts.label for those who do not see what is around it.
 * @param {() => T[]} parts.list what `recent` keeps, for one.
 * @param {(first: T, item: Readable<T>) => Element} parts.row gets an item as it is, and a signal of what it becomes.
 * @param {string} [parts.kind] classes.
 * @param {string|null} [parts.role] "log": what is new is read out.
 * @param {string|null} [parts.testid]
 */
export function log({ label, list, row, kind = "", role = null, testid = null }) {
  const keyOf = ({ key }) => key;
  return h("ol.log", { class: kind, tabindex: "0", role, "aria-label": label, testid }, each(list, keyOf, (item) => row(item.peek(), item)));
}

/** Says how many events never came here. @param {() => number} read */
export const lostHint = (read) =>
  h("p.hint", { hidden: () => read() === 0 }, () => `${count(read())} not shown: this browser read too slowly.`);

/** Says that what was before is forgotten, as soon as it is. @param {() => unknown[]} list @param {number} most */
export const keptHint = (list, most) => h("p.hint", { hidden: () => list().length < most }, `The newest ${most} are kept.`);

/** A button that lets what is shown stand still. @param {Readable<boolean>} isPaused @param {() => void} press */
export const pauseButton = (isPaused, press, kind, testid) =>
  h(
    "button",
    { type: "button", class: kind, testid, "aria-pressed": () => String(isPaused.value), onclick: press },
    h("span", { hidden: () => isPaused.value }, icon("pause")),
    h("span", { hidden: () => !isPaused.value }, icon("play")),
    () => (isPaused.value ? "Resume" : "Pause"),
  );
