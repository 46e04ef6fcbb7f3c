/** What can be put on a board: channels and other subjects heard now or ever recorded, devices, operations and commands. */

import { netd, operations, servicesOf, status } from "../connection.js";
import { sectionOf } from "../instances.js";
import { told } from "../live.js";
import { askRecorder, offers } from "../recorder.js";
import { audible, forbidden } from "../rights.js";
import { signal } from "../signal.js";
import { numberIn } from "./judge.js";
import { deviceTile, guessed } from "./model.js";

/**
 * Something that a tile can be made of.
 * @typedef {{name: string, hint: string, words: string, tile: any, operation?: import("../connection.js").Operation}} Found
 */

/** Subjects of netd itself, which are no measurements. */
const INNER = /^(system|board|audit)\./;
/** Seconds between two events of a subject, at least, and how many subjects are kept. */
const EVERY = 1;
const MOST_HEARD = 2000;

/** The result of a call; an empty list where netd refuses it or has no such operation. */
async function asked(method, params) {
  if (!operations.peek().has(method) || forbidden(method, params.instance)) return [];
  try {
    return await netd.call(method, params);
  } catch {
    return [];
  }
}

/** @param {string} subject @param {boolean} isNumeric @param {string} hint @returns {Found} */
const ofSubject = (subject, isNumeric, hint) => ({
  name: subject,
  hint,
  words: subject.toLowerCase(),
  tile: guessed(subject, isNumeric),
});

/** The subjects that were ever recorded. @returns {Promise<Found[]>} */
async function recorded() {
  if (!offers("history.subjects")) return [];
  const ask = (pattern) => askRecorder("history.subjects", { pattern }).catch(() => []);
  const all = await Promise.all(audible(">").map(ask));
  const bySubject = new Map(all.flat().map((one) => [one.subject, one])); // another unit is another series of the same subject
  return [...bySubject.values()].map(({ subject, label, unit, numeric }) =>
    ofSubject(subject, numeric, [label, unit && `in ${unit}`, "recorded"].filter(Boolean).join(", ")),
  );
}

/** The subjects that are heard from now on, and those kept on the bus. @returns {import("../signal.js").Readable<Map<string, Found>>} */
export function heard() {
  const all = signal(/** @type {Map<string, Found>} */ (new Map()));
  const take = ({ subject, data }) => {
    if (INNER.test(subject) || all.peek().has(subject) || all.peek().size >= MOST_HEARD) return;
    const number = numberIn(data);
    all.value = new Map(all.peek()).set(
      subject,
      ofSubject(subject, number !== null, number === null ? "heard now" : `now ${number}`),
    );
  };
  for (const pattern of audible(">")) told(() => pattern, { every: EVERY, fold: true, together: true, replay: 1 }, take);
  return all;
}

/** Patterns for channels of one agent, or of one name, where there are several. @param {Found[]} found @returns {Found[]} */
export function groups(found) {
  /** @type {Map<string, number>} */
  const counts = new Map();
  const channels = new Set(found.filter(({ tile }) => tile.kind === "plot").map(({ name }) => name)); // recorded, and heard now
  for (const name of channels) {
    const tokens = name.split(".");
    if (tokens.length !== 4 && tokens[2] !== "sample") continue; // session.main.oven.temp, wire.shed.sample.oven.temp
    const stem = tokens.slice(0, -2).join(".");
    const [agent, channel] = tokens.slice(-2);
    for (const pattern of [`${stem}.${agent}.*`, `${stem}.*.${channel}`, `${stem}.*.*`])
      counts.set(pattern, (counts.get(pattern) ?? 0) + 1);
  }
  return [...counts]
    .filter(([pattern, count]) => count > 1 && audible(pattern).includes(pattern))
    .map(([pattern, count]) => ofSubject(pattern, true, `${count} channels`));
}

