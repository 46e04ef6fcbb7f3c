/** The strip above every page: the connection, the state of netd, and its vitals. */

import { computed } from "./signal.js";
import {
  hasProof,
  hearsVitals,
  isLive,
  netd,
  now,
  phase,
  serverClock,
  servicesOf,
  state,
  status,
  vitals,
  who,
} from "./connection.js";
import { choice, h, when } from "./dom.js";
import { clock, count, duration, rate, shortSpan, visible } from "./format.js";
import { late } from "./late.js";
import { badge } from "./panel.js";
import { recording } from "./recorder.js";
import { subjects } from "./rights.js";
import { themeSwitch } from "./themes.js";

/** Who is signed in: nobody is on netd's own machine without tokens. */
const account = late(() => import("./account.js"), "sign_in");

/** Seconds without vitals after which the page is called stale. */
const STALE = 3;

/** When the last vitals came, or else the connection was made, in seconds since the epoch. */
const heardAt = computed(() => Math.max(vitals.value.now?.received ?? 0, state.value.since) / 1000);
const age = computed(() => now.value - heardAt.value);
const isStale = computed(() => isLive.value && hearsVitals.value && age.value > STALE);

function connectionState() {
  const { name, seconds, attempt } = state.value;
  if (isStale.value) return ["waiting", `stale since ${clock(heardAt.value)}`];
  if (name === "live") return ["ok", "live"];
  if (name === "reconnecting") return ["trouble", seconds > 0 ? `reconnecting in ${seconds} s` : "reconnecting"];
  if (name === "unauthorised") return ["waiting", "sign-in needed"];
  if (name === "connecting") return ["waiting", attempt > 0 ? "reconnecting" : "connecting"];
  return ["gone", "closed"];
}

/** The text for screen readers: the state without the count-down, which would be read out each second. */
const announced = computed(() => {
  /** @type {Record<string, string>} */
  const names = {
    live: "Connected to netd.",
    reconnecting: "The connection to netd is lost. Reconnecting.",
    unauthorised: "Sign-in needed.",
  };
  if (isLive.value && phase.value?.state === "draining") return "netd drains: it accepts no more connections.";
  return names[state.value.name === "connecting" && state.value.attempt > 0 ? "reconnecting" : state.value.name] ?? "";
});

/** The progress of draining or stopping; "" while netd serves. */
export const phaseText = computed(() => {
  const { state: name, until, connections } = phase.value ?? { state: "serving", until: null, connections: 0 };
  if (name === "serving") return "";
  if (name === "stopping") return "stopping";
  if (connections === 0) return "drained: nobody is connected";
  const left = until === null ? null : Math.ceil(until - serverClock.value);
  const end = left === null ? "may stay" : left > 0 ? `closed in ${duration(left)}` : "closed now";
  return `draining: ${count(connections)} open, ${end}`;
});

const ending = () => badge("waiting", () => phaseText.value, { testid: "phase", "data-phase": () => phase.value?.state });

const perSecond = () => {
  const { now: last, before } = vitals.value;
  if (last === null || before === null || last.started !== before.started) return NaN;
  return (last.published - before.published) / (last.uptime - before.uptime);
};

/** Messages a second on the bus, as a signal. */
export const messageRate = computed(perSecond);

/** netd's uptime in seconds; while it is away, the last that is known. */
const uptime = computed(() => {
  const last = vitals.value.now;
  if (last === null || !hearsVitals.value) return status.value?.uptime ?? null;
  return last.uptime + (isLive.value ? Math.max(0, age.value) : 0);
});

/** @param {(last: import("./connection.js").Vitals) => string} read */
const fromVitals = (read) => () => (vitals.value.now === null ? "–" : read(vitals.value.now));

/** Whether the token is confined to some subjects: then vitals are shown only if it covers them. */
const isConfined = () => who.value !== null && subjects.value !== null;
const knowsVitals = () => !isConfined() || hearsVitals.value;

/** Alerts on more subjects than one: those that fire, or wait to be acknowledged; null where there are none. */
const alarm = computed(() => {
  const loud = servicesOf("alert").filter(({ state: name }) => name === "firing" || name === "unacknowledged");
  if (loud.length === 0) return null;
  const firing = loud.filter(({ state: name }) => name === "firing");
  const { instance, state: name } = /** @type {any} */ (firing[0] ?? loud[0]);
  const more = loud.length > 1 ? `, ${count(loud.length - 1)} more` : "";
  return { text: `${instance} ${name}${more}`, state: name };
});

