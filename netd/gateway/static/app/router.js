/** The address of a page and of the service that it is about: /#/sessions, /#/devices?instance=lab, /#/service?kind=echo. */

import { pageNamed, pageOfKind, SERVICE } from "./pages.js";
import { computed, signal } from "./signal.js";

/**
 * @typedef {object} Place
 * @property {string} page the name of the page.
 * @property {string|null} kind the kind of service that it is about.
 * @property {string|null} instance the instance that the address names.
 */

/** The place that *hash*, the last part of an address, names; the first page, where it names none. @returns {Place} */
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

/** The address of the page about services of *kind*, or about one instance. @param {string} kind @param {string|null} [instance] */
export function addressOf(kind, instance = null) {
  const { name } = pageOfKind(kind);
  const query = new URLSearchParams({ ...(name === SERVICE.name ? { kind } : {}), ...(instance === null ? {} : { instance }) });
  return `#/${name}${query.size ? `?${query}` : ""}`;
}

/** The place that the address names now. @type {import("./signal.js").Writable<Place>} */
export const place = signal(placeAt(location.hash));

/** The name of the open page. */
export const page = computed(() => place.value.page);

/** Put *instance* into the address, so that a reload of the page shows the same. */
export const remember = (kind, instance) => history.replaceState(null, "", addressOf(kind, instance));

addEventListener("hashchange", () => (place.value = placeAt(location.hash)));
