/** What there is now, on Overview: how many sessions, peers of wires, devices and rooms on all nodes, and which nodes cannot be used. */

import { isLive, netd, operations, serverClock, servicesOf } from "../connection.js";
import { each, h, when } from "../dom.js";
import { count, duration, fullTime, plural, visible } from "../format.js";
import { missingNodes, nodeStates } from "../nodes.js";
import { badge, panel } from "../panel.js";
import { unanswered } from "../rights.js";
import { addressOf } from "../router.js";
import { computed, effect, onCleanup, signal } from "../signal.js";
import { STATES as SESSION_STATES } from "./session_states.js";

/** Seconds between two questions, at least; after a slow answer, the pause is this many times as long as the answer took. */
const EVERY = 10;
const RESPITE = 20;

/** @type {[string, string, string, Record<string, string>][]} */
const THINGS = [
  ["session", "Sessions", "session.list", SESSION_STATES],
  ["wire", "Wires", "wire.peers", { online: "ok", "spoken for": "plain", away: "gone" }],
  ["relay", "Devices", "relay.devices", { online: "ok", unknown: "waiting", away: "gone" }],
  ["room", "Rooms", "room.list", { talking: "ok", full: "ok", gathering: "waiting", parting: "waiting" }],
];

/** The sums of counts by name. @param {Record<string, number>[]} all @returns {Record<string, number>} */
function summed(all) {
  /** @type {Record<string, number>} */
  const sums = {};
  for (const counts of all) for (const [name, number] of Object.entries(counts)) sums[name] = (sums[name] ?? 0) + number;
  return sums;
}

/** The nodes of the cluster that cannot be used, and why. */
export function missing() {
  const one = (item) => {
    const { name } = item.peek();
    const since = () => duration(Math.max(0, serverClock.value - item.value.since));
    const why = () => (item.value.reason ? `: ${visible(item.value.reason)}` : "");
    return h(
      "li",
      { testid: "missing-node", "data-node": name },
      badge("trouble", [
        h("a", { href: addressOf("cluster") }, `Node ${visible(name)}`),
        h("span", { title: () => fullTime(item.value.since) }, () => ` ${item.value.state} for ${since()}${why()}`),
      ]),
    );
  };
  return when(
    () => missingNodes().length > 0,
    () => panel({ title: "Nodes", testid: "missing-nodes", kind: "wide" }, h("ul.alarms", {}, each(missingNodes, ({ name }) => name, one))),
  );
}

/** How many sessions, peers of wires, devices and rooms there are, in which states; in a cluster, on all nodes together. */
export function things() {
  const title = () => (nodeStates.value.length > 1 ? `Now, on ${plural(nodeStates.value.length, "node")}` : "Now");
  return panel(
    { title, testid: "things" },
    h(
      "dl.things",
      {},
      THINGS.map(([kind, name, method, looks]) => thing(kind, name, everywhere(kind, method), looks)),
    ),
  );
}

/** The operation that counts the devices of all nodes itself: also of those that are gone. */
const ALL_DEVICES = "cluster.devices";

/**
 * The counts of all services of a kind together, of which those that do not answer are left out.
 * @param {string} kind @param {string} method
 */
function everywhere(kind, method) {
  const counts = signal(/** @type {Record<string, number>} */ ({}));
  const instances = computed(() => servicesOf(kind).map(({ instance }) => instance).filter((one) => !unanswered(method, one)).join("\n"));
  const isSummed = () => kind === "relay" && operations.value.has(ALL_DEVICES);
  const questions = () =>
    isSummed()
      ? [netd.call(ALL_DEVICES, { limit: 1 })]
      : instances.peek().split("\n").filter(Boolean).map((instance) => netd.call(method, { instance, limit: 1 }));
  let [isOver, timer] = [false, 0];
  const ask = async () => {
    clearTimeout(timer);
    const began = performance.now();
    if (isLive.peek() && !document.hidden) {
      const answers = await Promise.allSettled(questions());
      const told = answers.flatMap((one) => (one.status === "fulfilled" ? [one.value.counts] : []));
      if (told.length > 0 || answers.length === 0) counts.value = summed(told);
    }
    clearTimeout(timer);
    if (!isOver) timer = setTimeout(ask, Math.max(EVERY * 1000, RESPITE * (performance.now() - began)));
  };
  effect(() => {
    void [instances.value, isLive.value, isSummed(), nodeStates.value.map(({ state }) => state).join()];
    ask();
  });
  onCleanup(() => {
    isOver = true;
    clearTimeout(timer);
  });
  return { counts, isOffered: () => instances.value !== "" };
}

function thing(kind, title, list, looks) {
  const counts = () => Object.entries(list.counts.value);
  const one = (item) => {
    const [state] = item.peek();
    return badge(looks[state] ?? "plain", () => `${count(item.value[1])} ${state}`, { testid: "thing", "data-kind": kind });
  };
  return h(
    "div",
    { hidden: () => !list.isOffered() },
    h("dt", {}, h("a", { href: addressOf(kind) }, title)),
    h(
      "dd",
      {},
      when(
        () => counts().length === 0,
        () => h("span.hint", {}, "none"),
      ),
      each(counts, ([state]) => state, one),
    ),
  );
}
