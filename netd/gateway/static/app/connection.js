/** What the whole page knows of netd: the connection, who we are, what can be done, and what is always told. */

import { Netd, NOT_PERMITTED } from "/netd.js";
import { computed, effect, onCleanup, signal } from "/static/app/signal.js";

const TOKEN = "netd.token";
const RANK = { viewer: 1, operator: 2, admin: 3 };
/** Seconds between two looks at system.status. */
const STATUS_EVERY = 4;
/** Vitals that are asked for at first: what others have seen already. */
const VITALS = 256;

export const netd = new Netd({ token: sessionStorage.getItem(TOKEN) });

/** The connection's state, see State in netd.js. */
export const state = signal(netd.state);

/** Whether netd can be asked something. */
export const isLive = computed(() => state.value.name === "live");

/** When the connection was lost last, seconds since the epoch. */
export const lostAt = signal(Date.now() / 1000);

/** Who we are: name, role and subjects; null before we are anyone. */
export const who = signal(null);

/** The operations by name. */
export const operations = signal(new Map());

/** The newest `system.main.vitals`, and the one before; each with `received`, milliseconds since the epoch by our clock. */
export const vitals = signal({ now: null, before: null });

/** Who we are, as a text that changes only when we become somebody else; "" before we are anyone. */
export const identity = computed(() => (who.value === null ? "" : `${who.value.role} ${who.value.name}`));

/**
 * What system.status gave last, or null. A token for some subjects only may not ask: then `refusal` says so, and the services are
 * those that its subjects name.
 */
export const status = signal(null);

/** Seconds since the epoch by our clock; moves once a second. */
export const now = signal(Date.now() / 1000);

/** How far netd's clock is ahead of ours, in seconds. */
let skew = 0;

/** netd's time now, seconds since the epoch. */
export const serverNow = () => Date.now() / 1000 + skew;

/** The same, for what is shown: moves once a second. */
export const serverClock = computed(() => now.value + skew);

const vitalsListeners = new Set();

/** Call *listener* with each vitals event, until the page that asks is left. */
export function onVitals(listener) {
  vitalsListeners.add(listener);
  onCleanup(() => vitalsListeners.delete(listener));
}

/** Connect, and keep everything here up to date. */
export function start() {
  netd.addEventListener("state", ({ detail }) => changed(detail));
  effect(() => {
    if (identity.value === "") return;
    const subscription = netd.subscribe("system.main.vitals", { policy: "latest", replay: VITALS }, ({ data }) => take(data));
    onCleanup(() => subscription.close());
  });
  netd.open();
  setInterval(() => (now.value = Date.now() / 1000), 1000);
  setInterval(() => document.hidden || refreshStatus(), STATUS_EVERY * 1000);
  globalThis.addEventListener("online", () => netd.retry());
  document.addEventListener("visibilitychange", () => document.hidden || netd.retry());
}

function changed(next) {
  if (state.peek().name === "live" && next.name !== "live") lostAt.value = Date.now() / 1000;
  state.value = next;
  if (next.name !== "live") return;
  who.value = netd.who;
  operations.value = new Map(netd.operations.map((operation) => [operation.name, operation]));
  refreshStatus();
}

function take(data) {
  skew = data.time - Date.now() / 1000;
  vitals.value = { now: { ...data, received: Date.now() }, before: vitals.peek().now };
  for (const listener of vitalsListeners) listener(vitals.peek());
}

/** Ask for system.status now. */
export async function refreshStatus() {
  if (state.peek().name !== "live") return;
  try {
    status.value = await netd.call("system.status");
  } catch (error) {
    if (error.code === NOT_PERMITTED)
      status.value = { name: null, services: namedBy(who.peek()?.subjects ?? []), refusal: error.message };
    // anything else: the strip tells how the connection is, and the next look will do
  }
}

/** The services that *subjects* are about, with what is known of them: nothing. */
function namedBy(subjects) {
  const pairs = new Set(subjects.map((pattern) => pattern.split(".").slice(0, 2).join(".")));
  return [...pairs].map((pair) => {
    const [kind, instance] = pair.split(".");
    return { kind, instance: /^[*>]?$/.test(instance ?? "") ? "main" : instance, listening: [], counters: {} };
  });
}

/** The services of one kind, as system.status describes them. @param {string} kind */
export const servicesOf = (kind) => (status.value?.services ?? []).filter((service) => service.kind === kind);

/** Why we may not call *method*, or "" where we may. */
export function forbidden(method) {
  const needed = operations.value.get(method)?.role ?? "viewer";
  const role = who.value?.role;
  if (!role || (RANK[role] ?? 0) >= RANK[needed]) return "";
  return `This takes the role ${needed}; you are signed in as ${role}.`;
}

/** Sign in with *token*, and remember it for as long as this tab is open. */
export function login(token) {
  sessionStorage.setItem(TOKEN, token);
  netd.login(token);
}

/** Forget the token. */
export function logout() {
  sessionStorage.removeItem(TOKEN);
  netd.login(null);
}

/** Whether a token is in use. */
export const hasToken = () => sessionStorage.getItem(TOKEN) !== null;
