/** Which page the address names, and which service it is about: /#/sessions, /#/devices?instance=lab, /#/service?kind=echo. */

import { pageNamed, pageOfKind, SERVICE } from "./pages.js";
import { computed, signal } from "./signal.js";

/**
 * @typedef {object} Place
 * @property {string} page the name of the page.
 * @property {string|null} kind of the service that it is about.
 * @property {string|null} instance of that service, where the address names one.
 */

/** What *hash*, the last part of an address, names. An address that names no page is that of the first. @returns {Place} */
export function placeAt(hash) {
  const [name, query] = hash.replace(/^#\/?/, "").split("?");
  const given = new URLSearchParams(query);
  const instance = given.get("instance");
  if (name === SERVICE.name) {
    const kind = given.get("kind");
    return kind ? { page: pageOfKind(kind).name, kind, instance } : placeAt("");
  }
  const entry = pageNamed(name);
  return { page: entry.name, kind: entry.kind, instance };
}

/** The address of the page about services of *kind*, or about one. @param {string} kind @param {string|null} [instance] */
export function addressOf(kind, instance = null) {
  const { name } = pageOfKind(kind);
  const query = new URLSearchParams({ ...(name === SERVICE.name ? { kind } : {}), ...(instance === null ? {} : { instance }) });
  return `#/${name}${query.size ? `?${query}` : ""}`;
}

/** What the address names now. @type {import("./signal.js").Writable<Place>} */
export const place = signal(placeAt(location.hash));

/** The name of the page that is shown. */
export const page = computed(() => place.value.page);

/** Write into the address that this page is about *instance*, so that a reload shows the same. */
export const remember = (kind, instance) => history.replaceState(null, "", addressOf(kind, instance));

addEventListener("hashchange", () => (place.value = placeAt(location.hash)));
