/** Agents that were recorded and have no session now: their past is in History. */

import { h, when } from "../dom.js";
import { ago, count, visible } from "../format.js";
import { serverClock } from "../connection.js";
import { askRecorder, offers, within } from "../recorder.js";
import { computed, signal } from "../signal.js";
import { cell, longTable, rowHead } from "../table.js";

const SUBJECTS = "history.subjects";
/** Channels that a line names. */
const NAMED = 4;

/**
 * A group that is folded, and asks the recorder when it is opened.
 * @param {import("../instances.js").Instance} instance
 * @param {() => {agent: string, state: string}[]} sessions
 */
export function recordedAgents(instance, sessions) {
  /** @type {import("../signal.js").Writable<any[]|null>} */
  const series = signal(null);
  const trouble = signal("");
  const ask = async () => {
    const pattern = instance.subject("*.*");
    if (pattern === null) return;
    try {
      const found = await Promise.all(within(pattern).map((part) => askRecorder(SUBJECTS, { pattern: part })));
      [series.value, trouble.value] = [found.flat(), ""];
    } catch (error) {
      trouble.value = error.message;
    }
  };
  const agents = computed(() => {
    const live = new Set(sessions().flatMap(({ agent, state }) => (state === "ended" ? [] : [agent])));
    return byAgent(series.value ?? []).filter(({ agent }) => !live.has(agent));
  });
  const isEmpty = () => series.value !== null && agents.value.length === 0;
  const details = h(
    "details.panel.recorded",
    { testid: "recorded", ontoggle: (event) => event.target.open && ask() },
    h(
      "summary",
      {},
      "Recorded",
      h("span.hint", {}, () => (series.value === null ? " agents without a session" : ` ${count(agents.value.length)}`)),
    ),
    h("p.outcome", { hidden: () => trouble.value === "", "data-state": "trouble" }, () => trouble.value),
    h("p.hint", { hidden: () => !isEmpty() }, "Every agent that was recorded has a session now."),
    when(
      () => agents.value.length > 0,
      () =>
        h(
          "div",
          {},
          longTable({
            columns: ["Agent", "Channels", "Newest"],
            list: () => agents.value,
            keyOf: ({ agent }) => agent,
            makeRow: row,
          }),
        ),
    ),
  );
  return when(
    () => offers(SUBJECTS),
    () => details,
  );
}

/** Who was recorded, the newest first. @param {any[]} series */
function byAgent(series) {
  const agents = new Map();
  for (const { subject, last, numeric } of series) {
    const agent = subject.split(".")[2];
    const known = agents.get(agent) ?? { agent, last: 0, subjects: [] };
    if (numeric && !known.subjects.includes(subject)) known.subjects.push(subject);
    known.last = Math.max(known.last, last);
    agents.set(agent, known);
  }
  return [...agents.values()].filter(({ subjects }) => subjects.length > 0).sort((one, other) => other.last - one.last);
}

function row(item) {
  const { agent } = item.peek();
  const names = () => item.value.subjects.map((subject) => visible(subject.slice(subject.lastIndexOf(".") + 1)));
  const further = () => (names().length > NAMED ? ` · ${count(names().length - NAMED)} more` : "");
  const named = () => names().slice(0, NAMED).join(" · ") + further();
  return h(
    "tr",
    { testid: "recorded-row", "data-agent": agent },
    rowHead("Agent", h("a", { href: () => `#/history?s=${item.value.subjects.join(",")}` }, visible(agent))),
    cell("Channels", named, "long"),
    cell(
      "Newest",
      h("time", {}, () => ago(item.value.last, serverClock.value)),
    ),
  );
}
