/** Line drawings, 16 by 16, in the colour of the text beside them; each has a label beside it. Those of pages are in pages.js. */

import { h } from "./dom.js";

const PATHS = {
  copy: "M5.5 5.5h7.5v8H5.5zM3 10.5v-8h7.5",
  pause: "M5.5 3.5v9M10.5 3.5v9",
  play: "M5 3l7.5 5L5 13z",
  light:
    "M8 5.2a2.8 2.8 0 1 0 0 5.6 2.8 2.8 0 0 0 0-5.6M8 1.5v1.3M8 13.2v1.3M1.5 8h1.3M13.2 8h1.3M3.4 3.4l.9.9M11.7 11.7l.9.9M12.6 3.4l-.9.9M4.3 11.7l-.9.9",
  dark: "M13 9.5A5.7 5.7 0 0 1 6.5 3a5.5 5.5 0 1 0 6.5 6.5z",
  system: "M2 3h12v8H2zM6 13.5h4",
  move: "M8 2v12M2 8h12M6.2 3.8L8 2l1.8 1.8M6.2 12.2L8 14l1.8-1.8M3.8 6.2L2 8l1.8 1.8M12.2 6.2L14 8l-1.8 1.8",
  size: "M13.5 9v4.5H9M13.5 13.5L8.5 8.5M2.5 7V2.5H7",
  up: "M8 13V3M4 7l4-4 4 4",
  down: "M8 3v10M4 9l4 4 4-4",
  edit: "M3 13l.6-2.8L10.8 3l2.2 2.2-7.2 7.2z",
  remove: "M4 4l8 8M12 4l-8 8",
  pin: "M5.5 2.5h5M6.5 2.5v4L4 9h8L9.5 6.5v-4M8 9v4.5",
  person: "M8 8.2a2.6 2.6 0 1 0 0-5.2 2.6 2.6 0 0 0 0 5.2M2.8 13.5c.6-2.4 2.6-3.6 5.2-3.6s4.6 1.2 5.2 3.6",
  out: "M6.5 2.5h-4v11h4M10 5l3 3-3 3M13 8H6",
};

/** @param {keyof typeof PATHS} name */
export const icon = (name) => drawing(PATHS[name]);

/** @param {string} path of an icon. */
export function drawing(path) {
  return h("svg:svg.icon", { viewBox: "0 0 16 16", "aria-hidden": "true", focusable: "false" }, h("svg:path", { d: path }));
}
