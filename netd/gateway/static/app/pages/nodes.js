/** Nodes: the machines of the cluster as this one sees them, and the devices and sessions of each. */

import { action, results } from "../action.js";
import { commandLine, commandLineToCopy } from "../commandline.js";
import { knownAt, servicesOf, status } from "../connection.js";
import { choice, each, h, when } from "../dom.js";
import { count, duration, fullTime, rate, shortSpan, visible } from "../format.js";
import { instanceOf } from "../instances.js";
import { blocks } from "../lists/blocks.js";
import { roll } from "../lists/roll.js";
import { byName } from "../lists/search.js";
import { polled, settled, told } from "../live.js";
import { needsService } from "../no_service.js";
import { nodeOf } from "../nodes.js";
import { NODE_STATES } from "../pages.js";
import { badge, faceOf, panel } from "../panel.js";
import { addressOf } from "../router.js";
import { computed, effect, signal } from "../signal.js";
import { cell, rowHead, table } from "../table.js";
import { changed as deviceChanged } from "./devices.js";
import { STATES as SESSION_STATES } from "./session_states.js";
import { changed as sessionChanged } from "./sessions.js";

/** Seconds between two questions; a change of a node is told at once. */
const EVERY = 2;
/** Milliseconds in which changes are put together: each device of a node that dies is one. */
const TOGETHER = 100;
/** Devices, and sessions, that the card of a node names. */
const NAMED = 24;
/** How far a clock may be off without being marked, in seconds. */
const NOTED_SKEW = 1;
/** Less than this is no difference. */
const LEAST_SKEW = 0.05;
/** With more nodes, only cards in view exist; so many are made at a time. */
const MANY = 24;
const BLOCK = 12;

const COLUMNS = ["Node", "State", "NATS server", "Devices", "Sessions", "Events in", "Out", "Lost", "Clock", "Answers in", "Version"];

export const nodes = () =>
  h("div.grid.nodes", {}, needsService("cluster", content, "The machines that work as one netd appear here, and what each of them has."));

function content() {
  const instance = instanceOf("cluster");
  const list = polled("cluster.nodes", instance, EVERY);
  told(() => "system.main.cluster", {}, settled(list.refresh, TOGETHER));
  const all = computed(() => list.answer.value ?? []);
  const rates = ratesOf(list);
  const cards = { list: () => all.value, keyOf: ({ name }) => name, make: card };
  const own = () => all.value.find(({ name }) => name === status.value?.name)?.state;
  const leave = change(instance, "Leave the cluster", "cluster.leave", "Leave? The others take its devices for offline.", list);
  const join = change(instance, "Join the cluster", "cluster.join", "", list);
  return h(
    "div.stack.wide",
    {},
    panel(
      {
        title: "Nodes",
        testid: "nodes",
        face: faceOf(list),
        aside: [instance.select, when(() => own() === "left", () => join.button), when(() => own() === "here", () => leave.button)],
      },
      table(COLUMNS, () => all.value, ({ name }) => name, (item) => row(item, rates)),
      results(leave, join),
      commandLineToCopy(() => commandLine("nodes")),
    ),
    choice(
      () => all.value.length > MANY,
      (isMany) => h("div.stack", {}, isMany ? blocks({ ...cards, kind: "node-grid", size: BLOCK }) : h("div.node-grid", {}, each(cards.list, cards.keyOf, card))),
    ),
  );
}

const change = (instance, label, method, question, list) =>
  action({
    label,
    method,
    instance,
    ...(question ? { question } : {}),
    told: (found) => ({ state: "ok", text: `This node is ${stateText(found[0])}.` }),
    done: list.refresh,
    kind: "quiet",
    testid: method,
  });

const stateText = ({ state }) => (state === "here" ? "in the cluster" : state);

