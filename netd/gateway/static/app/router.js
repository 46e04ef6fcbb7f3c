/**
 * The address of a page and of what it shows: /#/sessions, /#/devices?instance=lab, /#/service?kind=echo, /#/board/cryostat?wall.
 */

import { pageNamed, pageOfKind, SERVICE } from "./pages.js";
import { computed, signal } from "./signal.js";
import { takeToken } from "./token.js";

/**
 * @typedef {object} Place
 * @property {string} page the name of the page.
 * @property {string|null} kind the kind of service that it is about.
 * @property {string|null} instance the instance that the address names.
 * @property {string|null} item which of the page's things it names: "cryostat" of #/board/cryostat.
 * @property {Record<string, string>} query the parameters of the address by name.
 */

/** The place that *hash*, the last part of an address, names; the first page, where it names none. @returns {Place} */
export function placeAt(hash) {
  const [path, written] = hash.replace(/^#\/?/, "").split("?");
  const [name, ...rest] = path.split("/");
  const query = Object.fromEntries(new URLSearchParams(written));
  const { instance = null, kind } = query;
  if (name === SERVICE.name) return kind ? { page: pageOfKind(kind).name, kind, instance, item: null, query } : placeAt("");
  const entry = pageNamed(name);
  return { page: entry.name, kind: entry.kind, instance, item: rest.join("/") || null, query };
}

/** The address of the page about services of *kind*, or about one instance. @param {string} kind @param {string|null} [instance] */
export function addressOf(kind, instance = null) {
  const { name } = pageOfKind(kind);
  const query = new URLSearchParams({ ...(name === SERVICE.name ? { kind } : {}), ...(instance === null ? {} : { instance }) });
  return `#/${name}${query.size ? `?${query}` : ""}`;
}

/** Put the name of the page that is shown into an address that names none, or that names one by its title. */
function correct() {
  const [, name] = /^#\/?([^/?]*)/.exec(location.hash) ?? [];
  const shown = placeAt(location.hash).page;
  if (name && name !== shown) history.replaceState(null, "", location.hash.replace(name, shown));
}
correct();

/** The place that the address names now. @type {import("./signal.js").Writable<Place>} */
export const place = signal(placeAt(location.hash));

/** The title of what the page shows, where it has one of its own. @type {import("./signal.js").Writable<string|null>} */
export const titled = signal(null);

/** The name of the open page. */
export const page = computed(() => place.value.page);

/** Put parameters into the address, so that a reload of the page shows the same. One that is null or "" is taken out. */
export function remember(changes) {
  const [path, written] = location.hash.split("?");
  const query = new URLSearchParams(written);
  for (const [name, value] of Object.entries(changes)) {
    if (value === null || value === "") query.delete(name);
    else query.set(name, String(value));
  }
  history.replaceState(null, "", `${path}${query.size ? `?${query}` : ""}`);
}

addEventListener("hashchange", () => {
  if (takeToken()) location.reload();
  else {
    correct();
    place.value = placeAt(location.hash);
  }
});
