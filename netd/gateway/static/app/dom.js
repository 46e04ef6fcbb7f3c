/**
 * Elements that follow signals. Text becomes text nodes: nothing that a device, bot or client says is ever parsed as HTML.
 */

import { computed, effect, onCleanup, scope, signal } from "./signal.js";

const SVG = "http://www.w3.org/2000/svg";

/** Names that must be set as properties: the attribute of that name is only the initial value. */
const PROPERTIES = new Set(["value", "checked", "disabled", "open", "selected", "hidden", "indeterminate"]);

/**
 * The element of a name.
 * @template {string} Name
 * @typedef {Name extends keyof HTMLElementTagNameMap ? HTMLElementTagNameMap[Name] : HTMLElement} Named
 */

/**
 * The element of a tag with classes: an HTMLDivElement of "div.panel.quiet".
 * @template {string} Tag
 * @typedef {Tag extends `svg:${string}` ? SVGElement : Tag extends `${infer Name}.${string}` ? Named<Name> : Named<Tag>} Made
 */

/** @template T @typedef {import("./signal.js").Readable<T>} Readable */

/**
 * An element.
 *
 * @template {string} Tag
 * @param {Tag} tag a name with classes: "div.panel.quiet"; "svg:path" for an element of SVG.
 * @param {Record<string, any>} [attributes] "on…" are listeners, `testid` is data-testid; a function is called again when its
 *   signals change.
 * @param {...any} children texts, numbers, nodes, arrays of these, functions that return text; null for nothing.
 * @returns {Made<Tag>}
 */
export function h(tag, attributes = {}, ...children) {
  const [name, ...classes] = tag.split(".");
  const element = name.startsWith("svg:") ? document.createElementNS(SVG, name.slice(4)) : document.createElement(name);
  if (classes.length) element.setAttribute("class", classes.join(" "));
  for (const [key, value] of Object.entries(attributes)) bind(element, key, value, classes);
  append(element, children);
  return /** @type {any} */ (element);
}

function bind(element, key, value, classes) {
  if (key.startsWith("on")) element.addEventListener(key.slice(2), value);
  else if (typeof value === "function") effect(() => assign(element, key, value(), classes));
  else assign(element, key, value, classes);
}

function assign(element, key, value, classes) {
  if (key === "class") element.setAttribute("class", [...classes, value].filter(Boolean).join(" "));
  else if (key === "testid") element.dataset.testid = value;
  else if (PROPERTIES.has(key) && !(element instanceof HTMLOptionElement)) {
    if (element[key] !== value) element[key] = value;
  } else if (value === null || value === undefined || value === false) element.removeAttribute(key);
  else element.setAttribute(key, value === true ? "" : String(value));
}

function append(parent, children) {
  for (const child of children.flat(Infinity)) {
    if (child === null || child === undefined || child === false) continue;
    parent.append(typeof child === "function" ? liveText(child) : child instanceof Node ? child : String(child));
  }
}

function liveText(read) {
  const node = document.createTextNode("");
  effect(() => {
    const text = String(read() ?? "");
    if (node.data !== text) node.data = text;
  });
  return node;
}

/** *text*, in which the words in backticks become code. @param {string} text @returns {(string|Element)[]} */
export const prose = (text) => text.split("`").map((part, index) => (index % 2 ? h("code", {}, part) : part));

/**
 * The element that *make* returns for the value of *choose*; it is made again when this value changes.
 * @template T @param {() => T} choose @param {(chosen: T) => Element|null} make
 */
export function choice(choose, make) {
  const anchor = document.createComment("");
  const fragment = document.createDocumentFragment();
  fragment.append(anchor);
  const chosen = computed(choose);
  /** @type {Element|null} */
  let shown = null;
  effect(() => {
    const value = chosen.value;
    const [made, end] = scope(() => make(value));
    shown?.remove();
    shown = made ?? null;
    if (shown !== null) anchor.before(shown);
    onCleanup(end);
  });
  return fragment;
}

/** The element that *make* returns, while *condition* holds. @param {() => any} condition @param {() => Element} make */
export const when = (condition, make) =>
  choice(
    () => Boolean(condition()),
    (holds) => (holds ? make() : null),
  );

/**
 * One element for each item. It is kept, and moved, as long as the list has an item of its key.
 *
 * @template T
 * @param {() => Iterable<T>} list
 * @param {(item: T) => any} keyOf
 * @param {(item: Readable<T>, key: any) => Element} make takes a signal of the newest item with this key.
 */
export function each(list, keyOf, make) {
  const anchor = document.createComment("");
  const fragment = document.createDocumentFragment();
  fragment.append(anchor);
  /** @type {Map<any, {node: Element, end: () => void, item: import("./signal.js").Writable<T>}>} */
  const rows = new Map();
  onCleanup(() => rows.forEach((row) => row.end()));
  effect(() => {
    const wanted = new Map(Array.from(list(), (item) => [keyOf(item), item]));
    for (const [key, row] of rows) {
      if (wanted.has(key)) continue;
      row.end();
      row.node.remove();
      rows.delete(key);
    }
    /** @type {ChildNode} */
    let next = anchor;
    for (const [key, item] of [...wanted].reverse()) {
      let row = rows.get(key);
      if (row === undefined) rows.set(key, (row = makeRow(item, key, make)));
      row.item.value = item;
      if (row.node.nextSibling !== next) next.before(row.node);
      next = row.node;
    }
  });
  return fragment;
}

/** @template T @param {T} first @param {any} key @param {(item: Readable<T>, key: any) => Element} make */
function makeRow(first, key, make) {
  const item = signal(first);
  const [node, end] = scope(() => make(item, key));
  return { node, end, item };
}
