/** Devices: those connected, those away, and sending to them; in a cluster, those of all nodes. */

import { action, outcomeOf } from "../action.js";
import { deviceTile } from "../board/model.js";
import { pinButton } from "../board/pin.js";
import { commandLine, commandLineToCopy } from "../commandline.js";
import { CLUSTER, knownAt, operations, status } from "../connection.js";
import { choice, h, when } from "../dom.js";
import { ago, duration, fullTime, shortAddress, visible } from "../format.js";
import { instanceOf, portOf } from "../instances.js";
import { settled as paced, told } from "../live.js";
import { needsService } from "../no_service.js";
import { nodeOf } from "../nodes.js";
import { badge, faceOf, panel } from "../panel.js";
import { forbidden } from "../rights.js";
import { roll } from "../lists/roll.js";
import { byName } from "../lists/search.js";
import { computed, signal } from "../signal.js";
import { steady } from "../lists/steady.js";
import { cell, longTable, rowHead } from "../table.js";
import { chips, searchField } from "../lists/toolbar.js";
import { conversation } from "./device_talk.js";
import { beingPanel } from "./device_being.js";
import { keyOf, labelOf, LOOKS, settled, stateOf, take, targetsOf, whereOf } from "./device_rows.js";
import { MESSAGE, sendSheet } from "./device_send.js";

/** For how many devices the time of the last message is kept. */
const HEARD = 500;
/** Seconds after which a connected device that says nothing is told by the length of its connection. */
const QUIET = 60;

/** The operation that lists the devices of all nodes of a cluster. */
const ALL_NODES = "cluster.devices";
/** Milliseconds in which changes of nodes are put together. */
const TOGETHER = 100;

/** The device to send to. It is kept while other pages are open. */
const target = signal("");

export function devices() {
  return h("div.grid.devices", {}, needsService("relay", content));
}

function content() {
  const instance = instanceOf("relay", () => operations.value.has(ALL_NODES));
  const scope = scopeOf(instance);
  const list = roll({
    method: () => (instance.isAll() ? ALL_NODES : "relay.devices"),
    instance: scope,
    keyOf: (row) => keyOf(placed(row, instance)),
    events: [["presence.*", anywhere]],
  });
  told(() => (operations.value.has(ALL_NODES) ? CLUSTER : null), {}, paced(list.refresh, TOGETHER));
  const heard = heardAt(scope);
  const all = computed(() => settled([...list.rows.value.values()].map((row) => placed(row, instance))));
  const targets = computed(() => targetsOf(all.value));
  const targetOf = (one) => (instance.isAll() ? targets.value.get(keyOf(one)) : null) ?? labelOf(one);
  const chosen = computed(() => all.value.find((one) => targetOf(one) === target.value) ?? null);
  const sheet = sendSheet(instance, target, chosen, all, targetOf);
  const choose = (named) => {
    target.value = named;
    sheet.open();
    document.getElementById(MESSAGE)?.focus();
  };
  return h(
    "div.two-columns.with-sheet",
    {},
    sheet.element,
    h("div.stack", {}, listing({ instance, list, all, heard, choose, targetOf }), conversation(scope), beingPanel(instance)),
  );
}

/** The relays whose devices are listed, as an instance of which lists and events are asked for. */
function scopeOf(instance) {
  const subject = (rest) => (instance.isAll() ? `relay.*.${rest}` : instance.subject(rest));
  const params = (given) => (status.value === null ? null : instance.params(given)); // it tells the name of this node
  return { ...instance, subject, params };
}

/** A row with the place of its device, which only the list of all nodes tells. */
function placed(row, instance) {
  if (row.where !== undefined) return row;
  return { ...row, where: row.node === undefined ? (instance.name.value ?? "main") : whereOf(row, status.value?.name ?? null) };
}

/** Take an event of a device of one relay, in rows by its name. */
export const changed = (rows, { data }) => take(rows, data, data.device);

/** Take an event of a device of any relay. */
function anywhere(rows, { subject, data }) {
  const where = subject.split(".")[1];
  const place = { where, instance: where.split("@")[0], node: nodeOf(where) || (status.peek()?.name ?? "") };
  take(rows, data, `${where} ${data.device}`, place);
}

/** When each device last said something of its own accord. Events tell that sooner than the polled list. */
function heardAt(instance) {
  /** @type {import("../signal.js").Writable<Map<string, number>>} */
  const times = signal(new Map());
  told(
    () => instance.subject("said.*"),
    {},
    ({ subject, data, time }) => {
      const newest = new Map(times.peek()).set(`${subject.split(".")[1]} ${data.device}`, time);
      times.value = new Map([...newest].slice(-HEARD));
    },
  );
  return (device) => Math.max(device.last_seen, times.value.get(keyOf(device)) ?? 0);
}

