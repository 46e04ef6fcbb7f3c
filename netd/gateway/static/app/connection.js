/** What the whole page knows of netd: the connection, who we are, what can be done, and what is always told. */

import { Netd, NOT_PERMITTED } from "../netd.js";
import { isForeign, KINDS } from "./pages.js";
import { within } from "./subjects.js";
import { computed, effect, onCleanup, signal } from "./signal.js";

const TOKEN = "netd.token";
/** Seconds between two looks at system.status. */
const STATUS_EVERY = 4;
const VITALS = "system.main.vitals";
/** Is published when netd begins to serve, drain or stop. */
const STATE = "system.main.state";
/** Vitals that are asked for at first: what others have seen already. */
const REPLAYED = 256;

/**
 * Who we are, as netd says it; `subjects` is null for all.
 * @typedef {{name: string, role: string, subjects: string[]|null}} Who
 */

/**
 * An operation, as `system.operations` describes it.
 * @typedef {object} Operation
 * @property {string} name
 * @property {string|null} kind of the services that offer it.
 * @property {string} role the least that may call it.
 * @property {string} summary
 * @property {string[]} instances the services that offer it.
 * @property {boolean} lasting what it does ends with the connection.
 * @property {import("./pages/argument_form.js").Argument[]} arguments
 * @property {import("./schema.js").Schema} result what it gives.
 */

/**
 * A service, as `system.status` describes it; each kind has members of its own beside these.
 * @typedef {{kind: string, instance: string, listening: {address: string, reach: string}[], counters: Record<string, any>,
 *   connections?: number, isGuessed?: boolean} & Record<string, any>} Service
 */

/**
 * What `system.status` gave. For a token that is for some subjects only, services that these name are added, as `isGuessed`, where
 * netd does not say anything of them; `refusal` says why where it says nothing at all.
 * @typedef {{name: string|null, services: Service[], refusal?: string} & Record<string, any>} Status
 */

/**
 * How netd does, as it says each second, and when that came, milliseconds since the epoch by our clock.
 * @typedef {{time: number, started: number, uptime: number, published: number, connections: number, dropped: number, lag: number,
 *   received: number}} Vitals
 */

/** @template T @typedef {import("./signal.js").Writable<T>} Writable */

export const netd = new Netd({ token: sessionStorage.getItem(TOKEN) });

/** The connection's state, see State in netd.js. */
export const state = signal(netd.state);

/** Whether netd can be asked something. */
export const isLive = computed(() => state.value.name === "live");

/** When the connection was lost last, seconds since the epoch. */
export const lostAt = signal(Date.now() / 1000);

/** Why netd took a token no longer, or not at all; "" where it was not asked to. */
export const tokenRefusal = signal("");

/** Who we are; null before we are anyone. @type {Writable<Who|null>} */
export const who = signal(null);

/** The operations by name. @type {Writable<Map<string, Operation>>} */
export const operations = signal(new Map());

/** The newest vitals, and those before. @type {Writable<{now: Vitals|null, before: Vitals|null}>} */
export const vitals = signal({ now: null, before: null });

/** Who we are, as a text that changes only when we become somebody else; "" before we are anyone. */
export const identity = computed(() => (who.value === null ? "" : `${who.value.role} ${who.value.name}`));

/** Whether netd tells us how it does: not those whose token is for other subjects. */
export const hearsVitals = computed(() => identity.value !== "" && within(VITALS, who.value?.subjects ?? null).length > 0);

/** What system.status gave last, or null. @type {Writable<Status|null>} */
export const status = signal(null);

/**
 * Whether netd serves, drains or stops; null before we are told.
 * @typedef {object} Phase
 * @property {"serving"|"draining"|"stopping"} state
 * @property {number|null} until when open connections are closed, seconds since the epoch by netd's clock; null without a deadline.
 * @property {number} connections of programs, that are open while it drains.
 */

/** @type {Writable<Phase|null>} */
export const phase = signal(null);

/** Seconds since the epoch by our clock; moves once a second. */
export const now = signal(Date.now() / 1000);

/** How often netd was started anew since this page was opened, as far as we are told. */
export const starts = signal(0);

/** When netd was started, as its clock showed it then; 0 before we are told. */
let startedAt = 0;

/** The services whose operations we know, as a text; "" before any. */
let offering = "";

/** How far netd's clock is ahead of ours, in seconds. */
let skew = 0;

/** netd's time now, seconds since the epoch. */
export const serverNow = () => Date.now() / 1000 + skew;

/** The same, for what is shown: moves once a second. */
export const serverClock = computed(() => now.value + skew);

/** netd's time of what is shown: now, or when the connection was lost; seconds since the epoch. */
export const knownAt = computed(() => (isLive.value ? serverClock.value : lostAt.value + skew));

/** @type {Set<(vitals: {now: Vitals|null, before: Vitals|null}) => void>} */
const vitalsListeners = new Set();

/** Call *listener* with each vitals event, until the page that asks is left. @param {(vitals: {now: any, before: any}) => void} listener */
export function onVitals(listener) {
  vitalsListeners.add(listener);
  onCleanup(() => vitalsListeners.delete(listener));
}

