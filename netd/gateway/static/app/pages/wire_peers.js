/** The peers of a wire: all of them as a list, or their channels as small multiples. */

import { segments } from "../action.js";
import { commandLineToCopy } from "../commandline.js";
import { knownAt } from "../connection.js";
import { choice as chosenOf, h, when } from "../dom.js";
import { ago, fullTime, measure, precisionOf, visible } from "../format.js";
import { portOf } from "../instances.js";
import { byName, isOfValues, matches, parse } from "../lists/search.js";
import { steady } from "../lists/steady.js";
import { chips, searchField } from "../lists/toolbar.js";
import { badge, faceOf, panel } from "../panel.js";
import { computed, hurry, signal } from "../signal.js";
import { tokenOf } from "../subjects.js";
import { cell, longTable, rowHead } from "../table.js";
import { sessionTiles } from "./session_tiles.js";
import { asSession, LOOKS, PEER_HINT, stateOf, STATES } from "./wire_rows.js";

/** Milliseconds after which the panel of a peer that was chosen has its plots. */
const GROWN = 150;
/** Channels that a line names. */
const NAMED = 4;

/** @type {[string, string][]} */
const VIEWS = [
  ["list", "List"],
  ["tiles", "Small multiples"],
];

/** The choice of the user. It is kept while other pages are open. */
const [shown, query, state] = [signal("list"), signal(""), signal("")];

/**
 * @param {object} parts
 * @param {import("../instances.js").Instance} parts.instance
 * @param {import("../lists/roll.js").Roll} parts.list
 * @param {import("../signal.js").Readable<import("./wire_rows.js").Peer[]>} parts.peers
 * @param {ReturnType<typeof import("./session_values.js").sessionValues>} parts.values
 * @param {import("../signal.js").Readable<import("./wire_rows.js").Peer|null>} parts.chosen
 * @param {import("../signal.js").Writable<string>} parts.target the name of the chosen one.
 */
export function peersPanel({ instance, list, peers, values, chosen, target }) {
  const found = finding(peers, values);
  const empty = {
    text: () =>
      instance.service()?.dialling?.length
        ? "No remote has been connected yet."
        : "No peer has connected yet; each appears here by itself. To try it by hand:",
    command: () => attempt(instance.service()),
  };
  const choose = (name) => {
    target.value = name;
    hurry();
    // it stands below a long list, and grows by its plots a moment later
    setTimeout(() => document.querySelector("[data-testid=peer]")?.scrollIntoView({ block: "nearest" }), GROWN);
  };
  return panel(
    { title: "Peers", testid: "peers-list", face: faceOf(list, () => peers.value.length === 0), empty },
    h(
      "div.toolbar.finding",
      {},
      segments("View", VIEWS, shown, "peer-view"),
      searchField(query, "name, address, channel, temp>30, silent:10s", "peer-search"),
      chips(found.counts, state, (name) => LOOKS[name], "peer-states"),
    ),
    chosenOf(
      () => shown.value,
      (name) => (name === "tiles" ? tiles(found, values, chosen, choose) : lines(found, values, chosen, choose)),
    ),
    when(
      () => found.peers.value.length === 0,
      () => h("p.hint.padded", { role: "status" }, "No peer matches."),
    ),
    commandLineToCopy(() => instance.line("wire", "peers")),
  );
}

/** How to be a peer of a wire that listens; null where its address does not tell. @param {any} service */
function attempt(service) {
  const address = service?.listening?.[0]?.address ?? "";
  const port = portOf(service, null);
  if (port === null) return null;
  return `nc ${address.startsWith("udp:") ? "-u " : ""}127.0.0.1 ${port}`;
}

/** The peers that the user looks for. */
function finding(peers, values) {
  const parts = computed(() => parse(query.value));
  const sought = computed(() => {
    const wanted = parts.value;
    if (isOfValues(wanted)) void values.beat.value; // they change all the time
    if (wanted.length === 0) return peers.value;
    const now = knownAt.peek();
    return peers.value.filter((one) => matches(textsOf(one, values), wanted, now));
  });
  const rankOf = (one) => STATES.indexOf(stateOf(one));
  const found = computed(() =>
    sought.value
      .filter((one) => state.value === "" || stateOf(one) === state.value)
      .sort((one, other) => rankOf(one) - rankOf(other) || byName(one.name, other.name)),
  );
  /** @returns {[string, number][]} */
  const counts = () => {
    const numbers = Object.fromEntries(STATES.map((name) => [name, 0]));
    for (const one of sought.value) numbers[stateOf(one)] += 1;
    return Object.entries(numbers).filter(([name, number]) => name !== "spoken for" || number > 0 || state.value === name);
  };
  return { peers: found, counts, rankOf, stamp: () => `${query.value}\n${state.value}` };
}

