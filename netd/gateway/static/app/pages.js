/**
 * The table of pages: rail, router, Overview, "Lately" and Bus read it. A kind of service that is not in it, a third party's, has
 * the page `SERVICE`, which is made of the status, operations and events of that kind.
 */

import { bytes, count, duration, plural, spoken } from "./format.js";
import { sheet } from "./sheet.js";

/**
 * @typedef {object} Entry
 * @property {string} name its name in the address: #/sessions.
 * @property {string} title
 * @property {string} icon the path of a drawing, 16 by 16.
 * @property {string|null} kind the kind of service that the page is about.
 * @property {() => Promise<() => Element>} load imports the page; gives the function that makes it.
 * @property {(status: any) => string[]} [facts] what Overview tells of a service, by its status.
 * @property {[string, string][]} [suggest] patterns that Bus offers, each with a word for it.
 * @property {News} [news] the events that "Lately" lists.
 */

/**
 * Events that "Lately" lists.
 * @typedef {object} News
 * @property {string} pattern of their subjects.
 * @property {number} most how many are kept, so that many sessions do not displace a device.
 * @property {(data: any, instance: string) => Item|null} read
 */

/**
 * An event in "Lately". Of events with the same `fold`, only the newest is shown: rooms end all the time.
 * @typedef {{state: string, who: string, what: string, fold?: string}} Item
 */

/** netd's words for the next attempt. The seconds count from the time of the event. */
export const REDIALLED = /it is dialled again in ([\d.]+) s$/;

/** @type {Record<string, string>} */
const SESSION_STATES = { streaming: "ok", resting: "trouble", failing: "trouble", ended: "gone" };

/** What the states of a node look like. @type {Record<string, "ok"|"waiting"|"trouble"|"gone">} */
export const NODE_STATES = { here: "ok", there: "ok", gone: "trouble", incompatible: "trouble", alone: "trouble", left: "gone" };

/** A page with long lists, and their style sheet. @template T @param {Promise<T>} loading @returns {Promise<T>} */
const listed = async (loading) => (await Promise.all([loading, sheet("lists")]))[0];

