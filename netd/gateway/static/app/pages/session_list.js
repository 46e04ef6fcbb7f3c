/** The list of sessions: a line each, with the newest values of its channels. */

import { serverClock } from "../connection.js";
import { each, h } from "../dom.js";
import { ago, count, measure, precisionOf, visible } from "../format.js";
import { computed } from "../signal.js";
import { cell, longTable, rowHead } from "../table.js";
import { sessionBadge } from "./session_card.js";
import { grouped, groupOf } from "./session_find.js";
import { reasonNow } from "./session_reason.js";

const COLUMNS = ["Session", "Agent", "State", "Since", "Newest values", ""];
/** Channels that a line names. */
const NAMED = 4;

/**
 * @param {object} parts
 * @param {() => any[]} parts.sessions
 * @param {ReturnType<typeof import("./session_values.js").sessionValues>} parts.values
 * @param {(session: any) => boolean} parts.isWatched
 * @param {() => boolean} parts.isFull whether no further one can be watched.
 * @param {(session: any) => void} parts.toggle
 * @param {Record<string, any>} parts.attributes
 * @param {() => string} parts.stamp changes with what the user has searched for.
 */
export function sessionList({ sessions, attributes, stamp, ...rest }) {
  const groups = computed(() => grouped(sessions(), (session) => groupOf(session)));
  return h(
    "div",
    attributes,
    each(
      () => groups.value,
      ({ name }) => name,
      (group) =>
        h(
          "section",
          { "aria-label": () => group.value.name || "All sessions" },
          h("h3.group", { hidden: () => group.value.name === "" }, () => visible(group.value.name), h("span.hint", {}, () => ` ${count(group.value.items.length)}`)),
          longTable({
            columns: COLUMNS,
            list: () => group.value.items,
            keyOf: (one) => one.session,
            makeRow: (item) => row(item, rest),
            kind: "lines",
            stamp,
          }),
        ),
    ),
  );
}

/** An agent's name and host; the host alone where it has no name. */
const agentOf = ({ agent, host }) => visible(host.replace(/[^A-Za-z0-9_-]+/g, "-") === agent ? host : `${agent} (${host})`);

function row(item, { values, isWatched, isFull, toggle }) {
  const { session: id } = item.peek();
  const isOn = () => isWatched(item.value);
  const mayNot = () => !isOn() && isFull();
  return h(
    "tr",
    { testid: "session-row", "data-session": String(id) },
    rowHead("Session", String(id)),
    cell("Agent", () => agentOf(item.value), "", { title: () => agentOf(item.value) }),
    cell(
      "State",
      sessionBadge(() => item.value),
      "",
      { title: () => (item.value.reason ? reasonNow(item.value) : null) },
    ),
    cell(
      "Since",
      h("time", {}, () => (item.value.since === null ? "–" : ago(item.value.since, serverClock.value))),
      "extra",
    ),
    cell("Newest values", newest(item, values), "long extra"),
    h(
      "td.end",
      {},
      h(
        "button.quiet",
        {
          type: "button",
          testid: "watch",
          "aria-pressed": () => String(isOn()),
          "aria-label": () => `${isOn() ? "Hide" : "Watch"} session ${id}`,
          disabled: mayNot,
          title: () => (mayNot() ? "As many as can be are watched; hide one first" : null),
          onclick: () => toggle(item.peek()),
        },
        () => (isOn() ? "Hide" : "Watch"),
      ),
    ),
  );
}

/** The names of the channels with their newest values. */
function newest(item, values) {
  const precisions = new Map();
  return () => {
    void values.beat.value;
    const { agent, channels, state } = item.value;
    const own = values.of(agent);
    const names = [...new Set([...Object.keys(channels ?? {}), ...own.keys()])];
    const one = (name) => {
      const last = own.get(name)?.last ?? null;
      if (last === null || state === "ended") return visible(name);
      precisions.set(name, precisionOf(last, precisions.get(name) ?? null));
      const unit = channels?.[name]?.unit;
      return `${visible(name)} ${measure(last, precisions.get(name))}${unit ? `\u00a0${visible(unit)}` : ""}`;
    };
    const further = names.length > NAMED ? ` · ${names.length - NAMED} more` : "";
    return names.slice(0, NAMED).map(one).join(" · ") + further || "–";
  };
}
