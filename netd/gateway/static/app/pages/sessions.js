/** Sessions: all of them as a list or as small multiples, and the watched ones with their plots. */

import { segments } from "../action.js";
import { commandLine, commandLineToCopy } from "../commandline.js";
import { choice as chosen, each, h, when } from "../dom.js";
import { count } from "../format.js";
import { instanceOf, portOf } from "../instances.js";
import { needsService } from "../no_service.js";
import { faceOf, panel } from "../panel.js";
import { View } from "../plots/view.js";
import { blocks } from "../lists/blocks.js";
import { roll } from "../lists/roll.js";
import { computed, effect, signal } from "../signal.js";
import { steady } from "../lists/steady.js";
import { chips, searchField } from "../lists/toolbar.js";
import { sessionCard } from "./session_card.js";
import { choice, finding, followAddress, GROUPS, rankOf, VIEWS } from "./session_find.js";
import { sessionList } from "./session_list.js";
import { recordedAgents } from "./session_recorded.js";
import { sessionStart } from "./session_start.js";
import { STATES } from "./session_states.js";
import { sessionTiles } from "./session_tiles.js";
import { sessionValues } from "./session_values.js";
import { windowControls } from "./window_controls.js";
import { MOST_WATCHED, unwatch, watch, watched, watchOf } from "./session_watch.js";

/** How many sessions are watched without being chosen; and up to how many the page opens with those watched. */
const WATCHED_AT_FIRST = 2;
const FEW = 6;
/** Ended sessions that are kept. */
const ENDED = 32;

/** The window of all plots. It is kept while other pages are open. */
const view = new View(60);

/** Sessions that the user has hidden: they are not shown again without being chosen. */
const hidden = new Set();

const BLANK = { host: "", address: "", state: "", reason: "", attempt: 1, since: null, channels: {} };

export function sessions() {
  return h("div.grid.sessions", {}, needsService("session", content));
}

function content() {
  followAddress();
  const instance = instanceOf("session");
  const list = roll({ method: "session.list", instance, keyOf: (one) => one.session, events: [["*", changed]] });
  const counted = () => [...list.rows.value.values()].reduce((sum, one) => sum + Object.keys(one.channels ?? {}).length, 0);
  /** Whether the newest values are shown, or searched for: the watched sessions have their own. */
  const needsValues = signal(true);
  const channels = () => (list.refusal.value || (needsValues.value && list.answer.value !== null) ? counted() : null);
  const values = sessionValues(instance, channels);
  const all = computed(() => (list.refusal.value ? heardOf(list, values) : [...list.rows.value.values()]));
  const found = finding(() => all.value, values);
  const shown = viewOf(all, list);
  effect(() => (needsValues.value = shown.value !== "watched" || found.isOfValues()));
  effect(() => void (shown.value === "watched" && watchFirst(instance.name.value, all.value)));
  const isOpened = signal(false);
  const isEmpty = computed(() => all.value.length === 0);
  const start = sessionStart({
    instance,
    all: () => all.value,
    isOpen: () => isOpened.value || isEmpty.value,
    done: (result) => {
      isOpened.value = true;
      watch(instance.name.peek(), result.agent);
      if (shown.peek() !== "watched") choice.view.value = "watched";
    },
  });
  const opener = h(
    "button",
    {
      type: "button",
      testid: "open-start",
      hidden: () => isEmpty.value,
      "aria-expanded": () => String(isOpened.value),
      onclick: () => {
        isOpened.value = !isOpened.value;
        if (isOpened.peek()) setTimeout(start.focus);
      },
    },
    "Start session…",
  );
  const acts = { values, ...watching(instance) };
  return h(
    "div.stack",
    {},
    start.element,
    panel(
      { title: "Sessions", testid: "sessions-list", face: faceOf(list, () => isEmpty.value), empty: empty(instance), aside: [instance.select, opener] },
      toolbar(found, shown),
      chosen(
        () => shown.value,
        (name) => (name === "list" ? listView(found, acts) : name === "tiles" ? tilesView(found, acts) : h("div", {})),
      ),
      when(
        () => found.sessions.value.length === 0,
        () => h("p.hint.padded", { role: "status" }, "No session matches."),
      ),
      commandLineToCopy(() => instance.line("session", "list")),
    ),
    when(
      () => shown.value === "watched",
      () => watchedView(instance, list, all, found),
    ),
    recordedAgents(instance, () => all.value),
  );
}

/** Take an event of a session, which may be older than the list. */
export function changed(rows, { data }) {
  const before = rows.get(data.session);
  if (before !== undefined && before.since !== null && data.time < before.since) return;
  rows.set(data.session, { ...BLANK, ...before, ...data, since: data.time });
  if (data.state !== "ended") return;
  const ended = [...rows.values()].filter((one) => one.state === "ended").sort((one, other) => other.since - one.since);
  for (const { session } of ended.slice(ENDED)) rows.delete(session);
}

/** The sessions known from events alone, for tokens that may not call `session.list`: one of each agent. */
function heardOf(list, values) {
  void values.heard.value;
  const rows = [...list.rows.value.values()];
  const known = new Set(rows.map(({ agent }) => agent));
  const others = values.agents().filter((agent) => !known.has(agent));
  return [...rows, ...others.map((agent) => ({ ...BLANK, session: agent, agent, host: agent }))];
}

