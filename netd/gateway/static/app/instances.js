/** Which of several services of a kind is meant: [relay] or [relay:lab2]. One choice for the whole dashboard. */

import { commandLine } from "./commandline.js";
import { servicesOf } from "./connection.js";
import { choice, h, when } from "./dom.js";
import { absence, isFar, nodeOf } from "./nodes.js";
import { place, remember } from "./router.js";
import { computed, effect, signal } from "./signal.js";

const MAIN = "main";

/** @type {Map<string, import("./signal.js").Writable<string|null>>} */
const chosen = new Map();

/** The user's choice for one kind. The address can make it, too. @param {string} kind */
function chosenOf(kind) {
  const made = chosen.get(kind) ?? signal(/** @type {string|null} */ (null));
  chosen.set(kind, made);
  return made;
}

/** The choice in the address is followed from the first page on that offers one. */
effect(() => {
  const { kind, instance } = place.value;
  if (kind !== null && instance !== null) chosenOf(kind).value = instance;
});

/** The name of a service's section: "relay", "relay:lab". @param {string} kind @param {string} instance */
export const sectionOf = (kind, instance) => (instance === MAIN ? kind : `${kind}:${instance}`);

/** The same for people: of another node "relay@north", "relay:lab@north". @param {string} kind @param {string} instance */
export const labelOf = (kind, instance) =>
  instance.split("@")[0] === MAIN ? kind + instance.slice(MAIN.length) : sectionOf(kind, instance);

/**
 * The name of the section, where several of the kind run, or one on another node; "" otherwise.
 * @param {string} kind @param {string|null} instance
 */
export const tagOf = (kind, instance) =>
  servicesOf(kind).length > 1 || isFar({ instance: instance ?? MAIN }) ? labelOf(kind, instance ?? MAIN) : "";

/** The same as an element, to stand behind a name. @param {string} kind @param {() => string|null} read the instance. */
export const tag = (kind, read) => h("span.section-tag", { hidden: () => tagOf(kind, read()) === "" }, () => tagOf(kind, read()));

/** @template T @typedef {import("./signal.js").Readable<T>} Readable */

/**
 * @typedef {object} Instance
 * @property {Readable<string|null>} name the chosen one; null while no service of the kind is known.
 * @property {(params?: object) => Record<string, any>|null} params arguments with `instance` added; null while no service is known.
 * @property {() => import("./connection.js").Service|null} service its status.
 * @property {(rest: string) => string|null} subject a subject of its events; null while no service is known.
 * @property {() => string|null} option its name for a command line; null where there is only one.
 * @property {(...words: any[]) => string} line a command line with `--instance` where that is needed, see `commandLine`.
 * @property {() => string|null} picked the one that the user has picked; null where none is.
 * @property {() => boolean} isAll whether none is picked, and that means all nodes together.
 * @property {() => string} absence why there is nothing to be had of its node; "" where there is.
 * @property {Node[]} select lets the user choose; empty where there is only one. A picked one whose node is gone stays picked.
 */

/** @param {string} kind @param {() => boolean} [takesAll] whether none picked means all nodes together. @returns {Instance} */
export function instanceOf(kind, takesAll = () => false) {
  const picked = chosenOf(kind);
  const names = computed(() =>
    servicesOf(kind)
      .map((service) => service.instance)
      .join("\n"),
  );
  const all = () => (names.value ? names.value.split("\n") : []);
  const name = computed(() => {
    const there = all();
    if (picked.value !== null && (there.includes(picked.value) || isFar({ instance: picked.value }))) return picked.value;
    return there.includes(MAIN) ? MAIN : (there[0] ?? null);
  });
  const isAll = () => picked.value === null && takesAll();
  const params = (given = {}) => {
    if (isAll()) return given;
    return name.value === null ? null : { ...given, instance: name.value };
  };
  const subject = (rest) => (name.value === null ? null : `${kind}.${name.value}.${rest}`);
  const service = () => servicesOf(kind).find((one) => one.instance === name.value) ?? null;
  const away = () => (isAll() ? "" : absence(nodeOf(name.value ?? "")));
  /** Those that can be chosen: also a picked one that is not there now. */
  const offered = () => (name.value === null || all().includes(name.value) ? all() : [...all(), name.value]);
  const mustBeNamed = () => offered().length > 1 || offered().some((one) => isFar({ instance: one }));
  const option = () => (mustBeNamed() && !isAll() ? name.value : null);
  const line = (...words) => commandLine(...words, ["--instance", option()]);
  const pick = (event) => {
    picked.value = event.target.value || null;
    if (place.peek().kind === kind) remember({ instance: picked.value });
  };
  const shown = () => (isAll() ? "" : name.value);
  const options = () => [
    ...(takesAll() ? [h("option", { value: "", selected: isAll() }, "all nodes")] : []),
    ...offered().map((one) => h("option", { value: one, selected: one === shown() }, labelOf(kind, one))),
  ];
  const attributes = { "aria-label": `Which ${kind}`, testid: `instance-${kind}`, onchange: pick, value: shown };
  const select = [
    when(
      () => away() !== "",
      () => h("span.badge", { testid: "instance-away", role: "status", "data-state": "trouble" }, h("span.dot", { "aria-hidden": "true" }), away),
    ),
    choice(
      () => `${takesAll()}\n${offered().join("\n")}`,
      () => (mustBeNamed() ? h("select.instance", attributes, options()) : null),
    ),
  ];
  return { name, params, subject, service, option, line, picked: () => picked.value, isAll, absence: away, select };
}

/** The other node whose service is chosen; "" where it is one of this node. @param {Instance} instance */
export const farOf = (instance) => nodeOf(instance.name.value ?? "");

/** What stands there in place of a form that makes the page something: its connection leads to its own node alone. */
export const elsewhere = (/** @type {string} */ node, /** @type {string} */ what) =>
  h("p.hint", { testid: "elsewhere" }, `A page can be ${what} of its own node alone: open the dashboard of ${node} for that.`);

/**
 * The port of a service for a command line; null where it is the *usual* one, which need not be said.
 * @param {import("./connection.js").Service|null} service @param {number|null} usual
 */
export function portOf(service, usual) {
  const port = service?.listening?.map(({ address: where }) => /:(\d+)$/.exec(where)?.[1]).find(Boolean);
  return port === undefined || Number(port) === usual ? null : port;
}
