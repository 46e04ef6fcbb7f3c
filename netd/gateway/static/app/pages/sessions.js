/** Sessions: start one with an agent's address, watch its channels, stop it. */

import { action, field, form, results, segments } from "../action.js";
import { commandLine, commandLineToCopy } from "../commandline.js";
import { serverClock } from "../connection.js";
import { each, h, when } from "../dom.js";
import { ago, count, rate, visible } from "../format.js";
import { instanceOf, portOf, sectionOf, tagOf } from "../instances.js";
import { polled, settled, told } from "../live.js";
import { pauseButton } from "../log.js";
import { faceOf, needsService, panel } from "../panel.js";
import { View } from "../plots/view.js";
import { computed, effect, signal } from "../signal.js";
import { cell, longTable, rowHead } from "../table.js";
import { sessionBadge, sessionCard } from "./session_card.js";
import { reasonNow } from "./session_reason.js";
import { MOST_WATCHED, unwatch, watch, watched, watchOf } from "./session_watch.js";

const EVERY = 4;
/** How many sessions are watched without being chosen. */
const WATCHED_AT_FIRST = 2;
const LISTED = 500;

const COLUMNS = ["Session", "Agent", "State", "Since", "Channels", "Samples", "Rate", ""];

/** @type {[number, string][]} */
const WINDOWS = [
  [10, "10 s"],
  [60, "1 min"],
  [600, "10 min"],
  [3600, "1 h"],
];

/** The window of all plots. It is kept while other pages are open. */
const view = new View(60);

/** Sessions that the user has hidden: they are not shown again without being chosen. */
const hidden = new Set();

export function sessions() {
  return h("div.grid.sessions", {}, needsService("session", content));
}

function content() {
  const instance = instanceOf("session");
  const list = polled("session.list", instance, EVERY, { limit: 1000 });
  const soon = settled(list.refresh, 150);
  told(() => instance.subject("*"), {}, soon);
  const heard = heardOf(instance, list);
  const all = computed(() => list.answer.value?.rows ?? heard.value);
  effect(() => watchFirst(instance.name.value, all.value));
  const shown = computed(() => {
    const listed = newestByAgent(all.value);
    const ours = [...watched.value.values()].filter((one) => one.instance === instance.name.value);
    const described = (one) => (list.answer.value === null ? one.facts : one.describe(listed.get(one.agent)));
    return ours.map((one) => (list.refusal.value ? one.heard.value : described(one))).filter(Boolean);
  });
  const card = (item) => sessionCard(item, watchOf(instance.name.value, item.peek().agent), instance, view, list.refresh);
  return h(
    "div.stack",
    {},
    starter(instance, list, all),
    when(() => shown.value.length > 0, windowControls),
    h(
      "div.stack",
      {},
      each(
        () => shown.value,
        (one) => `${instance.name.value}/${one.session}`,
        card,
      ),
    ),
    listing(instance, list, all),
  );
}

/** What each agent's session is: the one that lives, or the last that has ended. @returns {Map<string, object>} */
function newestByAgent(sessions) {
  const newest = new Map();
  for (const one of sessions) if ((newest.get(one.agent)?.state ?? "ended") === "ended") newest.set(one.agent, one);
  return newest;
}

/** The sessions known from their events, newest last, for tokens that may not call `session.list`. */
function heardOf(instance, list) {
  const heard = signal(/** @type {{session: number|string, agent: string, host: string, state: string}[]} */ ([]));
  const take = ({ subject }) => {
    const agent = subject.split(".")[2];
    const isKnown = heard.peek().some((one) => one.agent === agent);
    if (!isKnown) heard.value = [...heard.peek(), { session: agent, agent, host: agent, state: "" }].slice(-LISTED);
  };
  effect(() => {
    void instance.name.value;
    heard.value = [];
  });
  const pattern = (last) => () => (list.refusal.value ? instance.subject(last) : null);
  told(pattern("*"), { replay: 1 }, take);
  told(pattern("*.*"), { replay: 1, every: EVERY }, take);
  return heard;
}

/** Watch the first sessions without being asked, so that there is something to see. */
function watchFirst(instance, all) {
  if (instance === null) return;
  const live = all.filter((one) => one.state !== "ended");
  for (const { agent } of live.slice(0, WATCHED_AT_FIRST)) {
    const isWatched = watched.peek().has(`${instance}/${agent}`);
    if (!isWatched && !hidden.has(`${instance}/${agent}`)) watch(instance, agent);
  }
}

