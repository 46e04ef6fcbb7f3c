/** The state that all pages share: connection, user, operations, status and vitals. */

import { Netd, NOT_PERMITTED } from "../netd.js";
import { askNodes, askStates, farServices } from "./nodes.js";
import { isForeign, KINDS } from "./pages.js";
import { within } from "./subjects.js";
import { computed, effect, onCleanup, signal } from "./signal.js";
import { begin, end, forgetPage, onOtherTab, storedPage } from "./session.js";
import { forgetToken, storedToken } from "./token.js";

/** How many calls of `system.status` there are for one of those of other nodes. */
const OTHERS_EVERY = 3;

/** The subject of changes of nodes, and the milliseconds in which a new node tells its operations. */
export const CLUSTER = "system.main.cluster";
const SETTLING = 1000;

/** Seconds between two calls of `system.status`. */
const STATUS_EVERY = 4;
const VITALS = "system.main.vitals";
/** The subject under which netd publishes that it begins to serve, drain or stop. */
const STATE = "system.main.state";
/** Milliseconds after which a tab is signed out that netd has not signed out, when another tab was. */
const SIGNING_OUT = 3000;
/** How many earlier vitals are asked for, so that plots do not begin empty. */
const REPLAYED = 256;

/**
 * The user, as netd knows them; `subjects` is null for all.
 * @typedef {{name: string, role: string, subjects: string[]|null}} Who
 */

/**
 * An operation, as `system.operations` describes it.
 * @typedef {object} Operation
 * @property {string} name
 * @property {string|null} kind of the services that offer it.
 * @property {string} role the least role that may call it.
 * @property {string} summary
 * @property {string[]} instances the services that offer it.
 * @property {boolean} lasting whether its effect ends with the connection.
 * @property {import("./pages/argument_form.js").Argument[]} arguments
 * @property {import("./schema.js").Schema} result the schema of its result.
 */

/**
 * A service, as `system.status` describes it; each kind has members of its own beside these.
 * @typedef {{kind: string, instance: string, listening: {address: string, reach: string, certificate_end?: number | null}[],
 *   counters: Record<string, any>, connections?: number, isGuessed?: boolean} & Record<string, any>} Service
 */

/**
 * The result of `system.status`. netd leaves out services of which a confined token may see a part only: they are added with
 * `isGuessed`. Where netd refuses the whole status, `refusal` has the reason.
 * @typedef {{name: string|null, services: Service[], refusal?: string} & Record<string, any>} Status
 */

/**
 * The vitals that netd publishes each second; `received` is the time of arrival, in milliseconds since the epoch by our clock.
 * @typedef {{time: number, started: number, uptime: number, published: number, connections: number, dropped: number, lag: number,
 *   received: number}} Vitals
 */

/** @template T @typedef {import("./signal.js").Writable<T>} Writable */

/** The page key that the connection was made with; null without a session, and for the token of a screen. */
let pageInUse = storedToken() === null ? storedPage() : null;

export const netd = new Netd({ token: storedToken(), page: pageInUse });

/** The connection's state, see State in netd.js. */
export const state = signal(netd.state);

/** Whether operations can be called now. */
export const isLive = computed(() => state.value.name === "live");

/** When the connection was last lost, in seconds since the epoch. */
export const lostAt = signal(Date.now() / 1000);

/** Why netd refused the last token, or ended the session; "" where it did not. */
export const tokenRefusal = signal("");

/** The user; null before the first connection. @type {Writable<Who|null>} */
export const who = signal(null);

/** The operations by name. @type {Writable<Map<string, Operation>>} */
export const operations = signal(new Map());

/** The newest vitals, and the ones before. @type {Writable<{now: Vitals|null, before: Vitals|null}>} */
export const vitals = signal({ now: null, before: null });

/** The user as a text, which changes only with the user; "" before the first connection. */
export const identity = computed(() => (who.value === null ? "" : `${who.value.role} ${who.value.name}`));

/** Whether the user's token covers the vitals. */
export const hearsVitals = computed(() => identity.value !== "" && within(VITALS, who.value?.subjects ?? null).length > 0);

/** The last status, or null. @type {Writable<Status|null>} */
export const status = signal(null);

/**
 * Whether netd serves, drains or stops; null before the first status.
 * @typedef {object} Phase
 * @property {"serving"|"draining"|"stopping"} state
 * @property {number|null} until when open connections are closed, seconds since the epoch by netd's clock; null without a deadline.
 * @property {number} connections how many programs are still connected while netd drains.
 */

/** @type {Writable<Phase|null>} */
export const phase = signal(null);

/** Seconds since the epoch by the browser's clock; changes once a second. */
export const now = signal(Date.now() / 1000);

/** How often netd has been restarted since this page was opened. */
export const starts = signal(0);

/** When netd was started, by its own clock; 0 before the first vitals or status. */
let startedAt = 0;

/** The services of this node, which pages see together with those of others. @type {Service[]} */
let own = [];

/** The services that offer the known operations, as a text; "" before the first status of a connection. */
let offering = "";

/** How far netd's clock is ahead of the browser's, in seconds. */
let skew = 0;

/** How often the status has been asked for. */
let asked = 0;

/** netd's time now, seconds since the epoch. */
export const serverNow = () => Date.now() / 1000 + skew;

/** The same as a signal, which changes once a second. */
export const serverClock = computed(() => now.value + skew);

/** netd's time to which the shown state belongs: now, or when the connection was lost. */
export const knownAt = computed(() => (isLive.value ? serverClock.value : lostAt.value + skew));

