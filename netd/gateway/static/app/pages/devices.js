/** Devices: those connected, those away, and sending to them. */

import { action, outcomeOf } from "../action.js";
import { deviceTile } from "../board/model.js";
import { pinButton } from "../board/pin.js";
import { commandLine, commandLineToCopy } from "../commandline.js";
import { knownAt } from "../connection.js";
import { h, when } from "../dom.js";
import { ago, duration, fullTime, shortAddress, visible } from "../format.js";
import { instanceOf, portOf } from "../instances.js";
import { told } from "../live.js";
import { badge, faceOf, needsService, panel } from "../panel.js";
import { forbidden } from "../rights.js";
import { roll } from "../lists/roll.js";
import { byName } from "../lists/search.js";
import { computed, signal } from "../signal.js";
import { steady } from "../lists/steady.js";
import { cell, longTable, rowHead } from "../table.js";
import { chips, searchField } from "../lists/toolbar.js";
import { conversation } from "./device_talk.js";
import { beingPanel } from "./device_being.js";
import { MESSAGE, sendSheet } from "./device_send.js";

/** For how many devices the time of the last message is kept. */
const HEARD = 500;
/** Seconds after which a connected device that says nothing is told by the length of its connection. */
const QUIET = 60;

/** The device to send to. It is kept while other pages are open. */
const target = signal("");

/** A device's label: its name, or else its address. */
const labelOf = (device) => device.name || shortAddress(device.address);

export function devices() {
  return h("div.grid.devices", {}, needsService("relay", content));
}

function content() {
  const instance = instanceOf("relay");
  const list = roll({ method: "relay.devices", instance, keyOf: (one) => one.name || one.address, events: [["presence.*", changed]] });
  const heard = heardAt(instance);
  const all = computed(() => [...list.rows.value.values()]);
  const chosen = computed(() => all.value.find((one) => labelOf(one) === target.value) ?? null);
  const sheet = sendSheet(instance, target, chosen, all, labelOf);
  const choose = (label) => {
    target.value = label;
    sheet.open();
    document.getElementById(MESSAGE)?.focus();
  };
  return h(
    "div.two-columns.with-sheet",
    {},
    sheet.element,
    h("div.stack", {}, listing({ instance, list, all, heard, choose }), conversation(instance), beingPanel(instance)),
  );
}

/** Take an event of a device: an old one of a connection that another has replaced counts no more. */
export function changed(rows, { data: { device, reason: _, ...facts } }) {
  const before = rows.get(device);
  if (before !== undefined && facts.generation < before.generation) return;
  const isNamed = device !== facts.address;
  if (facts.online || isNamed) rows.set(device, { ...before, ...facts, name: isNamed ? device : "" });
  else rows.delete(device);
}

/** When each device last said something of its own accord. Events tell that sooner than the polled list. */
function heardAt(instance) {
  /** @type {import("../signal.js").Writable<Map<string, number>>} */
  const times = signal(new Map());
  told(
    () => instance.subject("said.*"),
    {},
    ({ data, time }) => {
      const newest = new Map(times.peek()).set(data.device, time);
      times.value = new Map([...newest].slice(-HEARD));
    },
  );
  return (device) => Math.max(device.last_seen, times.value.get(device.name || device.address) ?? 0);
}

