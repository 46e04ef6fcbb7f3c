/** Values of which nothing is known but that they are JSON: as facts, and as a table. */

import { choice, each, h } from "../dom.js";
import { count, excerpt, spoken } from "../format.js";
import { computed } from "../signal.js";
import { cell, longTable, rowHead } from "../table.js";

/** Characters of a value that are shown. */
const SHOWN = 200;
/** Rows whose members become columns; what only later ones have is left out. */
const LOOKED_AT = 50;
/** Digits of a number that is not whole. */
const DIGITS = 6;

/** A value as people read it. */
export function written(value) {
  if (value === null || value === undefined || value === "") return "–";
  if (typeof value === "number") return Number.isInteger(value) ? count(value) : String(Number(value.toPrecision(DIGITS)));
  if (typeof value === "boolean") return value ? "yes" : "no";
  if (Array.isArray(value) && value.every((one) => one === null || typeof one !== "object"))
    return value.length ? excerpt(value.map(written).join(", "), SHOWN) : "none";
  return excerpt(typeof value === "string" ? value : JSON.stringify(value), SHOWN);
}

/**
 * The members of an object, and of those in it, each with its path.
 * @param {object} value @param {string[]} silent members whose own names are left out of the paths.
 * @returns {[string, any][]}
 */
export function flattened(value, silent = [], path = "") {
  return Object.entries(value).flatMap(([name, inner]) => {
    const own = path ? `${path}: ${name.replaceAll("_", " ")}` : spoken(name);
    const isObject = inner !== null && typeof inner === "object" && !Array.isArray(inner);
    if (!isObject) return [[own, inner]];
    return flattened(inner, silent, silent.includes(name) ? path : own);
  });
}

/** Facts about something. @param {() => object} read @param {string[]} [silent] see `flattened`. */
export const factList = (read, silent = []) =>
  h(
    "dl.fact-list",
    {},
    each(
      () => flattened(read(), silent),
      ([name]) => name,
      (one) => h("div", {}, h("dt", {}, one.peek()[0]), h("dd", {}, () => written(one.value[1]))),
    ),
  );

/** A table of objects, or of single values. @param {() => any[]} read */
export function objectTable(read) {
  const names = computed(() => JSON.stringify(columnsOf(read().slice(0, LOOKED_AT))));
  return h(
    "div",
    {},
    choice(
      () => names.value,
      (text) => tableOf(JSON.parse(text), read),
    ),
  );
}

const isObject = (value) => value !== null && typeof value === "object" && !Array.isArray(value);

/** The members that *rows* have, in the order in which they come; [""] where they are single values. */
export const columnsOf = (rows) => [...new Set(rows.flatMap((row) => (isObject(row) ? Object.keys(row) : [""])))];

function tableOf(names, read) {
  const row = (item) =>
    h(
      "tr",
      {},
      names.map((name, index) => {
        const value = () => (isObject(item.value.row) ? item.value.row[name] : item.value.row);
        const text = () => written(value());
        if (index === 0) return rowHead(spoken(name), text);
        return cell(spoken(name), text, typeof value() === "number" ? "number" : "long");
      }),
    );
  return h(
    "div",
    {},
    longTable({
      columns: names.map((name) => spoken(name) || "Value"),
      list: () => read().map((row, index) => ({ row, index })),
      keyOf: ({ index }) => index,
      makeRow: row,
    }),
  );
}