/** @type {Entry[]} */
export const PAGES = [
  {
    name: "overview",
    title: "Overview",
    icon: "M2.5 9.5v4M6.2 5.5v8M9.8 7.5v6M13.5 2.5v11",
    kind: null,
    load: async () => (await listed(import("./pages/overview.js"))).overview,
    suggest: [[">", "everything"]],
  },
  {
    name: "board",
    title: "Boards",
    icon: "M2.5 2.5h5v5h-5zM9.5 2.5h4v3h-4zM9.5 7.5h4v6h-4zM2.5 9.5h5v4h-5z",
    kind: null,
    load: async () => (await import("./pages/board.js")).board,
  },
  {
    name: "sessions",
    title: "Sessions",
    icon: "M1.5 8.5h2.6l1.9-5 3.4 9.5 2-4.5h3.1",
    kind: "session",
    load: async () => (await listed(import("./pages/sessions.js"))).sessions,
    facts: ({ streaming, sessions, counters }) => [
      `${count(streaming)} streaming`,
      `${plural(sessions, "session")} known`,
      plural(counters.samples ?? 0, "sample"),
    ],
    suggest: [["session.>", "sessions"]],
    news: {
      pattern: "session.*.*",
      most: 20,
      read: ({ session, host, state, reason }) => ({
        state: SESSION_STATES[state] ?? "waiting",
        who: `Session ${session} (${host})`,
        what: reason ? `${state}: ${reason.replace(REDIALLED, "it is dialled again")}` : state,
      }),
    },
  },
  {
    name: "history",
    title: "History",
    icon: "M8 2.5a5.5 5.5 0 1 1-5.2 3.7M2.5 2.5v3.7h3.7M8 5v3.2l2.2 1.6",
    kind: "recorder",
    load: async () => (await import("./pages/history.js")).history,
    facts: ({ state, size, parts, counters }) => [
      state,
      `${bytes(size)} in ${plural(parts, "day")}`,
      `${count(counters.recorded ?? 0)} recorded since the start`,
    ],
  },
  {
    name: "devices",
    title: "Devices",
    icon: "M4.5 4.5h7v7h-7zM6.5 2v2.5M9.5 2v2.5M6.5 11.5V14M9.5 11.5V14M2 6.5h2.5M2 9.5h2.5M11.5 6.5H14M11.5 9.5H14",
    kind: "relay",
    load: async () => (await listed(import("./pages/devices.js"))).devices,
    facts: ({ devices, counters }) => [plural(devices, "device"), plural(counters.messages ?? 0, "message")],
    suggest: [["relay.>", "devices"]],
    news: {
      pattern: "relay.*.presence.*",
      most: 35,
      read: ({ device, online, reason }) => ({
        state: online ? "ok" : "gone",
        who: device,
        what: `${online ? "connected" : "disconnected"}${reason ? `: ${reason}` : ""}`,
      }),
    },
  },
  {
    name: "wires",
    title: "Wires",
    icon: "M2 8h3.5M10.5 8H14M5.5 5.5v5a2.5 2.5 0 0 0 5 0v-5zM7 5.5V3M9 5.5V3",
    kind: "wire",
    load: async () => (await listed(import("./pages/wires.js"))).wires,
    facts: ({ peers, channels, counters }) => [
      plural(peers, "peer"),
      plural(channels, "channel"),
      ...(sum(counters.notes) > 0 ? [`${count(sum(counters.notes))} did not fit`] : []),
    ],
    suggest: [["wire.>", "wires"]],
    news: {
      pattern: "wire.*.presence.*",
      most: 35,
      read: ({ name, online, reason }) => ({
        state: online ? "ok" : "gone",
        who: name,
        what: `${online ? "connected" : "disconnected"}${reason ? `: ${reason}` : ""}`,
      }),
    },
  },
  {
    name: "feed",
    title: "Feed",
    icon: "M3 12.9h.1M3 8.5a4.5 4.5 0 0 1 4.5 4.5M3 4a9 9 0 0 1 9 9",
    kind: "feed",
    load: async () => (await import("./pages/feed.js")).feed,
    facts: ({ subscribers, counters }) => [
      plural(subscribers, "client"),
      plural(counters.rounds ?? counters.messages ?? 0, "round"),
    ],
    suggest: [["feed.>", "feed"]],
  },
  {
    name: "commands",
    title: "Commands",
    icon: "M3 4.5l3.5 3.5L3 11.5M8.5 12h4.5",
    kind: "command",
    load: async () => (await import("./pages/commands.js")).commands,
    facts: ({ commands, running, counters }) => [
      plural(commands, "command"),
      `${count(running)} running`,
      plural(sum(counters.runs), "run"),
    ],
    suggest: [["command.>", "commands"]],
  },
  {
    name: "rooms",
    title: "Rooms",
    icon: "M2.5 3h11v7.5H7l-3 2.7v-2.7H2.5z",
    kind: "room",
    load: async () => (await listed(import("./pages/rooms.js"))).rooms,
    facts: ({ rooms, counters }) => [plural(rooms, "room"), `${count(counters.rooms ?? 0)} so far`],
    suggest: [["room.>", "rooms"]],
    news: {
      pattern: "room.*.*.state",
      most: 5,
      read: ({ room, state, reason }, instance) =>
        state === "over" ? { state: "gone", who: `Room ${room}`, what: `over: ${reason}`, fold: `room ${instance}` } : null,
    },
  },
  {
    name: "alerts",
    title: "Alerts",
    icon: "M8 2.5a4 4 0 0 1 4 4v3l1.5 2h-11L4 9.5v-3a4 4 0 0 1 4-4zM6.5 13.5h3",
    kind: "alert",
    load: async () => (await import("./pages/alerts.js")).alerts,
    facts: ({ state, firing }) => [firing > 0 ? `fires on ${plural(firing, "subject")}` : state],
    suggest: [["alert.>", "alerts"]],
    news: {
      pattern: "alert.>",
      most: 20,
      read: ({ alert, subject, state, value }) => ({
        state: { firing: "trouble", unacknowledged: "trouble", acknowledged: "waiting" }[state] ?? "ok",
        who: `Alert ${alert}`,
        what: `${state}: ${subject}${value === null ? "" : ` is ${value}`}`,
      }),
    },
  },
  {
    name: "nodes",
    title: "Nodes",
    icon: "M6.5 2.5h3v3h-3zM2 10.5h3v3H2zM11 10.5h3v3h-3zM8 5.5v2.5M3.5 10.5V8h9v2.5",
    kind: "cluster",
    load: async () => (await listed(import("./pages/nodes.js"))).nodes,
    facts: ({ state, nodes = {}, server, trouble }) => [
      state,
      `${count(nodes.there ?? 0)} of ${plural(sum(nodes), "other node")} there`,
      trouble || server,
    ],
    suggest: [["system.main.cluster", "nodes"]],
    news: {
      pattern: "system.main.cluster",
      most: 20,
      read: ({ node, state, reason }) => ({
        state: NODE_STATES[state] ?? "waiting",
        who: `Node ${node}`,
        what: reason ? `${state}: ${reason}` : state,
      }),
    },
  },
  {
    name: "audit",
    title: "Audit",
    icon: "M3.5 2.5h9v11h-9zM5.5 5.5h5M5.5 8h5M5.5 10.5h3",
    kind: null,
    load: async () => (await import("./pages/audit.js")).audit,
    suggest: [["audit.>", "who did what"]],
  },
  {
    name: "bus",
    title: "Bus",
    icon: "M1.5 8h13M4.5 8V4M8 8v4.5M11.5 8V4M4.5 3.9v-.1M8 12.6v.1M11.5 3.9v-.1",
    kind: null,
    load: async () => (await import("./pages/bus.js")).bus,
    suggest: [
      ["system.>", "netd itself"],
      ["custom.>", "yours"],
    ],
  },
];