/** The view that is shown: what was chosen; else plots of few sessions, and the list of many. */
function viewOf(all, list) {
  const usual = signal("");
  effect(() => {
    if (usual.peek() !== "" || (list.answer.value === null && !list.refusal.value)) return;
    usual.value = all.value.filter(({ state }) => state !== "ended").length <= FEW ? "watched" : "list";
  });
  return computed(() => choice.view.value || usual.value || "watched");
}

/** Watch the first sessions without being asked, so that there is something to see. */
function watchFirst(instance, all) {
  if (instance === null) return;
  const live = all.filter((one) => one.state !== "ended");
  if (live.length > FEW && watched.peek().size > 0) return;
  for (const { agent } of live.slice(0, WATCHED_AT_FIRST)) {
    const isWatched = watched.peek().has(`${instance}/${agent}`);
    if (!isWatched && !hidden.has(`${instance}/${agent}`)) watch(instance, agent);
  }
}

function watching(instance) {
  const isWatched = ({ agent }) => watchOf(instance.name.value, agent) !== undefined;
  const toggle = (session) => {
    const name = `${instance.name.peek()}/${session.agent}`;
    if (isWatched(session)) {
      hidden.add(name);
      unwatch(instance.name.peek(), session.agent);
    } else {
      hidden.delete(name);
      watch(instance.name.peek(), session.agent);
    }
  };
  return { isWatched, toggle, isFull: () => watched.value.size >= MOST_WATCHED };
}

function toolbar(found, shown) {
  const view = { get value() { return shown.value; }, set value(name) { choice.view.value = name; } };
  const options = GROUPS.map(([value, word]) => h("option", { value, selected: value === choice.group.peek() }, word));
  const grouping = h(
    "select",
    { "aria-label": "Groups", testid: "session-groups", onchange: (event) => (choice.group.value = event.target.value) },
    options,
  );
  return h(
    "div.toolbar.finding",
    {},
    segments("View", VIEWS, view, "session-view"),
    searchField(choice.query, "agent, host, channel, temp>30, silent:10s", "session-search"),
    h("span", { hidden: () => shown.value === "watched" }, grouping),
    chips(found.counts, choice.state, (state) => STATES[state] ?? "plain", "session-states"),
  );
}

function listView(found, acts) {
  const list = () => /** @type {any[]} */ (found.sessions.value);
  const still = steady({ list, keyOf: (one) => one.session, rankOf: (one) => rankOf(one), stamp: found.stamp });
  return h("div", {}, still.button, sessionList({ sessions: () => still.items.value, attributes: still.attributes, stamp: found.stamp, ...acts }));
}

function tilesView(found, acts) {
  const still = steady({
    list: () => /** @type {{session: any, name: string}[]} */ (found.channels.value),
    keyOf: ({ session, name }) => `${session.session} ${name}`,
    rankOf: ({ session }) => rankOf(session),
    stamp: found.stamp,
  });
  return h("div", {}, still.button, sessionTiles({ channels: () => still.items.value, attributes: still.attributes, ...acts }));
}

/** The watched sessions with their plots, those that match the search. */
function watchedView(instance, listed, all, found) {
  const shown = computed(() => {
    const newest = newestByAgent(all.value);
    const sought = new Set(found.sessions.value.map(({ agent }) => agent));
    const isSought = ({ agent }) => sought.has(agent) || !newest.has(agent);
    const ours = [...watched.value.values()].filter((one) => one.instance === instance.name.value && isSought(one));
    const described = (one) => (listed.answer.value === null ? one.facts : one.describe(newest.get(one.agent)));
    return ours.map((one) => (listed.refusal.value ? one.heard.value : described(one))).filter(Boolean);
  });
  const list = () => shown.value;
  const keyOf = (one) => `${instance.name.value}/${one.session}`;
  const card = (item) => sessionCard(item, watchOf(instance.name.value, item.peek().agent), instance, view, listed.refresh);
  return h(
    "div.stack",
    {},
    when(
      () => shown.value.length > 0,
      () => windowControls(view),
    ),
    chosen(
      () => shown.value.length > FEW,
      (isMany) => h("div.stack", {}, isMany ? blocks({ list, keyOf, make: card, kind: "", size: 1 }) : each(list, keyOf, card)),
    ),
    when(
      () => shown.value.length === 0 && all.value.length > 0,
      () => h("p.hint", { testid: "none-watched" }, () => `None of ${count(all.value.length)} is watched. Press “Watch” in the list, or a card of the small multiples.`),
    ),
  );
}

/** What is said where there is no session. */
function empty(instance) {
  const agent = () => {
    const dialled = instance.service()?.agent_port;
    const port = portOf(instance.service(), 10000);
    return commandLine("agent", ["--channel", "x=sine"], ["--port", dialled === 10001 ? null : dialled], ["--server-port", port]);
  };
  return {
    text: "No session yet. Run an agent, then start a session with its address above. An agent to try it with:",
    command: agent,
  };
}

/** What each agent's session is: the one that lives, or the last that has ended. @returns {Map<string, object>} */
function newestByAgent(sessions) {
  const newest = new Map();
  for (const one of sessions) if ((newest.get(one.agent)?.state ?? "ended") === "ended") newest.set(one.agent, one);
  return newest;
}