function textsOf(peer, values) {
  const own = values.of(tokenOf(peer.name));
  const described = Object.entries(peer.values);
  const fields = {
    agent: peer.name,
    host: peer.address,
    state: stateOf(peer),
    channel: described.map(([name]) => name).join(" "),
    label: described.map(([, { label }]) => label).join(" "),
    unit: described.map(([, { unit }]) => unit).join(" "),
  };
  for (const [name, text] of Object.entries(fields)) fields[name] = text.toLowerCase();
  const newest = ([name, { label, value, time }]) => {
    const heard = own.get(tokenOf(name));
    return { name: `${name} ${label}`.toLowerCase(), value: heard?.last ?? value, time: heard?.lastTime ?? time };
  };
  return { all: Object.values(fields).join(" "), fields, channels: () => described.map(newest) };
}

function tiles(found, values, chosen, choose) {
  const channels = computed(() =>
    found.peers.value
      .filter((one) => stateOf(one) !== "away")
      .map(asSession)
      .flatMap((session) => Object.keys(session.channels).map((name) => ({ session, name }))),
  );
  const still = steady({
    list: () => channels.value,
    keyOf: ({ session, name }) => `${session.session} ${name}`,
    rankOf: () => 0,
    stamp: found.stamp,
  });
  const isWatched = ({ session }) => chosen.value?.name === session;
  const acts = { isWatched, toggle: ({ session }) => choose(session), hint: PEER_HINT };
  return h(
    "div",
    {},
    still.button,
    sessionTiles({ channels: () => still.items.value, values, attributes: still.attributes, ...acts }),
  );
}

function lines(found, values, chosen, choose) {
  const still = steady({ list: () => found.peers.value, keyOf: ({ name }) => name, rankOf: found.rankOf, stamp: found.stamp });
  return h(
    "div",
    {},
    still.button,
    h(
      "div",
      still.attributes,
      longTable({
        columns: ["Peer", "Presence", "Last message", "Newest values", "Address"],
        list: () => still.items.value,
        keyOf: ({ name }) => name,
        makeRow: (item) => row(item, values, chosen, choose),
        kind: "lines",
        stamp: found.stamp,
      }),
    ),
  );
}

function row(item, values, chosen, choose) {
  const { name } = item.peek();
  const isChosen = () => chosen.value?.name === name;
  const heard = () => {
    void values.beat.value;
    const times = [...values.of(tokenOf(name)).values()].map(({ lastTime }) => lastTime);
    return Math.max(item.value.last_seen ?? -Infinity, ...times);
  };
  return h(
    "tr",
    {
      testid: "peer-row",
      "data-peer": name,
      "data-presence": () => stateOf(item.value),
      class: () => (isChosen() ? "chosen" : ""),
    },
    rowHead(
      "Peer",
      h(
        "button.name",
        { type: "button", testid: "choose-peer", "aria-pressed": () => String(isChosen()), onclick: () => choose(name) },
        visible(name),
      ),
    ),
    cell(
      "Presence",
      badge(
        () => LOOKS[stateOf(item.value)],
        () => stateOf(item.value),
        { testid: "presence", title: () => (item.value.reason ? visible(item.value.reason) : null) },
      ),
    ),
    cell(
      "Last message",
      h("time", { title: () => (Number.isFinite(heard()) ? fullTime(heard()) : null) }, () =>
        Number.isFinite(heard()) ? ago(heard(), knownAt.value) : "–",
      ),
    ),
    cell("Newest values", newest(item, values), "long extra"),
    cell("Address", () => visible(item.value.address), "mono extra"),
  );
}

/** The names of the channels with their newest values. */
function newest(item, values) {
  const precisions = new Map();
  const { name } = item.peek();
  return () => {
    void values.beat.value;
    const own = values.of(tokenOf(name));
    const all = Object.entries(item.value.values);
    const one = ([channel, { value, unit }]) => {
      const last = own.get(tokenOf(channel))?.last ?? value;
      precisions.set(channel, precisionOf(last, precisions.get(channel) ?? null));
      return `${visible(channel)} ${measure(last, precisions.get(channel))}${unit ? `\u00a0${visible(unit)}` : ""}`;
    };
    const further = all.length > NAMED ? ` · ${all.length - NAMED} more` : "";
    return all.slice(0, NAMED).map(one).join(" · ") + further || "–";
  };
}
