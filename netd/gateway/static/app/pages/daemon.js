/** This netd as a whole: what it is, and how it is told to read its configuration again, to drain and to stop. */

import { action, results } from "../action.js";
import { commandLine, commandLineToCopy } from "../commandline.js";
import { refreshStatus, servicesOf, status } from "../connection.js";
import { h, when } from "../dom.js";
import { count } from "../format.js";
import { KINDS } from "../pages.js";
import { panel } from "../panel.js";
import { subjects } from "../rights.js";
import { computed } from "../signal.js";

/** Kinds whose connections are not made by people who look. */
const CALLED = KINDS.filter((kind) => kind !== "command");

export function daemon() {
  const isQuiet = computed(
    () => status.value !== null && subjects.value === null && CALLED.every((kind) => servicesOf(kind).every((one) => !one.connections)),
  );
  const configuration = [reloading(false), reloading(true)];
  const life = [draining(), stopping()];
  return panel(
    { title: "This netd", testid: "daemon" },
    h("p.facts", {}, who),
    when(() => isQuiet.value, suggestion),
    h("div.row", {}, configuration.map(({ button }) => button)),
    results(...configuration),
    commandLineToCopy(() => commandLine("reload")),
    h("div.row.apart", {}, life.map(({ button }) => button)),
    results(...life),
    commandLineToCopy(() => commandLine("drain")),
    commandLineToCopy(() => commandLine("stop")),
  );
}

function who() {
  if (status.value?.name) return `netd ${status.value.version} on ${status.value.name}, ${count(status.value.published)} messages so far`;
  return status.value?.refusal ? "Your token is not for how netd as a whole does." : "–";
}

const suggestion = () =>
  h(
    "div.suggestion",
    {},
    h("p.hint", {}, "Nothing is connected yet. See everything live with made-up programs:"),
    commandLineToCopy(() => "netd demo"),
  );

/** Reading the configuration again. With any mistake nothing changes, and all mistakes are told, with file and line. */
const reloading = (check) =>
  action({
    label: check ? "What would change?" : "Reload configuration",
    method: "system.reload",
    params: () => (check ? { check } : {}),
    told: (result) => ({ state: result.failures.length ? "trouble" : "ok", text: changes(result) }),
    done: refreshStatus,
    kind: check ? "quiet" : "plain",
    testid: check ? "check-reload" : "reload",
  });

/**
 * An option that has another value, as `system.reload` tells it.
 * @typedef {{section: string, option: string, before: string, after: string, place: string}} Changed
 */

/**
 * What a reload has changed, or would change, a thing a line.
 * @param {{status: string, changed: Changed[], restart: Changed[], added: string[], removed: string[], files: string[],
 *   failures: string[]}} result
 */
export function changes({ status: became, changed, restart, added, removed, files, failures }) {
  const isOnlyLookedAt = became === "checked";
  const lines = [
    ...changed.map(({ section, option, before, after, place }) => `[${section}] ${option}: ${before} → ${after} (${place})`),
    ...added.map((section) => `[${section}] ${isOnlyLookedAt ? "would be started" : "is started"}`),
    ...removed.map((section) => `[${section}] ${isOnlyLookedAt ? "would finish" : "finishes"}`),
    ...files,
    ...restart.map(({ section, option, after, place }) => `[${section}] ${option}: ${after} waits for a restart (${place})`),
    ...failures,
  ];
  if (lines.length === 0) return isOnlyLookedAt ? "Nothing would change." : "Nothing has changed.";
  return [isOnlyLookedAt ? "A reload would change:" : "Changed:", ...lines].join("\n");
}

const draining = () =>
  action({
    label: "Drain",
    method: "system.drain",
    told: () => ({ state: "ok", text: "Draining: nothing new is accepted; what is open goes on." }),
    done: refreshStatus,
    question: "Accept no more connections until netd is started again?",
    testid: "drain",
  });

const stopping = () =>
  action({
    label: "Stop netd",
    method: "system.stop",
    told: () => ({ state: "ok", text: "Stopping: netd finishes what is open, then ends." }),
    question: "End this netd? Everyone is disconnected, and only who has a shell there can start it again.",
    testid: "stop",
  });