/** @type {Set<(vitals: {now: Vitals|null, before: Vitals|null}) => void>} */
const vitalsListeners = new Set();

/**
 * Call *listener* with all vitals, until the page that asks is left.
 * @param {(vitals: {now: any, before: any}) => void} listener
 */
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
  effect(() => {
    if (identity.value === "" || within(CLUSTER, who.value?.subjects ?? null).length === 0) return;
    const subscription = netd.subscribe(CLUSTER, { policy: "latest" }, () => {
      askStates(netd);
      setTimeout(nodesChanged, SETTLING);
    });
    onCleanup(() => subscription.close());
  });
  netd.open();
  setInterval(() => (now.value = Date.now() / 1000), 1000);
  setInterval(() => document.hidden || refreshStatus(), STATUS_EVERY * 1000);
  // netd closes the connections of a session that has ended, and tells why. It may not have heard of a sign-out.
  onOtherTab(() => (storedPage() === null ? setTimeout(followTabs, SIGNING_OUT) : followTabs()));
  globalThis.addEventListener("online", () => netd.retry());
  document.addEventListener("visibilitychange", () => document.hidden || netd.retry());
}

/** @param {import("../netd.js").State} next */
function changed(next) {
  if (state.peek().name === "live" && next.name !== "live") lostAt.value = Date.now() / 1000;
  state.value = next;
  if (next.name === "unauthorised" && hasProof()) {
    if (storedToken() === null && ![null, pageInUse].includes(storedPage())) return void followTabs(); // another tab has signed in
    // netd counts each attempt with a wrong token, so it must not be sent again: not even after a reload of the page
    forgetToken();
    forgetPage();
    pageInUse = null;
    tokenRefusal.value = next.reason;
  }
  if (next.name !== "live") return;
  tokenRefusal.value = "";
  who.value = netd.who;
  offering = "";
  takeOperations();
  refreshStatus();
}

/** Another start time means that netd has been restarted. */
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

/** After a reload, other services may offer other operations. @param {Service[]} services */
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
    offering = ""; // they are asked for with the next connection
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
    own = [...told.services, ...guessed(subjects, told.services)];
    status.value = { ...told, services: allServices() };
    phase.value = phaseOf(told);
    noteServices(told.services);
  } catch (error) {
    if (error.code === NOT_PERMITTED) {
      own = guessed(subjects, []);
      status.value = { name: null, services: allServices(), refusal: error.message };
    }
    // Any other error: the strip shows the state of the connection, and the next call follows soon.
  }
  if (asked++ % OTHERS_EVERY === 0) refreshNodes();
}

/** The services of all nodes. Of one that the token sees in part only, the guess stays. @returns {Service[]} */
function allServices() {
  const far = farServices();
  const isTold = (one) => far.some(({ kind, instance }) => kind === one.kind && instance === one.instance);
  return [...own.filter((one) => !isTold(one)), ...far];
}

/** Ask the other nodes of the cluster for their services. */
async function refreshNodes() {
  const had = farServices().length;
  await Promise.all([askNodes(netd), askStates(netd)]);
  const last = status.peek();
  if (last !== null && had + farServices().length > 0) status.value = { ...last, services: allServices() };
}

/** A node of the cluster has come or gone: with it, its operations and services. */
async function nodesChanged() {
  await refreshOperations();
  asked = 0;
  refreshStatus();
}

/**
 * Services of further kinds that a token with these *subjects* may see a part of: those whose operations netd offers, or else
 * those that the subjects name.
 * @param {string[]} subjects @param {Service[]} known @returns {Service[]}
 */
function guessed(subjects, known) {
  const isOffered = (kind) => netd.operations.some((operation) => operation.kind === kind);
  const missing = KINDS.filter(
    (kind) => !known.some((one) => one.kind === kind) && (within(`${kind}.>`, subjects).length > 0 || isOffered(kind)),
  );
  return missing.flatMap((kind) => {
    const offered = netd.operations.filter((operation) => operation.kind === kind).flatMap(({ instances }) => instances);
    const named = within(`${kind}.>`, subjects).map((pattern) => pattern.split(".")[1]);
    const instances = offered.length ? offered : named.map((name) => (/^[*>]$/.test(name) ? "main" : name));
    return [...new Set(instances)].map((instance) => ({ kind, instance, listening: [], counters: {}, isGuessed: true }));
  });
}

/** The third parties' kinds of which a service runs. */
export const foreignKinds = computed(() => {
  const kinds = (status.value?.services ?? []).map((service) => service.kind);
  return [...new Set(kinds)].filter(isForeign).sort();
});

/** The services of one kind, as system.status describes them. @param {string} kind */
export const servicesOf = (kind) => (status.value?.services ?? []).filter((service) => service.kind === kind);

/** Sign in with *token*, which begins a session. @param {string} token */
export async function login(token) {
  tokenRefusal.value = await begin(token);
  if (tokenRefusal.peek() === "") followTabs();
}

/** End the session, in all tabs of this browser. The page is loaded anew, so that nothing of what was seen is left. */
export async function logout() {
  forgetToken();
  await end();
  location.reload();
}

/** Go by what is stored: another tab of this browser may have signed in, or out. */
function followTabs() {
  if (storedToken() !== null || storedPage() === pageInUse) return;
  pageInUse = storedPage();
  netd.login(null, pageInUse);
}

/** Whether a session or a token is in use. */
export const hasProof = () => storedToken() !== null || pageInUse !== null;
