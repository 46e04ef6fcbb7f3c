/** Lists of events, and the parts that stand around them. */

import { each, h } from "./dom.js";
import { count } from "./format.js";
import { icon } from "./icons.js";

/** @template T @typedef {import("./signal.js").Readable<T>} Readable */

/**
 * @template {{key: number}} T
 * @param {object} parts
 * @param {string} parts.label for screen readers.
 * @param {() => T[]} parts.list newest first; `recent` keeps such a list.
 * @param {(first: T, item: Readable<T>) => Element} parts.row takes the item as it is now, and a signal of its changes.
 * @param {string} [parts.kind] classes.
 * @param {string|null} [parts.role] "log" has screen readers read new items out.
 * @param {string|null} [parts.testid]
 */
export function log({ label, list, row, kind = "", role = null, testid = null }) {
  const keyOf = ({ key }) => key;
  return h(
    "ol.log",
    { class: kind, tabindex: "0", role, "aria-label": label, testid },
    each(list, keyOf, (item) => row(item.peek(), item)),
  );
}

/** Tells how many events were lost. @param {() => number} read */
export const lostHint = (read) =>
  h("p.hint", { hidden: () => read() === 0 }, () => `${count(read())} not shown: this browser read too slowly.`);

/** Tells that only the newest items are kept, once there are so many. @param {() => unknown[]} list @param {number} most */
export const keptHint = (list, most) => h("p.hint", { hidden: () => list().length < most }, `The newest ${most} are kept.`);

/** A button that pauses a view. @param {Readable<boolean>} isPaused @param {() => void} press */
export const pauseButton = (isPaused, press, kind, testid) =>
  h(
    "button",
    { type: "button", class: kind, testid, "aria-pressed": () => String(isPaused.value), onclick: press },
    h("span", { hidden: () => isPaused.value }, icon("pause")),
    h("span", { hidden: () => !isPaused.value }, icon("play")),
    () => (isPaused.value ? "Resume" : "Pause"),
  );