/** The page of a kind that has none of its own: #/service?kind=echo. @type {Entry} */
export const SERVICE = {
  name: "service",
  title: "Service",
  icon: "M3 3h4v4H3zM9 3h4v4H9zM3 9h4v4H3zM11 9v4M9 11h4",
  kind: null,
  load: async () => (await import("./pages/service.js")).service,
  facts: plainFacts,
};

/**
 * Kinds of netd's own that the rail leaves out, because Overview leads to them; each with its facts for Overview.
 * @type {Record<string, Entry["facts"]>}
 */
const OFF_THE_RAIL = { gateway: ({ websockets }) => [plural(websockets, "WebSocket")], manhole: plainFacts };

/** What Overview tells of netd's own kinds that have the page of any kind. @type {Record<string, Entry["facts"]>} */
const FACTS = {
  mqtt: ({ dialling, devices, waiting, last_objection: objection }) => [
    ...dialling.map(dialText),
    plural(devices, "device"),
    ...(waiting > 0 ? [`${count(waiting)} waiting`] : []),
    ...(objection ? [objection] : []),
  ],
  forward: ({ state, lag, counters }) => [state, `${count(counters.lines?.sent ?? 0)} sent`, ...(lag >= 1 ? [`${duration(lag)} behind`] : [])],
  bridge: ({ state, counters: { messages = {} }, last_failure: failure }) => [
    state,
    `${count(messages.sent ?? 0)} sent`,
    ...(messages.failed > 0 ? [`${count(messages.failed)} failed, at last because of ${failure}`] : []),
  ],
};

/** Members that Overview shows in other columns. */
const COMMON = new Set(["kind", "instance", "state", "connections"]);
const MOST_FACTS = 3;