/** How many alerts fire, and the worst of them. It leads to their page. */
const alarms = () =>
  h(
    "a.alarms",
    { href: "#/alerts", testid: "alarms", "data-state": () => alarm.value?.state },
    badge("trouble", () => visible(alarm.value?.text ?? "")),
  );

/** What the recorder does: `recording`, `paused`, `dropping`; null where there is none, or the token does not see it. */
const recorderState = computed(() => recording.value?.state ?? null);
const RECORDER_BADGES = { recording: ["ok", "rec"], paused: ["waiting", "rec paused"], dropping: ["trouble", "rec drops"] };
const recorderBadge = computed(() => RECORDER_BADGES[recorderState.value] ?? ["gone", "rec"]);

/** Whether what comes is recorded; the reason why not is its title. */
const recorderShown = () =>
  badge(
    () => recorderBadge.value[0],
    () => recorderBadge.value[1],
    { testid: "recording", title: () => recording.value?.reason || "What goes over the bus is recorded." },
  );

/** The strip. */
export function strip() {
  return h(
    "header.strip",
    { "aria-label": "State of netd", testid: "strip", "data-state": () => (isStale.value ? "stale" : state.value.name) },
    h("span.offscreen", { role: "status" }, () => announced.value),
    h(
      "div.strip-connection",
      {},
      connection(),
      when(() => state.value.name === "reconnecting", retryNow),
      when(() => isLive.value && phaseText.value !== "", ending),
      when(() => alarm.value !== null, alarms),
      when(() => isLive.value && recorderState.value !== null, recorderShown),
    ),
    h(
      "dl.strip-facts",
      { class: () => (isLive.value && !isStale.value ? "" : "old") },
      fact("Node", () => status.value?.name ?? "–", "node"),
      fact("Up", () => (uptime.value === null ? "–" : duration(uptime.value)), "uptime"),
      fact(
        "Sees",
        () => (subjects.value ?? []).join(", "),
        "subjects",
        () => "",
        isConfined,
      ),
      fact(
        "Messages",
        () => `${rate(messageRate.value)} /s`,
        "rate",
        () => "",
        knowsVitals,
      ),
      fact(
        "Dropped",
        fromVitals((last) => count(last.dropped)),
        "dropped",
        () => ((vitals.value.now?.dropped ?? 0) > 0 ? "waiting" : ""),
        knowsVitals,
      ),
      fact(
        "Lag",
        fromVitals((last) => shortSpan(last.lag)),
        "lag",
        () => lagState(vitals.value.now?.lag),
        knowsVitals,
      ),
    ),
    h(
      "div.strip-aside",
      {},
      choice(
        () => (isLive.value && who.value !== null && hasProof() ? account() : null),
        (part) => part?.account() ?? null,
      ),
      when(() => isLive.value && who.value?.name === "" && phaseText.value === "", openToAll),
      themeSwitch(),
    ),
  );
}

const lagState = (lag) => (lag > 0.5 ? "trouble" : lag > 0.05 ? "waiting" : "");

function connection() {
  const current = computed(connectionState);
  const attributes = {
    class: "connection",
    testid: "connection",
    "data-connection": () => state.value.name,
    title: () => state.value.reason || null,
  };
  return badge(
    () => current.value[0],
    () => current.value[1],
    attributes,
  );
}

const retryNow = () => h("button.quiet", { type: "button", testid: "retry", onclick: () => netd.retry() }, "Now");

function fact(name, read, testid, judge = () => "", isTold = () => true) {
  return when(isTold, () => h("div", { "data-state": judge, testid: `strip-${testid}` }, h("dt", {}, name), h("dd", {}, read)));
}

/** A warning: without tokens, everyone who reaches the gateway has all rights. */
function openToAll() {
  const title =
    "Everyone on this machine is administrator, because there are no tokens. Make one: netd token add NAME --role admin";
  return badge(
    () => "waiting",
    () => "no tokens: all are admin",
    { testid: "open", title },
  );
}
