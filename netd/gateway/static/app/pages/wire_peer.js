/** The chosen peer of a wire: its state, a plot of each of its channels, and the button that closes its connection. */

import { action, results } from "../action.js";
import { describe, gather } from "../channels.js";
import { commandLineToCopy } from "../commandline.js";
import { knownAt } from "../connection.js";
import { choice, each, h, when } from "../dom.js";
import { ago, duration, plural, visible } from "../format.js";
import { followMarks } from "../history/marks.js";
import { byName } from "../lists/search.js";
import { badge, panel } from "../panel.js";
import { remembers } from "../recorder.js";
import { computed, effect, signal } from "../signal.js";
import { tokenOf } from "../subjects.js";
import { channelPlot } from "./channel_plot.js";
import { windowControls } from "./window_controls.js";
import { LOOKS, stateOf } from "./wire_rows.js";

/** How many channels are plotted. */
const MOST = 24;
const MOST_MARKS = 200;

/** @typedef {import("./wire_rows.js").Peer} Peer */

/**
 * @param {object} parts
 * @param {import("../instances.js").Instance} parts.instance
 * @param {import("../signal.js").Readable<Peer|null>} parts.chosen
 * @param {View} parts.view
 * @param {() => Promise<void>} parts.refresh
 * @typedef {import("../plots/view.js").View} View
 */
export function peerCard({ instance, chosen, view, refresh }) {
  const named = () => (chosen.value === null ? "" : `${instance.name.value}\n${chosen.value.name}`);
  return choice(named, (name) => (name === "" ? null : card(instance, name.split("\n")[1], chosen, view, refresh)));
}

/** A page has one of these for as long as the same peer is chosen. */
function card(instance, name, chosen, view, refresh) {
  /** @type {Peer} */
  let last = /** @type {Peer} */ (chosen.peek());
  const peer = computed(() => (last = chosen.value?.name === name ? chosen.value : last));
  const stem = instance.subject(`sample.${tokenOf(name)}`) ?? "";
  const gathering = gather(`${stem}.*`, MOST);
  const happened = signal(/** @type {import("../history/figures.js").Happening[]} */ ([]));
  followMarks(view, () => [`${stem}.*`], happened);
  effect(() => {
    for (const [channel, { label, unit }] of Object.entries(peer.value.values))
      describe(`${stem}.${tokenOf(channel)}`, { label, unit });
  });
  const close = action({
    label: "Close connection",
    about: `Close connection of ${visible(name)}`,
    method: "wire.close",
    instance,
    params: () => ({ name }),
    question: "Close its connection?",
    told: () => ({ state: "ok", text: "Its connection is closed. Most programs come back by themselves." }),
    done: refresh,
    until: () => peer.value.since,
    isLasting: true,
    kind: "quiet",
    isOffered: false,
    testid: "close-peer",
  });
  const past = () => `#/history?s=${[...gathering.channels.value.keys()].join(",")}`;
  return panel(
    {
      title: visible(name),
      testid: "peer",
      aside: [
        badge(
          () => LOOKS[stateOf(peer.value)],
          () => stateOf(peer.value),
          { testid: "peer-state" },
        ),
        h(
          "a",
          { href: past, hidden: () => !remembers.value || gathering.channels.value.size === 0, testid: "peer-history" },
          "History",
        ),
        h("span", { hidden: () => !peer.value.online }, close.button),
      ],
    },
    h("p.hint", {}, () => factsOf(peer.value, gathering.omitted.value)),
    when(
      () => peer.value.reason,
      () => h("p.reason", {}, () => visible(peer.value.reason)),
    ),
    results(close),
    when(
      () => gathering.channels.value.size > 0,
      () => windowControls(view),
    ),
    plots(gathering, peer, { watch: { subject: stem, marks: marksFor(peer) }, view, group: stem, happened }),
    h(
      "details.commands",
      {},
      h("summary", {}, "As command lines"),
      commandLineToCopy(() => instance.line("wire", "close", name)),
    ),
  );
}

function factsOf({ address, online, since, last_seen, messages }, omitted) {
  const facts = [
    visible(address),
    online && since !== null ? `for ${duration(knownAt.value - since)}` : "",
    !online && last_seen !== null ? `last seen ${ago(last_seen, knownAt.value)}` : "",
    messages ? plural(messages, "message") : "",
    omitted ? `${plural(omitted, "further channel")} not shown` : "",
  ];
  return facts.filter(Boolean).join(" · ");
}

/** When it came and went while the page looks. @returns {import("../plots/marks.js").Mark[]} */
function marksFor(peer) {
  /** @type {import("../plots/marks.js").Mark[]} */
  const marks = [];
  const mark = (one) => marks.push(one) > MOST_MARKS && marks.shift();
  let before = peer.peek().online;
  effect(() => {
    const { online, since, last_seen: seen } = peer.value;
    if (online !== before)
      mark(online ? { time: since, kind: "ok", word: "connected" } : { time: seen ?? since, kind: "gone", word: "disconnected" });
    before = online;
  });
  return marks;
}

function plots(gathering, peer, of) {
  const byToken = computed(
    () => new Map(Object.entries(peer.value.values).map(([name, facts], place) => [tokenOf(name), { ...facts, place }])),
  );
  const placeOf = ({ name }) => byToken.value.get(name)?.place ?? byToken.value.size;
  const ordered = () =>
    [...gathering.channels.value.values()].sort((one, other) => placeOf(one) - placeOf(other) || byName(one.name, other.name));
  const described = (name) => () => byToken.value.get(name) ?? { label: "", unit: "" };
  return h(
    "div.channels",
    {},
    h("h3.offscreen", {}, "Channels"),
    when(
      () => gathering.channels.value.size === 0,
      () => h("p.hint.padded", {}, "It has sent no samples yet."),
    ),
    each(
      ordered,
      (channel) => channel,
      (channel) => channelPlot(channel.peek(), described(channel.peek().name), of),
    ),
  );
}
