/** Line drawings, 16 by 16, in the colour of the text beside them. They never stand alone without a label. */

import { h } from "./dom.js";

const PATHS = {
  overview: "M2.5 9.5v4M6.2 5.5v8M9.8 7.5v6M13.5 2.5v11",
  sessions: "M1.5 8.5h2.6l1.9-5 3.4 9.5 2-4.5h3.1",
  devices: "M4.5 4.5h7v7h-7zM6.5 2v2.5M9.5 2v2.5M6.5 11.5V14M9.5 11.5V14M2 6.5h2.5M2 9.5h2.5M11.5 6.5H14M11.5 9.5H14",
  feed: "M3 12.9h.1M3 8.5a4.5 4.5 0 0 1 4.5 4.5M3 4a9 9 0 0 1 9 9",
  commands: "M3 4.5l3.5 3.5L3 11.5M8.5 12h4.5",
  rooms: "M2.5 3h11v7.5H7l-3 2.7v-2.7H2.5z",
  bus: "M1.5 8h13M4.5 8V4M8 8v4.5M11.5 8V4M4.5 3.9v-.1M8 12.6v.1M11.5 3.9v-.1",
  copy: "M5.5 5.5h7.5v8H5.5zM3 10.5v-8h7.5",
  pause: "M5.5 3.5v9M10.5 3.5v9",
  play: "M5 3l7.5 5L5 13z",
  light:
    "M8 5.2a2.8 2.8 0 1 0 0 5.6 2.8 2.8 0 0 0 0-5.6M8 1.5v1.3M8 13.2v1.3M1.5 8h1.3M13.2 8h1.3M3.4 3.4l.9.9M11.7 11.7l.9.9M12.6 3.4l-.9.9M4.3 11.7l-.9.9",
  dark: "M13 9.5A5.7 5.7 0 0 1 6.5 3a5.5 5.5 0 1 0 6.5 6.5z",
  system: "M2 3h12v8H2zM6 13.5h4",
  out: "M6.5 2.5h-4v11h4M10 5l3 3-3 3M13 8H6",
};

/** @param {keyof PATHS} name */
export function icon(name) {
  return h(
    "svg:svg.icon",
    { viewBox: "0 0 16 16", "aria-hidden": "true", focusable: "false" },
    h("svg:path", { d: PATHS[name] }),
  );
}