function listing({ instance, list, all, heard, choose }) {
  const cut = { outcome: signal(null), asked: signal("") };
  const [filter, state] = [signal(""), signal("")];
  const textOf = (one) => `${labelOf(one)} ${one.address} ${one.aliases.join(" ")}`.toLowerCase();
  const sought = computed(() => {
    const words = filter.value.toLowerCase().split(/\s+/).filter(Boolean);
    return all.value.filter((one) => words.every((word) => textOf(one).includes(word)));
  });
  /** @returns {[string, number][]} */
  const counts = () => {
    const online = sought.value.filter((one) => one.online).length;
    return [
      ["online", online],
      ["away", sought.value.length - online],
    ];
  };
  const rankOf = (one) => (one.online ? 0 : 1);
  const still = steady({
    list: () => {
      const found = sought.value.filter((one) => state.value === "" || stateOf(one) === state.value);
      return found.sort((one, other) => rankOf(one) - rankOf(other) || byName(labelOf(one), labelOf(other)));
    },
    keyOf: labelOf,
    rankOf,
    stamp: () => `${filter.value}\n${state.value}`,
  });
  const empty = {
    text: "No device has connected yet. Old programs appear by themselves; to try it, be one:",
    command: () => commandLine("device", ["--name", "greenhouse"], ["--port", portOf(instance.service(), 5050)]),
  };
  return panel(
    {
      title: "Devices",
      testid: "devices-list",
      face: faceOf(list, () => all.value.length === 0),
      empty,
      aside: instance.select,
    },
    h(
      "div.toolbar.finding",
      {},
      searchField(filter, "name, address, alias", "device-search"),
      chips(counts, state, (name) => (name === "online" ? "ok" : "gone"), "device-states"),
    ),
    still.button,
    h(
      "div",
      still.attributes,
      longTable({
        columns: ["Device", "Presence", "Last seen", "Address", ""],
        list: () => still.items.value,
        stamp: () => `${filter.value}\n${state.value}`,
        keyOf: (one) => one.generation,
        makeRow: (item) => row(item, instance, heard, choose, () => disconnection(item, instance, cut, list.refresh)),
        kind: "lines",
      }),
    ),
    when(
      () => still.items.value.length === 0,
      () => h("p.hint.padded", {}, "No device matches."),
    ),
    outcomeOf(cut.outcome),
    when(
      () => cut.asked.value,
      () => commandLineToCopy(() => instance.line("relay", "disconnect", cut.asked.value)),
    ),
    commandLineToCopy(() => (instance.option() === null ? commandLine("devices") : instance.line("relay", "devices"))),
  );
}

/** Closing a device's connection. The outcome is shown below the list, because the row may be gone by then. */
function disconnection(item, instance, { outcome, asked }, refresh) {
  const label = labelOf(item.peek());
  return action({
    label: "Disconnect",
    about: `Disconnect ${label}`,
    method: "relay.disconnect",
    instance,
    params: () => ({ target: label }),
    told: () => ({ state: "ok", text: `${visible(label)} is disconnected. Most devices come back by themselves.` }),
    done: refresh,
    question: "Close its connection?",
    asking: () => (asked.value = label),
    outcome,
    kind: "quiet",
    isOffered: false,
    testid: "disconnect",
  });
}

const stateOf = ({ online }) => (online ? "online" : "away");

/** When a device was heard last. Whatever it says is told at once; of one that only listens, the connection is all that is known. */
function seenText(one, heard) {
  const now = knownAt.value;
  const isQuiet = one.online && now - heard(one) > QUIET;
  return isQuiet ? `here for ${duration(now - one.since)}` : ago(heard(one), now);
}

/** A row of the list. Only that of the chosen device has a button. */
function row(item, instance, heard, choose, makeCut) {
  const label = labelOf(item.peek());
  const isChosen = () => target.value === label;
  const mayNot = () => forbidden("relay.send", instance.name.value) !== "";
  const aliases = () => (item.value.aliases.length ? `also ${item.value.aliases.join(", ")}` : "");
  const name = {
    type: "button",
    testid: "choose-device",
    hidden: mayNot,
    "aria-pressed": () => String(isChosen()),
    "aria-label": `Send to ${label}`,
    title: `Send to ${label}`,
    onclick: () => choose(label),
  };
  return h(
    "tr",
    { testid: "device-row", "data-device": label, class: () => (isChosen() ? "chosen" : "") },
    rowHead(
      "Device",
      h("button.name", name, visible(label)),
      h("span", { hidden: () => !mayNot() }, visible(label)),
      h("span.channel-name", { title: aliases }, () => visible(aliases())),
    ),
    cell(
      "Presence",
      badge(
        () => (item.value.online ? "ok" : "gone"),
        () => (item.value.online ? "online" : "away"),
        { testid: "presence" },
      ),
    ),
    cell(
      "Last seen",
      h("time", { title: () => fullTime(heard(item.value)) }, () => seenText(item.value, heard)),
      "",
      { testid: "last-seen" },
    ),
    cell("Address", () => shortAddress(item.value.address), "mono extra", {
      title: () => (item.value.answers ? "Answers requests" : "Listens, and does not answer requests"),
    }),
    h(
      "td.end",
      {},
      when(isChosen, () => pinButton(() => deviceTile(label, instance.name.peek() ?? "main"), label)),
      when(
        () => isChosen() && item.value.online,
        () => makeCut().button,
      ),
    ),
  );
}