/** @returns {Promise<Found[]>} */
export async function devices() {
  const relays = servicesOf("relay").map(({ instance }) => instance);
  const lists = await Promise.all(relays.map((instance) => asked("relay.devices", { instance, limit: 1000 })));
  return lists.flatMap((list, index) =>
    (list.rows ?? [])
      .filter((one) => one.name)
      .map((one) => ({
        name: one.name,
        hint: `device, ${one.online ? "online" : "away"}`,
        words: `device ${one.name} ${sectionOf("relay", relays[index])}`.toLowerCase(),
        tile: deviceTile(one.name, relays[index]),
      })),
  );
}

/** Operations that a button may run, and the user's commands. @returns {Promise<Found[]>} */
async function runnable() {
  const services = servicesOf("command").map(({ instance }) => instance);
  const lists = await Promise.all(services.map((instance) => asked("command.list", { instance })));
  const commands = lists.flatMap((list, index) =>
    list.map((one) => ({
      name: one.command_id,
      hint: `command: ${one.help.split("\n")[0]}`,
      words: `command ${one.command_id} ${one.help}`.toLowerCase(),
      tile: {
        kind: "command",
        operation: "command.run",
        instance: services[index],
        arguments: { command_id: one.command_id, arguments: {} },
      },
      operation: /** @type {any} */ ({ name: one.command_id, arguments: one.arguments }),
    })),
  );
  const offered = [...operations.peek().values()]
    .filter(({ name, lasting }) => !lasting && !name.startsWith("board.") && !forbidden(name, undefined))
    .map((one) => ({
      name: one.name,
      hint: one.summary.split("\n")[0],
      words: `operation ${one.name} ${one.summary}`.toLowerCase(),
      tile: { kind: "command", operation: one.name, arguments: {}, ...(one.instances[0] ? { instance: one.instances[0] } : {}) },
      operation: one,
    }));
  return [...commands, ...offered];
}

/** @param {string} name @returns {Found} */
const alertOf = (name) => ({
  name: `alert ${name}`,
  hint: "quiet or firing, and why",
  words: `alert ${name}`.toLowerCase(),
  tile: { kind: "state", subjects: [`alert.${name}.>`] },
});

/** The services of this netd, rooms and alerts among them. @returns {Found[]} */
function services() {
  return (status.peek()?.services ?? []).flatMap(({ kind, instance }) => {
    const section = sectionOf(kind, instance);
    const state = {
      name: `[${section}]`,
      hint: "the state of the service",
      words: `service ${section}`,
      tile: { kind: "state", service: section },
    };
    if (kind === "alert") return [alertOf(instance)];
    if (kind !== "room") return [state];
    const pattern = `room.${instance}.>`;
    return [
      state,
      {
        name: pattern,
        hint: "who talks, and what is said",
        words: `room ${pattern}`,
        tile: { kind: "room", subjects: [pattern] },
      },
    ];
  });
}

/** @type {Found} */
const NOTE = { name: "Note", hint: "text, and links to boards", words: "note text link", tile: { kind: "note", text: "" } };

/** Everything that can be put on a board, but for what is heard. @returns {Promise<Found[]>} */
export async function find() {
  const [past, ofRelays, toRun] = await Promise.all([recorded(), devices(), runnable()]);
  return [NOTE, ...ofRelays, ...past, ...services(), ...toRun];
}

/** Those of *all* that match: what is called just so comes first. @param {Found[]} all @param {string} written */
export function ranked(all, written) {
  const found = all.filter((one) => matches(one, written.trim()));
  const isCalledSo = ({ name }) => name.toLowerCase() === written.trim().toLowerCase();
  return [...found.filter(isCalledSo), ...found.filter((one) => !isCalledSo(one))];
}

/** Whether *found* has each of the words. @param {Found} found @param {string} written */
export const matches = ({ words }, written) =>
  written
    .toLowerCase()
    .split(/\s+/)
    .every((word) => words.includes(word));
