/** Which page the address names, and which of several services it is about: /#/sessions, /#/devices?instance=lab. */

import { signal } from "./signal.js";

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

function read() {
  const [name, query] = location.hash.replace(/^#\/?/, "").split("?");
  const known = PAGES.some(([one]) => one === name) ? name : FIRST;
  return { page: known, instance: new URLSearchParams(query).get("instance") };
}

/** What the address names now. @type {{value: {page: string, instance: string|null}}} */
export const place = signal(read());

/** The name of the page that is shown. */
export const page = signal(place.value.page);

/** The address of a page. @param {string} name @param {string|null} [instance] */
export const address = (name, instance = null) =>
  `#/${name}${instance === null ? "" : `?instance=${encodeURIComponent(instance)}`}`;

/** Write into the address that this page is about *instance*, so that a reload shows the same. */
export const remember = (instance) => history.replaceState(null, "", address(page.peek(), instance));

addEventListener("hashchange", () => {
  place.value = read();
  page.value = place.value.page;
});