function starter(instance, list, all) {
  const [host, started] = [signal(""), signal(null)];
  const isOver = () => all.value.some((one) => one.session === started.value && one.state === "ended");
  const input = h("input", {
    name: "host",
    required: true,
    placeholder: "127.0.0.1",
    spellcheck: "false",
    autocapitalize: "none",
    testid: "session-host",
    oninput: (event) => (host.value = event.target.value.trim()),
  });
  const start = action({
    label: "Start session",
    method: "session.start",
    instance,
    params: () => ({ host: host.peek() }),
    told: (result) => ({
      state: "ok",
      text: `Session ${result.session} streams ${Object.keys(result.channels ?? {})
        .map(visible)
        .join(", ")}.`,
    }),
    done: (result) => {
      started.value = result?.session ?? null;
      if (result !== null) watch(instance.name.peek(), result.agent);
      list.refresh();
    },
    until: () => `${instance.name.value} ${host.value} ${isOver()}`,
    kind: "main",
    testid: "start-session",
  });
  return panel(
    { title: "Start a session", testid: "start-panel", aside: instance.select },
    form(
      { class: "row", testid: "start-form" },
      start.run,
      field("Agent's address", input),
      start.button,
      h("span.hint", {}, () => dialled(instance)),
    ),
    results(start),
    commandLineToCopy(() => instance.line("session", "start", host.value || "HOST")),
  );
}

function dialled(instance) {
  const port = instance.service()?.agent_port;
  if (port === undefined) return "";
  const whose = tagOf("session", instance.name.value) ? `[${sectionOf("session", instance.name.value)}]` : "netd";
  return `${whose} dials port ${port} there`;
}

function windowControls() {
  const isPaused = computed(() => !view.isLive.value);
  return h(
    "div.toolbar",
    {},
    segments("Time window", WINDOWS, view.length, "window"),
    pauseButton(isPaused, () => (view.isLive.peek() ? view.pause() : view.live()), "", "pause"),
    when(
      () => isPaused.value,
      () => h("span.hint", { role: "status" }, "The view stands still; samples are still collected."),
    ),
  );
}

function listing(instance, list, all) {
  const isEmpty = () => all.value.length === 0;
  const port = () => portOf(instance.service(), 10000);
  const agent = () => {
    const dialled = instance.service()?.agent_port;
    return commandLine(
      "agent",
      ["--channel", "x=sine"],
      ["--port", dialled === 10001 ? null : dialled],
      ["--server-port", port()],
    );
  };
  const empty = {
    text: "No session yet. Run an agent, then start a session with its address above. An agent to try it with:",
    command: agent,
  };
  return panel(
    { title: "All sessions", testid: "sessions-list", face: faceOf(list, isEmpty), empty },
    longTable({
      columns: COLUMNS,
      list: () => all.value,
      keyOf: (one) => one.session,
      makeRow: (item) => row(item, instance),
      kind: "lines",
    }),
    commandLineToCopy(() => instance.line("session", "list")),
  );
}

/** An agent's name and host; the host alone where it has no name. */
const agentOf = ({ agent, host }) => visible(host.replace(/[^A-Za-z0-9_-]+/g, "-") === agent ? host : `${agent} (${host})`);

function row(item, instance) {
  const { session: id, agent } = item.peek();
  const isWatched = () => watchOf(instance.name.value, agent) !== undefined;
  const isFull = () => !isWatched() && watched.value.size >= MOST_WATCHED;
  const toggle = () => {
    const name = `${instance.name.peek()}/${agent}`;
    if (isWatched()) {
      hidden.add(name);
      unwatch(instance.name.peek(), agent);
    } else {
      hidden.delete(name);
      watch(instance.name.peek(), agent);
    }
  };
  const channels = () =>
    Object.keys(item.value.channels ?? {})
      .map(visible)
      .join(", ") || "–";
  const rates = () => Object.values(item.value.channels ?? {}).reduce((total, channel) => total + channel.rate, 0);
  return h(
    "tr",
    { testid: "session-row", "data-session": String(id) },
    rowHead("Session", String(id)),
    cell("Agent", () => agentOf(item.value)),
    cell(
      "State",
      sessionBadge(() => item.value),
      "",
      { title: () => (item.value.reason ? reasonNow(item.value) : null) },
    ),
    cell(
      "Since",
      h("time", {}, () => ago(item.value.since, serverClock.value)),
      "extra",
    ),
    cell("Channels", channels, "long extra", { title: channels }),
    cell("Samples", () => count(item.value.samples), "number extra"),
    cell("Rate", () => (item.value.state === "streaming" ? `${rate(rates())} /s` : "–"), "number extra"),
    h(
      "td.end",
      {},
      h(
        "button.quiet",
        {
          type: "button",
          testid: "watch",
          "aria-pressed": () => String(isWatched()),
          "aria-label": () => `${isWatched() ? "Hide" : "Watch"} session ${id}`,
          disabled: isFull,
          title: () => (isFull() ? `${MOST_WATCHED} sessions are watched; hide one first` : null),
          onclick: toggle,
        },
        () => (isWatched() ? "Hide" : "Watch"),
      ),
    ),
  );
}
