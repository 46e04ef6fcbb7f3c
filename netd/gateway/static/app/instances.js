/** Which of several services of a kind is meant: [relay] or [relay:lab2]. One choice for the whole dashboard. */

import { servicesOf } from "/static/app/connection.js";
import { h, when } from "/static/app/dom.js";
import { computed, signal } from "/static/app/signal.js";

const MAIN = "main";
const chosen = new Map();

/**
 * @typedef {object} Instance
 * @property {{value: string|null}} name the one that is meant; null while none is known.
 * @property {(params?: object) => object|null} params arguments with it; null while none is known.
 * @property {() => object|null} service what system.status says of it.
 * @property {() => string|null} option for a command line: its name, where it must be said.
 * @property {Node} select shown where there is a choice.
 */

/** @param {string} kind @returns {Instance} */
export function instanceOf(kind) {
  if (!chosen.has(kind)) chosen.set(kind, signal(null));
  const picked = chosen.get(kind);
  const names = computed(() =>
    servicesOf(kind)
      .map((service) => service.instance)
      .join("\n"),
  );
  const all = () => (names.value ? names.value.split("\n") : []);
  const name = computed(() => {
    const there = all();
    if (there.includes(picked.value)) return picked.value;
    return there.includes(MAIN) ? MAIN : (there[0] ?? null);
  });
  const params = (given = {}) => (name.value === null ? null : { ...given, instance: name.value });
  const service = () => servicesOf(kind).find((one) => one.instance === name.value) ?? null;
  const option = () => (all().length > 1 ? name.value : null);
  const select = when(
    () => all().length > 1,
    () =>
      h(
        "label.inline-field",
        {},
        h("span", {}, `${kind}`),
        h(
          "select",
          { testid: `instance-${kind}`, onchange: (event) => (picked.value = event.target.value) },
          all().map((one) => h("option", { value: one, selected: one === name.value }, one)),
        ),
      ),
  );
  return { name, params, service, option, select };
}

/** The port that a service listens on, or null where it is *usual*: for command lines. @param {object|null} service */
export function portOf(service, usual) {
  const port = service?.listening?.map(({ address }) => /:(\d+)$/.exec(address)?.[1]).find(Boolean);
  return port === undefined || Number(port) === usual ? null : port;
}
