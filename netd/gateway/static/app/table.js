/** Tables. On a phone, each row becomes a card whose cells have labels, or a line of the most important cells. */

import { each, h } from "./dom.js";
import { count } from "./format.js";
import { computed, effect, onCleanup, signal } from "./signal.js";

/** How many rows are shown at first, and how many each press on "more" adds. */
const STEP = 50;
/** How many rows of another choice come at once, and the milliseconds after which the others of the first step follow. */
const AT_ONCE = 20;
const SOON = 60;

/** @template T @typedef {import("./signal.js").Readable<T>} Readable */

/**
 * @template T
 * @param {string[]} columns their names; "" is the column of buttons.
 * @param {() => T[]} list
 * @param {(item: T) => any} keyOf
 * @param {(item: Readable<T>) => Element} makeRow a row of cells, see `cell`.
 * @param {string} [kind] classes: "lines" makes a line of each row on a phone, too, without the cells of the class "extra".
 */
export function table(columns, list, keyOf, makeRow, kind = "") {
  const head = columns.map((name) => h("th", { scope: "col" }, name || h("span.offscreen", {}, "Actions")));
  const rows = h("table.rows", { class: kind }, h("thead", {}, h("tr", {}, head)), h("tbody", {}, each(list, keyOf, makeRow)));
  return h("div.scroll", {}, rows);
}

/**
 * A table of a long list: its first rows, and a button for more. All rows at once would be slow, and endless on a phone.
 * @template T
 * @param {object} parts what `table` takes, by name.
 * @param {string[]} parts.columns
 * @param {() => T[]} parts.list
 * @param {(item: T) => any} parts.keyOf
 * @param {(item: Readable<T>) => Element} parts.makeRow
 * @param {string} [parts.kind]
 * @param {() => string} [parts.stamp] changes with what the user has searched for: the list then begins anew.
 */
export function longTable({ columns, list, keyOf, makeRow, kind = "", stamp = () => "" }) {
  const most = signal(STEP);
  const settled = signal(stamp());
  let timer = 0;
  effect(() => {
    const wanted = stamp();
    clearTimeout(timer);
    if (wanted !== settled.value) timer = setTimeout(() => ([settled.value, most.value] = [wanted, STEP]), SOON);
  });
  onCleanup(() => clearTimeout(timer));
  const length = computed(() => list().length);
  const shown = () => list().slice(0, stamp() === settled.value ? most.value : AT_ONCE);
  const more = () => (most.value += STEP);
  return [
    table(columns, shown, keyOf, makeRow, kind),
    h(
      "p.row.more",
      { hidden: () => length.value <= most.value },
      h("span.hint", {}, () => `${count(Math.min(most.value, length.value))} of ${count(length.value)} are shown`),
      h(
        "button",
        { type: "button", testid: "more", onclick: more },
        () => `Show ${Math.min(STEP, length.value - most.value)} more`,
      ),
    ),
  ];
}

/**
 * A cell of *column*.
 * @param {string} column @param {any} content
 * @param {string|(() => string)} kind classes: "number", "mono", "long", "extra", …
 */
export const cell = (column, content, kind = "", attributes = {}) =>
  h("td", { class: kind, "data-label": column, ...attributes }, content);

/** The cell that names its row. */
export const rowHead = (column, ...content) => h("th", { scope: "row", "data-label": column }, ...content);