/** The page of this name, or of this title; the first page where there is none. @param {string} name @returns {Entry} */
export const pageNamed = (name) =>
  [...PAGES, SERVICE].find((entry) => entry.name === name) ??
  PAGES.find((entry) => entry.title.toLowerCase() === name.toLowerCase()) ??
  PAGES[0];

/** The page about services of *kind*. @param {string} kind @returns {Entry} */
export const pageOfKind = (kind) => PAGES.find((entry) => entry.kind === kind) ?? SERVICE;

/** The kinds that have a page of their own. */
export const KINDS = PAGES.flatMap(({ kind }) => (kind === null ? [] : [kind]));

/** Whether *kind* has an entry of its own on the rail, below those of netd's pages. */
export const isForeign = (kind) => !KINDS.includes(kind) && !Object.hasOwn(OFF_THE_RAIL, kind);

/** What Overview tells of a service. @param {any} status @returns {string[]} */
export const factsOf = (status) =>
  ((Object.hasOwn(FACTS, status.kind) ? FACTS[status.kind] : null) ?? (isForeign(status.kind) ? null : OFF_THE_RAIL[status.kind]) ?? pageOfKind(status.kind).facts ?? plainFacts)(status);

/** The title of a page. @param {Entry} entry @param {string|null} kind that of the service, for the page `SERVICE`. */
export function titleOf({ title, name }, kind) {
  return name !== SERVICE.name || kind === null ? title : kind === "mqtt" ? "MQTT" : spoken(kind);
}

/**
 * A remote that a service dials, in the result of `system.status`.
 * @typedef {{remote: string, state: string, connected_for: number|null, next_attempt: number|null,
 *   last_failure: string|null}} Dialled
 */

/** The open connections of a service; null where its status does not tell. @param {any} status @returns {number|null} */
export function connectionsOf({ connections, dialling }) {
  return connections ?? dialling?.filter((/** @type {Dialled} */ one) => one.connected_for !== null).length ?? null;
}

/** What becomes of a remote: "connected for 6 s", "waiting, dials again in 3 s". @param {Dialled} remote */
export function dialText({ state, connected_for: up, next_attempt: again }) {
  if (up !== null) return state.replace("connected", `connected for ${duration(up)}`);
  return again === null ? state : `${state}, dials again in ${duration(again + 1)}`;
}

/**
 * Why a service does not do what it is there for; one text for each remote that is not connected. A service that waits for the
 * first answer has none.
 * @param {any} status @returns {string[]}
 */
export function troublesOf({ dialling = [], reason = "", state = "", last_failure: failure = null }) {
  const failed = dialling.filter((/** @type {Dialled} */ one) => one.connected_for === null && one.last_failure);
  const told = failed.map((/** @type {Dialled} */ one) => `${one.remote}: ${one.last_failure}`);
  if (reason) told.push(`${state}: ${reason}`);
  if (state === "paused" && failure) told.push(`${state}: ${failure}`);
  return told;
}

/** The first few numbers and words of a status, with their names; where it has none, its counters. */
function plainFacts(status) {
  const isTold = ([name, value]) =>
    !COMMON.has(name) && (typeof value === "number" || (typeof value === "string" && value !== ""));
  const word = ([name, value]) => `${name.replaceAll("_", " ")} ${Number.isInteger(value) ? count(value) : value}`;
  const own = [...(status.dialling ?? []).map(dialText), ...Object.entries(status).filter(isTold).map(word)];
  if (own.length > 0) return own.slice(0, MOST_FACTS);
  const counted = Object.entries(status.counters ?? {}).filter(([, value]) => Number.isFinite(value) && value > 0);
  return counted.length > 0 ? counted.map(word).slice(0, MOST_FACTS) : ["nothing so far"];
}

const sum = (numbers) => Object.values(numbers ?? {}).reduce((total, number) => total + number, 0);
