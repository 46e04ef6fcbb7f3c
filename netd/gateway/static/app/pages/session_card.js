/** One watched session: its state, its buttons, and a plot of each channel. */

import { action, results } from "../action.js";
import { commandLineToCopy } from "../commandline.js";
import { isLive, knownAt, netd, serverClock } from "../connection.js";
import { each, h, when } from "../dom.js";
import { ago, count, duration, plural, visible } from "../format.js";
import { tag } from "../instances.js";
import { badge, staleBadge } from "../panel.js";
import { remembers } from "../recorder.js";
import { byName } from "../lists/search.js";
import { signal } from "../signal.js";
import { channelPlot } from "./channel_plot.js";
import { STATES } from "./session_states.js";
import { sessionMarks } from "./session_marks.js";
import { reasonNow } from "./session_reason.js";
import { unwatch } from "./session_watch.js";

/** The state of a session as a badge. @param {() => {state: string, reason: string}} read */
export const sessionBadge = (read) =>
  badge(
    () => (isLive.value ? (STATES[read().state] ?? "plain") : "gone"),
    () => (isLive.value || read().state === "ended" ? "" : "was ") + (read().state || "followed"),
    { testid: "session-state" },
  );

/**
 * @param {import("../signal.js").Readable<any>} item the session in the result of `session.list`.
 * @param {any} watch
 * @param {import("../instances.js").Instance} instance
 * @param {import("../plots/view.js").View} window
 * @param {() => void} refresh
 */
export function sessionCard(item, watch, instance, window, refresh) {
  const { session: id } = item.peek();
  const happened = sessionMarks(window);
  const { stop, ping } = actions(id, instance, refresh, () => item.value);
  const line = (verb) => commandLineToCopy(() => instance.line("session", verb, id));
  return h(
    "section.panel.session",
    {
      testid: "session",
      "data-instance": watch.instance,
      "data-session": String(id),
      "data-face": () => (isLive.value ? "live" : "stale"),
      "aria-labelledby": `session-${id}`,
    },
    head(item, watch, [ping.button, stop.button]),
    h("p.hint", {}, () => factsOf(item.value, watch)),
    when(
      () => item.value.reason,
      () => h("p.reason", {}, () => reasonNow(item.value)),
    ),
    results(stop, ping),
    channels(item, watch, window, happened),
    counts(item, watch, instance),
    h("details.commands", {}, h("summary", {}, "As command lines"), line("stop"), line("ping")),
  );
}

function actions(id, instance, refresh, read) {
  const params = () => ({ session: id });
  const stop = action({
    label: "Stop",
    method: "session.stop",
    instance,
    params,
    told: (result) => ({ state: "ok", text: `Stopped; ${plural(result.samples ?? 0, "sample")} in all.` }),
    done: refresh,
    until: () => read().state,
    isLasting: true,
    testid: "stop-session",
  });
  const ping = action({
    label: "Ping",
    method: "session.ping",
    instance,
    params,
    told: () => ({ state: "ok", text: "Pinged: the agent was told to show it." }),
    until: () => read().state,
    testid: "ping-session",
  });
  return { stop, ping };
}

function head(item, watch, buttons) {
  const { session: id } = item.peek();
  const past = () => `#/history?s=${[...watch.channels.value.values()].map(({ subject }) => subject).join(",")}`;
  const hide = {
    type: "button",
    testid: "unwatch",
    title: "Show it in the list only",
    "aria-label": `Hide session ${id}`,
    onclick: () => unwatch(watch.instance, watch.agent),
  };
  return h(
    "header.panel-head",
    {},
    h(
      "h3",
      { id: `session-${id}` },
      `Session ${id}`,
      h("span.channel-name", {}, () => visible(item.value.host)),
    ),
    tag("session", () => watch.instance),
    sessionBadge(() => item.value),
    when(
      () => !isLive.value,
      () => staleBadge(),
    ),
    h(
      "div.panel-aside",
      {},
      h("a", { href: past, hidden: () => !remembers.value, testid: "session-history" }, "History"),
      h("span", { hidden: () => item.value.state === "ended" }, buttons),
      h("button.quiet", hide, "Hide"),
    ),
  );
}

function factsOf({ state, since, attempt }, watch) {
  const time = state === "ended" ? `ended ${ago(since, serverClock.value)}` : `for ${duration(knownAt.value - since)}`;
  const facts = [
    since === null ? "" : time,
    attempt > 1 ? `attempt ${attempt}` : "",
    watch.lost.value ? `${count(watch.lost.value)} lost on the way to this browser` : "",
    watch.omitted.value ? `${plural(watch.omitted.value, "further channel")} not shown` : "",
  ];
  return facts.filter(Boolean).join(" · ");
}

/** How many samples came, and how many were none: asked for when somebody looks. */
function counts(item, watch, instance) {
  const told = signal("");
  const ask = async () => {
    try {
      const { rows } = await netd.call("session.list", instance.params({ contains: watch.agent }));
      const facts = rows.find(({ session }) => session === item.peek().session);
      told.value = facts === undefined ? "netd does not know this session any more." : countsText(facts);
    } catch (error) {
      told.value = error.message;
    }
  };
  return h(
    "details.commands",
    { testid: "session-counts", ontoggle: (event) => event.target.open && ask() },
    h("summary", {}, "Counts"),
    h("p.hint", { role: "status" }, () => told.value),
  );
}

function countsText({ samples, bad, unspanned, dialect }) {
  const facts = [
    plural(samples, "sample"),
    bad ? `${count(bad)} bad` : "none bad",
    unspanned ? `${count(unspanned)} left out of the range` : "",
    dialect ? `dialect ${dialect}` : "",
  ];
  return facts.filter(Boolean).join(" · ");
}

function channels(item, watch, window, happened) {
  const described = (name) => () => item.value.channels?.[name] ?? { label: "", unit: "" };
  const group = `session-${watch.instance}-${item.peek().session}`;
  const nothing = () =>
    ["streaming", ""].includes(item.value.state) ? "No sample has come yet." : "Plots appear here as soon as the agent streams.";
  const one = (channel) => channelPlot(channel.peek(), described(channel.peek().name), { watch, view: window, group, happened });
  return h(
    "div.channels",
    {},
    when(
      () => watch.channels.value.size === 0,
      () => h("p.hint.padded", {}, nothing),
    ),
    each(
      () => inOrder([...watch.channels.value.values()], Object.keys(item.value.channels ?? {})),
      (channel) => channel,
      one,
    ),
  );
}

/** Channels in the order in which the agent named them, further ones by name: not in that in which they were heard. */
function inOrder(channels, names) {
  const place = ({ name }) => (names.includes(name) ? names.indexOf(name) : names.length);
  return channels.sort((one, other) => place(one) - place(other) || byName(one.name, other.name));
}
