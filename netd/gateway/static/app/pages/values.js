/** Any JSON as facts and tables; its JSON Schema, where there is one, gives the units. */

import { choice, each, h } from "../dom.js";
import { bytes, count, excerpt, fullTime, payload, rate, shortAddress, shortSpan, spoken } from "../format.js";
import { alternatives, ANY, formatOf, itemsOf, memberOf } from "../schema.js";
import { computed } from "../signal.js";
import { cell, longTable, rowHead } from "../table.js";

/** @typedef {import("../schema.js").Schema} Schema */

/** The longest text of a value. */
const SHOWN = 200;
/** How many rows are searched for columns. */
const LOOKED_AT = 50;
/** The length from which a fact has a line of its own. */
const LONG = 24;
/** Digits of a number that is not whole. */
const DIGITS = 6;

/** Whether the unit of a number is known. @param {Schema} schema */
export const isMeasured = (schema) => Object.hasOwn(MEASURED, formatOf(schema));

/** How a number is written, by the format that its schema names. @type {Record<string, (value: number) => string>} */
const MEASURED = {
  seconds: (value) => (value === 0 ? "0 s" : shortSpan(value)),
  epoch: fullTime,
  bytes,
  rate: (value) => `${rate(value)} /s`,
  port: String,
};

/** A value as text. @param {any} value @param {Schema} [schema] @returns {string} */
export function written(value, schema = ANY) {
  if (value === null || value === undefined || value === "") return "–";
  if (typeof value === "number") return (isMeasured(schema) ? MEASURED[formatOf(schema)] : plain)(value);
  if (typeof value === "boolean") return value ? "yes" : "no";
  if (Array.isArray(value) && !value.some(isComposed))
    return value.length ? excerpt(value.map((one) => written(one, itemsOf(schema))).join(", "), SHOWN) : "none";
  return excerpt(typeof value === "string" ? textual(value, schema) : JSON.stringify(value), SHOWN);
}

/** A text, decoded where the schema says how. @param {string} text @param {Schema} schema */
function textual(text, schema) {
  if (formatOf(schema) === "address") return shortAddress(text);
  return alternatives(schema).some((one) => one.contentEncoding === "base64") ? payload(text) : text;
}

const plain = (value) => (Number.isInteger(value) ? count(value) : String(Number(value.toPrecision(DIGITS))));

const isComposed = (value) => value !== null && typeof value === "object";
const isObject = (value) => isComposed(value) && !Array.isArray(value);

/** A fact: its path, its value, and the schema of the value. @typedef {[string, any, Schema]} Fact */

/**
 * A member as it is, or the objects in it where it is a list of them, numbered where there are several.
 * @returns {[string, any, Schema][]}
 */
function parts(name, value, schema) {
  if (!Array.isArray(value) || !value.length || !value.every(isObject)) return [[name, value, schema]];
  return value.map((one, index) => [value.length > 1 ? `${name} ${index + 1}` : name, one, itemsOf(schema)]);
}

/**
 * The members of an object and of the objects in it, each with its path.
 * @param {object} value
 * @param {string[]} [silent] names that are left out of the paths.
 * @param {Schema} [schema]
 * @returns {Fact[]}
 */
export function flattened(value, silent = [], schema = ANY, path = "") {
  const members = Object.entries(value).flatMap(([name, inner]) => parts(name, inner, memberOf(schema, name)));
  return members.flatMap(([name, inner, described]) => {
    const own = path ? `${path}: ${name.replaceAll("_", " ")}` : spoken(name);
    if (!isObject(inner)) return [/** @type {Fact} */ ([own, inner, described])];
    return flattened(inner, silent, described, silent.includes(name) ? path : own);
  });
}

/** A list of facts. @param {() => Fact[]} read see `flattened`. */
export const factList = (read) =>
  h(
    "dl.fact-list",
    {},
    each(
      read,
      ([name]) => name,
      (one) => {
        const text = () => written(one.value[1], one.value[2]);
        return h("div", { class: () => (text().length > LONG ? "wide" : "") }, h("dt", {}, one.peek()[0]), h("dd", {}, text));
      },
    ),
  );

/** A table of objects, or of single values. @param {() => any[]} read @param {Schema} [schema] of the array. */
export function objectTable(read, schema = ANY) {
  const names = computed(() => JSON.stringify(columnsOf(read().slice(0, LOOKED_AT))));
  return h(
    "div",
    {},
    choice(
      () => names.value,
      (text) => tableOf(JSON.parse(text), read, itemsOf(schema)),
    ),
  );
}

/** The members that *rows* have, in the order in which they come; [""] where they are single values. */
export const columnsOf = (rows) => [...new Set(rows.flatMap((row) => (isObject(row) ? Object.keys(row) : [""])))];

function tableOf(names, read, schema) {
  const row = (item) =>
    h(
      "tr",
      {},
      names.map((name, index) => {
        const value = () => (isObject(item.value.row) ? item.value.row[name] : item.value.row);
        const text = () => written(value(), name === "" ? schema : memberOf(schema, name));
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
