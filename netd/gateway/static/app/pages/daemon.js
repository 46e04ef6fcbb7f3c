/** The daemon as a whole: its version and node; reload, drain, resume and stop. */

import { action, field, results } from "../action.js";
import { commandLine, commandLineToCopy } from "../commandline.js";
import { phase, refreshStatus, status } from "../connection.js";
import { h, when } from "../dom.js";
import { count, duration } from "../format.js";
import { connectionsOf, isForeign, KINDS } from "../pages.js";
import { panel } from "../panel.js";
import { subjects } from "../rights.js";
import { computed, signal } from "../signal.js";

/** @template T @typedef {import("../signal.js").Readable<T>} Readable */
/** @template T @typedef {import("../signal.js").Writable<T>} Writable */

/**
 * Whether nobody has used a service since netd started. Commands are called by netd's own tools as well, and the gateway by this
 * page.
 */
function isUnused(service) {
  if (service.kind === "command" || !(KINDS.includes(service.kind) || isForeign(service.kind))) return true;
  return !connectionsOf(service) && !service.counters?.accepted && !service.counters?.dials?.connected;
}

export function daemon() {
  const isQuiet = computed(() => status.value !== null && subjects.value === null && status.value.services.every(isUnused));
  const configuration = [reloading(false), reloading(true)];
  const within = signal(/** @type {number|null} */ (null));
  const [drain, resume, stop] = [draining(within), resuming(), stopping()];
  const isDraining = () => phase.value?.state === "draining";
  return panel(
    { title: "This netd", testid: "daemon" },
    h("p.facts", {}, who),
    when(() => isQuiet.value, suggestion),
    h(
      "div.row",
      {},
      configuration.map(({ button }) => button),
    ),
    results(...configuration),
    commandLineToCopy(() => commandLine("reload")),
    h("div.row.apart", {}, withinField(within), drain.button, resume.button, stop.button),
    results(drain, resume, stop),
    commandLineToCopy(() => commandLine("drain", ["--within", within.value === null ? null : `${within.value}s`])),
    when(isDraining, () => commandLineToCopy(() => commandLine("resume"))),
    commandLineToCopy(() => commandLine("stop")),
  );
}

function who() {
  if (status.value?.name)
    return `netd ${status.value.version} on ${status.value.name}, ${count(status.value.published)} messages so far`;
  return status.value?.refusal ? "Your token does not cover netd as a whole." : "–";
}

const suggestion = () =>
  h(
    "div.suggestion",
    {},
    h("p.hint", {}, "Nothing has connected yet. See everything live with made-up programs:"),
    commandLineToCopy(() => "netd demo"),
  );

/** Reload the configuration, or only *check* it. With any mistake nothing changes; the outcome lists all, with file and line. */
const reloading = (check) =>
  action({
    label: check ? "What would change?" : "Reload configuration",
    method: "system.reload",
    params: () => (check ? { check } : {}),
    told: (result) => ({ state: result.failures.length ? "trouble" : "ok", text: changes(result) }),
    refused: check ? "A reload would be refused, and nothing would change:" : "Nothing has changed. The reload was refused:",
    done: refreshStatus,
    testid: check ? "check-reload" : "reload",
  });

/**
 * An option with another value, in the result of `system.reload`.
 * @typedef {{section: string, option: string, before: string, after: string, place: string}} Changed
 */

/**
 * The changes that a reload has made, or would make, one a line.
 * @param {{status: string, changed: Changed[], restart: Changed[], added: string[], removed: string[], files: string[],
 *   failures: string[]}} result
 */
export function changes({ status: became, changed, restart, added, removed, files, failures }) {
  const isOnlyLookedAt = became === "checked";
  const line = ({ section, option, before, after, place }) => `[${section}] ${option}: ${before} → ${after} (${place})`;
  const now = [
    ...changed.map(line),
    ...added.map((section) => `[${section}] ${isOnlyLookedAt ? "would be started" : "is started"}`),
    ...removed.map((section) => `[${section}] ${isOnlyLookedAt ? "would finish" : "finishes"}`),
    ...files,
  ];
  const parts = [
    [isOnlyLookedAt ? "A reload would change:" : "Changed:", now],
    [isOnlyLookedAt ? "Would wait for a restart of netd:" : "Waiting for a restart of netd:", restart.map(line)],
    ["Failed:", failures],
  ].filter(([, lines]) => lines.length > 0);
  if (parts.length === 0) return isOnlyLookedAt ? "Nothing would change." : "Nothing has changed.";
  return parts.flat(2).join("\n");
}

/** @param {Writable<number|null>} within */
function withinField(within) {
  const write = (event) => (within.value = event.target.value === "" ? null : Math.max(0, Number(event.target.value)));
  const input = h("input", {
    type: "number",
    min: "0",
    step: "any",
    inputmode: "decimal",
    placeholder: "none",
    testid: "within",
    oninput: write,
  });
  return field("Deadline in seconds", input);
}

/** @param {Readable<number|null>} within seconds until open connections are closed; null for never. */
function draining(within) {
  const open = () => (within.value === null ? "go on" : `are closed in ${duration(within.value)}`);
  return action({
    label: "Drain",
    method: "system.drain",
    params: () => (within.peek() === null ? {} : { within: within.peek() }),
    told: () => ({ state: "ok", text: `Programs that connect are refused; open connections ${open()}.` }),
    done: refreshStatus,
    question: () => `Accept no more connections? Open ones ${open()}. “Resume” takes it back.`,
    testid: "drain",
  });
}

const resuming = () =>
  action({
    label: "Resume",
    method: "system.resume",
    objection: () => (phase.value?.state === "serving" ? "It serves already." : ""),
    told: () => ({ state: "ok", text: "netd accepts connections again." }),
    done: refreshStatus,
    isOffered: false,
    testid: "resume",
  });

const stopping = () =>
  action({
    label: "Stop netd",
    method: "system.stop",
    told: () => ({ state: "ok", text: "Stopping: netd closes all connections, then ends." }),
    question: "Stop this netd? Everyone is disconnected. It can only be started again from a shell on its machine.",
    testid: "stop",
  });
