/** Wires: each with its state; of the chosen one the peers and their values, rules and questions, and what did not fit. */

import { h } from "../dom.js";
import { servicesOf } from "../connection.js";
import { count, plural, visible } from "../format.js";
import { instanceOf, labelOf } from "../instances.js";
import { settled } from "../live.js";
import { roll } from "../lists/roll.js";
import { needsService } from "../no_service.js";
import { isFar, nodeOf } from "../nodes.js";
import { dialText, troublesOf } from "../pages.js";
import { badge, panel } from "../panel.js";
import { View } from "../plots/view.js";
import { place, remember } from "../router.js";
import { computed, effect, signal } from "../signal.js";
import { cell, rowHead, table } from "../table.js";
import { tokenOf } from "../subjects.js";
import { sessionValues } from "./session_values.js";
import { peerCard } from "./wire_peer.js";
import { peersPanel } from "./wire_peers.js";
import { misfitsPanel, questionsPanel, rulesPanel, saidPanel } from "./wire_reading.js";
import { changed } from "./wire_rows.js";
import { sendPanel } from "./wire_send.js";

/** Up to how many peers the first one is shown with its plots without being chosen. */
const FEW = 6;
/** Milliseconds in which new channels are put together. */
const TOGETHER = 200;

/** The window of all plots, and the chosen peer. They are kept while other pages are open. */
const view = new View(60);
const target = signal("");

export const wires = () =>
  h("div.grid.wires", {}, needsService("wire", content, "Programs, boards and instruments with a protocol of their own appear here, with what they say."));

function content() {
  effect(() => {
    const { page, query } = place.value;
    if (page === "wires" && query.peer !== undefined) target.value = query.peer;
  });
  effect(() => remember({ peer: target.value }));
  const instance = instanceOf("wire");
  const list = roll({ method: "wire.peers", instance, keyOf: (one) => one.name, events: [["presence.*", changed]] });
  const peers = computed(() => [...list.rows.value.values()]);
  const channels = () => peers.value.reduce((sum, { values }) => sum + Object.keys(values).length, 0);
  const samples = { ...instance, subject: (rest) => instance.subject(`sample.${rest}`) };
  const values = sessionValues(samples, () => (list.answer.value !== null || list.refusal.value ? channels() : null));
  followChannels(list, peers, values);
  const chosen = computed(() => {
    const named = peers.value.find(({ name }) => name === target.value);
    if (named !== undefined || target.value !== "" || peers.value.length > FEW) return named ?? null;
    return peers.value.find(({ online, values: own }) => online && Object.keys(own).length > 0) ?? peers.value[0] ?? null;
  });
  return h(
    "div.two-columns",
    {},
    h(
      "div.stack",
      {},
      sections(instance),
      peersPanel({ instance, list, peers, values, chosen, target }),
      peerCard({ instance, chosen, view, refresh: list.refresh }),
      saidPanel(instance),
    ),
    h(
      "div.stack",
      {},
      sendPanel(instance, target, chosen, peers),
      questionsPanel(instance),
      misfitsPanel(instance),
      rulesPanel(instance),
    ),
  );
}

/** Labels and units of channels come with the list: it is asked for again when one is heard that it does not have. */
function followChannels(list, peers, values) {
  const refresh = settled(list.refresh, TOGETHER);
  const known = computed(
    () =>
      new Set(peers.value.flatMap(({ name, values: own }) => Object.keys(own).map((one) => `${tokenOf(name)}.${tokenOf(one)}`))),
  );
  let asked = 0;
  effect(() => {
    void values.heard.value;
    if (list.answer.value === null) return;
    const heard = values.agents().flatMap((peer) => [...values.of(peer).keys()].map((name) => `${peer}.${name}`));
    const unknown = heard.filter((one) => !known.value.has(one)).length;
    if (unknown > asked) refresh();
    asked = unknown;
  });
}

/** All wires, of this node and of others, with what becomes of their ports. */
function sections(chosen) {
  const all = () => servicesOf("wire");
  const hasNodes = () => all().some(isFar);
  return panel(
    { title: "Wires", testid: "wires-list", aside: chosen.select },
    table(
      ["Wire", "State", "Peers", "Channels", "Did not fit"],
      all,
      ({ instance }) => instance,
      (item) => section(item, chosen, hasNodes),
    ),
  );
}

/** What becomes of a wire: whether it is well, and in words. @param {any} status @returns {[string, string]} */
export function stateOf(status) {
  const { listening = [], dialling = [], isGuessed = false } = status;
  if (isGuessed) return ["plain", "–"];
  const waiting = dialling.filter((one) => one.connected_for === null);
  if (dialling.length > 1)
    return [
      waiting.length ? "waiting" : "ok",
      `${count(dialling.length - waiting.length)} of ${plural(dialling.length, "remote")} connected`,
    ];
  if (dialling.length === 1) return [waiting.length ? "waiting" : "ok", dialText(dialling[0])];
  return [
    listening.length ? "ok" : "trouble",
    listening.length ? `listens on ${listening.map(({ address }) => address).join(", ")}` : "listens nowhere",
  ];
}

function section(item, chosen, hasNodes) {
  const { instance } = item.peek();
  const isChosen = () => chosen.name.value === instance;
  const label = labelOf("wire", instance);
  return h(
    "tr",
    { testid: "wire-row", "data-wire": instance, class: () => (isChosen() ? "chosen" : "") },
    rowHead(
      "Wire",
      h(
        "a",
        { href: `#/wires?instance=${encodeURIComponent(instance)}`, "aria-current": () => (isChosen() ? "true" : null) },
        label,
      ),
      h("span.channel-name", { hidden: () => !hasNodes() || !nodeOf(instance) }, () => `on ${nodeOf(instance)}`),
    ),
    cell("State", [
      badge(
        () => (troublesOf(item.value).length ? "trouble" : stateOf(item.value)[0]),
        () => stateOf(item.value)[1],
        { testid: "wire-state" },
      ),
      h("p.reason", { testid: "wire-trouble", hidden: () => troublesOf(item.value).length === 0 }, () =>
        troublesOf(item.value).map(visible).join("\n"),
      ),
    ]),
    cell("Peers", () => count(item.value.peers ?? NaN), "number"),
    cell("Channels", () => count(item.value.channels ?? NaN), "number"),
    cell("Did not fit", () => count(misfits(item.value)), "number"),
  );
}

/** How much did not fit, of all kinds. */
const misfits = ({ counters }) => Object.values(counters?.notes ?? {}).reduce((sum, one) => sum + one, 0);
