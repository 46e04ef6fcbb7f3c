/** Tables. On a phone each row becomes a card, whose cells say their column themselves. */

import { each, h } from "./dom.js";

/**
 * @template T
 * @param {string[]} columns their names; "" is the column of buttons.
 * @param {() => T[]} list
 * @param {(item: T) => any} keyOf
 * @param {(item: {value: T}) => Element} makeRow a row of cells, see `cell`.
 */
export function table(columns, list, keyOf, makeRow) {
  const head = columns.map((name) => h("th", { scope: "col" }, name || h("span.offscreen", {}, "Actions")));
  return h("div.scroll", {}, h("table.rows", {}, h("thead", {}, h("tr", {}, head)), h("tbody", {}, each(list, keyOf, makeRow))));
}

/** A cell of *column*. @param {string|(() => string)} kind classes: "number", "mono", "long", … */
export const cell = (column, content, kind = "", attributes = {}) =>
  h("td", { class: kind, "data-label": column, ...attributes }, content);

/** The cell that names its row. */
export const rowHead = (column, ...content) => h("th", { scope: "row", "data-label": column }, ...content);
