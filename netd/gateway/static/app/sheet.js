/** Style sheets that only some pages need: they are loaded with these, and not before the first paint. */

import { h } from "./dom.js";

/** @type {Map<string, Promise<void>>} */
const sheets = new Map();

/** Load the style sheet *name*. A page goes on without one that cannot be loaded. @param {string} name @returns {Promise<void>} */
export function sheet(name) {
  const loading =
    sheets.get(name) ??
    new Promise((resolve) => {
      const done = () => resolve();
      document.head.append(h("link", { rel: "stylesheet", href: `static/style/${name}.css`, onload: done, onerror: done }));
    });
  sheets.set(name, loading);
  return loading;
}
