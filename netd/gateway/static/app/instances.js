/** Which of several services of a kind is meant: [relay] or [relay:lab2]. One choice for the whole dashboard. */

import { commandLine } from "./commandline.js";
import { servicesOf } from "./connection.js";
import { choice, h } from "./dom.js";
import { place, remember } from "./router.js";
import { computed, effect, signal } from "./signal.js";

const MAIN = "main";

/** @type {Map<string, import("./signal.js").Writable<string|null>>} */
const chosen = new Map();

/** The choice for one kind; the address may make it, too. @param {string} kind */
function chosenOf(kind) {
  const made = chosen.get(kind) ?? signal(/** @type {string|null} */ (null));
  chosen.set(kind, made);
  return made;
}

/** Let addresses choose. Once. */
export function start() {
  effect(() => {
    const { kind, instance } = place.value;
    if (kind !== null && instance !== null) chosenOf(kind).value = instance;
  });
}

/** A service as its section is written in the configuration, without the brackets: "relay", "relay:lab". @param {string} kind @param {string} instance */
export const sectionOf = (kind, instance) => (instance === MAIN ? kind : `${kind}:${instance}`);

/** The same, where there are several of its kind; "" otherwise. @param {string} kind @param {string|null} instance */
export const tagOf = (kind, instance) => (servicesOf(kind).length > 1 ? sectionOf(kind, instance ?? MAIN) : "");

/** That, behind the name of a thing. @param {string} kind @param {() => string|null} read the instance. */
export const tag = (kind, read) => h("span.section-tag", { hidden: () => tagOf(kind, read()) === "" }, () => tagOf(kind, read()));

/** @template T @typedef {import("./signal.js").Readable<T>} Readable */

/**
 * @typedef {object} Instance
 * @property {Readable<string|null>} name the one that is meant; null while none is known.
 * @property {(params?: object) => Record<string, any>|null} params arguments with it; null while none is known.
 * @property {() => import("./connection.js").Service|null} service what system.status says of it.
 * @property {(rest: string) => string|null} subject what it says under this; null while none is known.
 * @property {() => string|null} option for a command line: its name, where it must be said.
 * @property {(...words: any[]) => string} line a command line about it, see `commandLine`.
 * @property {Node} select shown where there is a choice.
 */

/** @param {string} kind @returns {Instance} */
export function instanceOf(kind) {
  const picked = chosenOf(kind);
  const names = computed(() =>
    servicesOf(kind)
      .map((service) => service.instance)
      .join("\n"),
  );
  const all = () => (names.value ? names.value.split("\n") : []);
  const name = computed(() => {
    const there = all();
    if (picked.value !== null && there.includes(picked.value)) return picked.value;
    return there.includes(MAIN) ? MAIN : (there[0] ?? null);
  });
  const params = (given = {}) => (name.value === null ? null : { ...given, instance: name.value });
  const subject = (rest) => (name.value === null ? null : `${kind}.${name.value}.${rest}`);
  const service = () => servicesOf(kind).find((one) => one.instance === name.value) ?? null;
  const option = () => (all().length > 1 ? name.value : null);
  const line = (...words) => commandLine(...words, ["--instance", option()]);
  const pick = (event) => {
    picked.value = event.target.value;
    if (place.peek().kind === kind) remember(kind, picked.value);
  };
  const options = () =>
    all().map((one) => h("option", { value: one, selected: one === name.value }, sectionOf(kind, one)));
  const attributes = { "aria-label": `Which ${kind}`, testid: `instance-${kind}`, onchange: pick, value: () => name.value };
  const select = choice(
    () => names.value,
    () => (all().length > 1 ? h("select.instance", attributes, options()) : null),
  );
  return { name, params, subject, service, option, line, select };
}

/** The port that a service listens on, or null where it is *usual*: for command lines. @param {import("./connection.js").Service|null} service @param {number|null} usual */
export function portOf(service, usual) {
  const port = service?.listening?.map(({ address: where }) => /:(\d+)$/.exec(where)?.[1]).find(Boolean);
  return port === undefined || Number(port) === usual ? null : port;
}