/** Events a second of each node, from two answers after each other. @param {import("../live.js").Resource} list */
function ratesOf(list) {
  /** @type {Map<string, {epoch: string, time: number, sums: number[]}>} */
  const before = new Map();
  /** @type {import("../signal.js").Writable<Map<string, number[]>>} */
  const rates = signal(new Map());
  effect(() => {
    const time = list.loaded.value / 1000;
    const found = new Map();
    for (const { name, epoch, events_in: into, events_out: out } of list.answer.value ?? []) {
      const last = before.get(name);
      if (into === null) before.delete(name);
      else before.set(name, { epoch, time, sums: [into, out] });
      if (into !== null && last !== undefined && last.epoch === epoch && time > last.time)
        found.set(name, [into, out].map((sum, index) => Math.max(0, sum - last.sums[index]) / (time - last.time)));
    }
    rates.value = found;
  });
  return rates;
}

function row(item, rates) {
  const { name } = item.peek();
  const number = (read) => () => (read(item.value) === null ? "–" : count(read(item.value)));
  const speed = (index) => () => rate(rates.value.get(name)?.[index] ?? null);
  const lost = () => (item.value.lost ?? 0) + (item.value.dropped ?? 0);
  return h(
    "tr",
    { testid: "node-row", "data-node": name, "data-state": () => item.value.state },
    rowHead("Node", visible(name)),
    cell("State", [
      badge(() => NODE_STATES[item.value.state] ?? "waiting", () => item.value.state, { testid: "node-state", title: () => `since ${fullTime(item.value.since)}` }),
      h("span.hint", {}, () => ` ${duration(Math.max(0, knownAt.value - item.value.since))}`),
      h("p.hint", { hidden: () => item.value.reason === "" }, () => visible(item.value.reason)),
    ]),
    cell("NATS server", () => visible(item.value.server.split("://").at(-1) || "–"), "mono"),
    cell("Devices", number((one) => one.devices), "number"),
    cell("Sessions", number((one) => one.sessions), "number"),
    cell("Events in", speed(0), "number", { title: () => `${count(item.value.events_in ?? NaN)} in all` }),
    cell("Out", speed(1), "number", { title: () => `${count(item.value.events_out ?? NaN)} in all` }),
    cell("Lost", [() => count(lost()), mark(() => lost() > 0, "lost events")], "number"),
    cell("Clock", [() => clockText(item.value), mark(() => isOff(item.value), "set its clock")], "number"),
    cell("Answers in", () => (item.value.round_trip === null ? "–" : shortSpan(item.value.round_trip)), "number"),
    cell("Version", () => visible(item.value.version || "–"), "mono"),
  );
}

/** A word beside a number that somebody has to look at. */
const mark = (condition, word) => h("span.mark-word", { hidden: () => !condition() }, ` ${word}`);

const isOff = ({ skew }) => skew !== null && Math.abs(skew) >= NOTED_SKEW;

/** By how much a node's clock differs from that of the node that is asked. */
function clockText({ skew, state, round_trip: way }) {
  if (state === "here" || skew === null) return "–";
  if (Math.abs(skew) <= Math.max(LEAST_SKEW, way ?? 0)) return "in step"; // it is not known any better
  return `${shortSpan(Math.abs(skew))} ${skew < 0 ? "behind" : "ahead"}`;
}

/** Whether a node can be used. @param {{state: string}} node */
const isThere = ({ state }) => ["here", "there", "suspect"].includes(state);

