/** Devices: those connected, those away, and sending to them. */

import { action, outcomeOf } from "../action.js";
import { deviceTile } from "../board/model.js";
import { pinButton } from "../board/pin.js";
import { commandLine, commandLineToCopy } from "../commandline.js";
import { serverClock } from "../connection.js";
import { h, when } from "../dom.js";
import { ago, fullTime, shortAddress, visible } from "../format.js";
import { instanceOf, portOf } from "../instances.js";
import { polled, settled, told } from "../live.js";
import { badge, faceOf, needsService, panel } from "../panel.js";
import { forbidden } from "../rights.js";
import { computed, signal } from "../signal.js";
import { cell, longTable, rowHead } from "../table.js";
import { conversation } from "./device_talk.js";
import { beingPanel } from "./device_being.js";
import { MESSAGE, sendSheet } from "./device_send.js";

const EVERY = 2;
/** For how many devices the time of the last message is kept. */
const HEARD = 500;

/** The device to send to. It is kept while other pages are open. */
const target = signal("");

/** A device's label: its name, or else its address. */
const labelOf = (device) => device.name || shortAddress(device.address);

export function devices() {
  return h("div.grid.devices", {}, needsService("relay", content));
}

function content() {
  const instance = instanceOf("relay");
  const list = polled("relay.devices", instance, EVERY, { limit: 1000 });
  const soon = settled(list.refresh, 150);
  told(() => instance.subject("presence.*"), {}, soon);
  told(() => instance.subject("sent.*"), {}, soon);
  const heard = heardAt(instance);
  const all = computed(() => list.answer.value?.rows ?? []);
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
  const filter = signal("");
  const isMatch = (one) =>
    !filter.value || `${labelOf(one)} ${one.address} ${one.aliases.join(" ")}`.toLowerCase().includes(filter.value);
  const matching = computed(() => all.value.filter(isMatch));
  const search = h("input.search", {
    type: "search",
    "aria-label": "Filter devices",
    placeholder: "Filter",
    oninput: (event) => (filter.value = event.target.value.trim().toLowerCase()),
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
      aside: [instance.select, search],
    },
    longTable({
      columns: ["Device", "Presence", "Last seen", "Address", ""],
      list: () => matching.value,
      keyOf: (one) => one.generation,
      makeRow: (item) => row(item, instance, heard, choose, () => disconnection(item, instance, cut, list.refresh)),
      kind: "lines",
    }),
    when(
      () => matching.value.length === 0,
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
      h("time", { title: () => fullTime(heard(item.value)) }, () => ago(heard(item.value), serverClock.value)),
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