/** Connect, and keep everything here up to date. */
export function start() {
  netd.addEventListener("state", (event) => changed(/** @type {any} */ (event).detail));
  effect(() => {
    if (!hearsVitals.value) return;
    const subscription = netd.subscribe(VITALS, { policy: "latest", replay: REPLAYED }, ({ data }) => take(data));
    onCleanup(() => subscription.close());
  });
  effect(() => {
    if (identity.value === "" || within(STATE, who.value?.subjects ?? null).length === 0) return;
    const subscription = netd.subscribe(STATE, { policy: "latest" }, () => refreshStatus());
    onCleanup(() => subscription.close());
  });
  netd.open();
  setInterval(() => (now.value = Date.now() / 1000), 1000);
  setInterval(() => document.hidden || refreshStatus(), STATUS_EVERY * 1000);
  globalThis.addEventListener("online", () => netd.retry());
  document.addEventListener("visibilitychange", () => document.hidden || netd.retry());
}

/** @param {import("../netd.js").State} next */
function changed(next) {
  if (state.peek().name === "live" && next.name !== "live") lostAt.value = Date.now() / 1000;
  state.value = next;
  if (next.name === "unauthorised" && hasToken()) {
    // a token that is given again is counted as another wrong one: not even a reload does so
    sessionStorage.removeItem(TOKEN);
    tokenRefusal.value = next.reason;
  }
  if (next.name !== "live") return;
  tokenRefusal.value = "";
  who.value = netd.who;
  offering = "";
  takeOperations();
  refreshStatus();
}

/** Whoever was started at another moment than the netd that we know is another. */
function noteStart(moment) {
  if (startedAt !== 0 && moment !== startedAt) starts.value += 1;
  startedAt = moment;
}

function take(data) {
  noteStart(data.started);
  skew = data.time - Date.now() / 1000;
  vitals.value = { now: { ...data, received: Date.now() }, before: vitals.peek().now };
  for (const listener of vitalsListeners) listener(vitals.peek());
}

/** @param {any} told by `system.status` @returns {Phase} */
function phaseOf({ state: name, draining }) {
  const left = draining?.left ?? null;
  return { state: name, until: left === null ? null : serverNow() + left, connections: draining?.connections ?? 0 };
}

/** Other services, after a reload, offer other operations. @param {Service[]} services */
function noteServices(services) {
  const running = services.map(({ kind, instance }) => `${kind}:${instance}`).join(" ");
  if (offering !== "" && running !== offering) refreshOperations();
  offering = running;
}

async function refreshOperations() {
  try {
    netd.operations = await netd.call("system.operations");
    takeOperations();
  } catch {
    offering = ""; // the next connection brings them
  }
}

const takeOperations = () =>
  (operations.value = new Map(netd.operations.map((operation) => [operation.name, /** @type {any} */ (operation)])));

/** Ask for system.status now. */
export async function refreshStatus() {
  if (state.peek().name !== "live") return;
  const subjects = netd.who?.subjects ?? [];
  try {
    const told = await netd.call("system.status");
    noteStart(told.started);
    status.value = { ...told, services: [...told.services, ...guessed(subjects, told.services)] };
    phase.value = phaseOf(told);
    noteServices(told.services);
  } catch (error) {
    if (error.code === NOT_PERMITTED)
      status.value = { name: null, services: guessed(subjects, []), refusal: error.message };
    // anything else: the strip tells how the connection is, and the next look will do
  }
}

/**
 * The services that *subjects* are about, of kinds that are not *known*: those whose operations netd offers us, or else those
 * that the subjects themselves name.
 * @param {string[]} subjects @param {Service[]} known @returns {Service[]}
 */
function guessed(subjects, known) {
  const missing = KINDS.filter((kind) => !known.some((one) => one.kind === kind) && within(`${kind}.>`, subjects).length);
  return missing.flatMap((kind) => {
    const offered = netd.operations.filter((operation) => operation.kind === kind).flatMap(({ instances }) => instances);
    const named = within(`${kind}.>`, subjects).map((pattern) => pattern.split(".")[1]);
    const instances = offered.length ? offered : named.map((name) => (/^[*>]$/.test(name) ? "main" : name));
    return [...new Set(instances)].map((instance) => ({ kind, instance, listening: [], counters: {}, isGuessed: true }));
  });
}

/** The kinds of third parties' services that run. */
export const foreignKinds = computed(() => {
  const kinds = (status.value?.services ?? []).map((service) => service.kind);
  return [...new Set(kinds)].filter(isForeign).sort();
});

/** The services of one kind, as system.status describes them. @param {string} kind */
export const servicesOf = (kind) => (status.value?.services ?? []).filter((service) => service.kind === kind);

/** Sign in with *token*, and remember it for as long as this tab is open. */
export function login(token) {
  sessionStorage.setItem(TOKEN, token);
  tokenRefusal.value = "";
  netd.login(token);
}

/** Forget the token. */
export function logout() {
  sessionStorage.removeItem(TOKEN);
  tokenRefusal.value = "";
  netd.login(null);
}

/** Whether a token is in use. */
export const hasToken = () => sessionStorage.getItem(TOKEN) !== null;