/** What one node has. Of a node that is gone, what it had stays named. */
function card(item) {
  const { name } = item.peek();
  const suffix = () => (name === status.value?.name ? "" : `@${name}`);
  const isUsable = computed(() => isThere(item.value));
  const word = () => (isUsable.value ? "" : item.value.state === "unreachable" ? "not known now" : "offline");
  const relays = instancesOn("relay", suffix);
  const sessions = instancesOn("session", suffix);
  const hasThings = () => relays.value.length + sessions.value.length > 0;
  const things = (kind, instances, title, make) => {
    const text = computed(() => instances.value.join("\n"));
    return each(
      () => (text.value === "" ? [] : text.value.split("\n")),
      (instance) => instance,
      (instance) => section(kind, title, instance.peek(), isUsable, make),
    );
  };
  const device = (one) => ({
    key: one.name || one.address,
    name: one.name || one.address,
    state: one.online && isUsable.value ? "ok" : "gone",
    word: one.online ? word() : "offline",
  });
  const session = (one) => ({
    key: one.session,
    name: one.agent || one.host,
    state: isUsable.value || one.state === "ended" ? (SESSION_STATES[one.state] ?? "ok") : "gone",
    word: isUsable.value || one.state === "ended" ? one.state : word(),
  });
  return h(
    "section.panel.node",
    { testid: "node", "data-node": name, "data-usable": () => String(isUsable.value), "aria-label": `Node ${name}` },
    h(
      "header.panel-head",
      {},
      h("h2", {}, visible(name)),
      h("div.panel-aside", {}, badge(() => NODE_STATES[item.value.state] ?? "waiting", () => item.value.state)),
    ),
    h(
      "div.panel-body",
      {},
      h("p.hint", { hidden: () => item.value.reason === "" }, () => visible(item.value.reason)),
      h("p.hint", { hidden: () => isUsable.value || hasThings() }, "What it had is not known to this page. History and Audit have what was recorded."),
      things("relay", relays, "Devices", device),
      things("session", sessions, "Sessions", session),
    ),
  );
}

/** The services of *kind* on a node; those of a node that is gone are kept. @param {string} kind @param {() => string} suffix */
function instancesOn(kind, suffix) {
  const kept = signal(/** @type {string[]} */ ([]));
  effect(() => {
    const node = suffix().slice(1);
    const there = servicesOf(kind)
      .map(({ instance }) => instance)
      .filter((instance) => nodeOf(instance) === node);
    if (there.length > 0 && there.join() !== kept.peek().join()) kept.value = there;
  });
  return kept;
}

/** @type {Record<string, {method: string, ends: string, changed: (rows: any, event: any) => void, keyOf: (one: any) => any}>} */
const LISTS = {
  relay: { method: "relay.devices", ends: "presence.*", changed: deviceChanged, keyOf: (one) => one.name || one.address },
  session: { method: "session.list", ends: "*", changed: sessionChanged, keyOf: (one) => one.session },
};

/** The things of one service by name: *make* tells of each its key, name, state and a word. */
function section(kind, title, name, isUsable, make) {
  const { method, ends, changed, keyOf } = LISTS[kind];
  const instance = /** @type {any} */ ({
    name: computed(() => name),
    params: (given = {}) => ({ ...given, instance: name }),
    subject: (rest) => `${kind}.${name}.${rest}`,
  });
  const list = roll({ method, instance, keyOf, events: [[ends, changed]] });
  effect(() => void (isUsable.value && list.refresh())); // a node that is back has other things
  const all = computed(() =>
    [...list.rows.value.values()].map(make).sort((one, other) => Number(one.state === "gone") - Number(other.state === "gone") || byName(one.name, other.name)),
  );
  const others = () => all.value.length - NAMED;
  const part = name.split("@")[0];
  return h(
    "div.node-things",
    { testid: `node-${kind}` },
    h("h3", {}, h("a", { href: addressOf(kind, name) }, part === "main" ? title : `${title} of ${part}`), h("span.hint", {}, () => ` ${count(all.value.length)}`)),
    h(
      "ul.node-list",
      {},
      each(
        () => all.value.slice(0, NAMED),
        ({ key }) => key,
        (item) =>
          h(
            "li",
            { testid: "node-thing", "data-name": item.peek().name, "data-state": () => item.value.state },
            badge(() => item.value.state, () => visible(item.value.name)),
            h("span.hint", {}, () => (item.value.word && item.value.word !== "streaming" ? ` ${item.value.word}` : "")),
          ),
      ),
    ),
    h("p.hint", { hidden: () => others() <= 0 }, () => `and ${count(others())} more`),
    h("p.hint", { hidden: () => all.value.length > 0 }, "none"),
  );
}
