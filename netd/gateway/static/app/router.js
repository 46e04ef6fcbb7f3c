/** Which page the address names: /#/sessions. */

import { signal } from "/static/app/signal.js";

export const PAGES = [
  ["overview", "Overview"],
  ["sessions", "Sessions"],
  ["devices", "Devices"],
  ["feed", "Feed"],
  ["commands", "Commands"],
  ["rooms", "Rooms"],
  ["bus", "Bus"],
];

const FIRST = "overview";

const read = () => {
  const name = location.hash.replace(/^#\/?/, "").split("?")[0];
  return PAGES.some(([page]) => page === name) ? name : FIRST;
};

/** The name of the page that is shown. */
export const page = signal(read());

addEventListener("hashchange", () => (page.value = read()));