function listing({ instance, list, all, heard, choose, targetOf }) {
  const cut = { outcome: signal(null), asked: signal(/** @type {{label: string, option: string|null}|null} */ (null)) };
  const [filter, state] = [signal(""), signal("")];
  const textOf = (one) => `${labelOf(one)} ${one.address} ${one.aliases.join(" ")} ${one.node ?? ""}`.toLowerCase();
  const sought = computed(() => {
    const words = filter.value.toLowerCase().split(/\s+/).filter(Boolean);
    return all.value.filter((one) => words.every((word) => textOf(one).includes(word)));
  });
  /** @returns {[string, number][]} */
  const counts = () => {
    const numbers = Object.fromEntries(STATES.map((name) => [name, 0]));
    for (const one of sought.value) numbers[stateOf(one)] += 1;
    return Object.entries(numbers).filter(([name, number]) => name !== "unknown" || number > 0 || state.value === name);
  };
  const rankOf = (one) => STATES.indexOf(stateOf(one));
  const order = (one, other) => rankOf(one) - rankOf(other) || byName(labelOf(one), labelOf(other)) || byName(one.where, other.where);
  const still = steady({
    list: () => {
      const found = sought.value.filter((one) => state.value === "" || stateOf(one) === state.value);
      return found.sort(order);
    },
    keyOf,
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
      searchField(filter, "name, address, alias, node", "device-search"),
      chips(counts, state, (name) => LOOKS[name], "device-states"),
    ),
    still.button,
    h(
      "div",
      still.attributes,
      choice(instance.isAll, (isAll) =>
        h(
          "div",
          {},
          longTable({
            columns: ["Device", ...(isAll ? ["Node"] : []), "Presence", "Last seen", "Address", ""],
            list: () => still.items.value,
            stamp: () => `${filter.value}\n${state.value}`,
            keyOf: (one) => `${one.generation} ${keyOf(one)}`,
            makeRow: (item) => row(item, { isAll, heard, choose, targetOf, makeCut: () => disconnection(item, instance, cut, list.refresh) }),
            kind: "lines",
          }),
        ),
      ),
    ),
    when(
      () => still.items.value.length === 0,
      () => h("p.hint.padded", {}, "No device matches."),
    ),
    outcomeOf(cut.outcome),
    when(
      () => cut.asked.value !== null,
      () => commandLineToCopy(() => commandLine("relay", "disconnect", cut.asked.value?.label ?? "", ["--instance", cut.asked.value?.option ?? null])),
    ),
    commandLineToCopy(() => (instance.option() === null ? commandLine("devices") : instance.line("relay", "devices"))),
  );
}

/** Closing a device's connection. The outcome is shown below the list, because the row may be gone by then. */
function disconnection(item, instance, { outcome, asked }, refresh) {
  const label = labelOf(item.peek());
  const { where } = item.peek();
  const option = instance.isAll() ? where : instance.option();
  return action({
    label: "Disconnect",
    about: `Disconnect ${label}`,
    method: "relay.disconnect",
    instance: { ...instance, name: computed(() => where), params: (given = {}) => ({ ...given, instance: where }) },
    params: () => ({ target: label }),
    told: () => ({ state: "ok", text: `${visible(label)} is disconnected. Most devices come back by themselves.` }),
    done: refresh,
    question: "Close its connection?",
    asking: () => (asked.value = { label, option }),
    outcome,
    kind: "quiet",
    isOffered: false,
    testid: "disconnect",
  });
}

/** The states of a device, in the order of the list. */
const STATES = ["online", "unknown", "away"];

/** When a device was heard last. Whatever it says is told at once; of one that only listens, the connection is all that is known. */
function seenText(one, heard) {
  const now = knownAt.value;
  const isQuiet = one.online && now - heard(one) > QUIET;
  return isQuiet ? `here for ${duration(now - one.since)}` : ago(heard(one), now);
}

/** A row of the list. Only that of the chosen device has a button. */
function row(item, { isAll, heard, choose, targetOf, makeCut }) {
  const label = labelOf(item.peek());
  const { where, node } = item.peek();
  const named = () => targetOf(item.value);
  const isChosen = () => target.value === named();
  const mayNot = () => forbidden("relay.send", where) !== "";
  const aliases = () => (item.value.aliases.length ? `also ${item.value.aliases.join(", ")}` : "");
  const name = {
    type: "button",
    testid: "choose-device",
    hidden: mayNot,
    "aria-pressed": () => String(isChosen()),
    "aria-label": () => `Send to ${named()}`,
    title: () => `Send to ${named()}`,
    onclick: () => choose(named()),
  };
  return h(
    "tr",
    { testid: "device-row", "data-device": label, "data-node": node ?? "", "data-presence": () => stateOf(item.value), class: () => (isChosen() ? "chosen" : "") },
    rowHead(
      "Device",
      h("button.name", name, visible(label)),
      h("span", { hidden: () => !mayNot() }, visible(label)),
      h("span.channel-name", { title: aliases }, () => visible(aliases())),
    ),
    isAll ? cell("Node", visible(node ?? "")) : null,
    cell(
      "Presence",
      badge(
        () => LOOKS[stateOf(item.value)],
        () => stateOf(item.value),
        { testid: "presence", title: () => (item.value.as_of ? `Nothing is known since ${fullTime(item.value.as_of)}` : null) },
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
      when(isChosen, () => pinButton(() => deviceTile(label, where), label)),
      when(
        () => isChosen() && item.value.online,
        () => makeCut().button,
      ),
    ),
  );
}
