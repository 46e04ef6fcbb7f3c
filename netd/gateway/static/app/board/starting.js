/** What an empty board offers: to be made of what is connected now. */

import { netd, servicesOf, status } from "../connection.js";
import { h } from "../dom.js";
import { sectionOf } from "../instances.js";
import { signal } from "../signal.js";
import { devices as foundDevices } from "./found.js";

/** Channels and devices that are put on a board at once, at most. */
const MOST = 12;
/** More plots than this are not under each other. */
const IN_ROWS = 3;

/** A number beside a plot for each of *subjects*; many stand in two columns, so that all can be read on a wall. @param {string[]} subjects */
export const besides = (subjects) =>
  subjects.flatMap((subject) => [
    { kind: "number", subjects: [subject], w: subjects.length > IN_ROWS ? 2 : 3, h: 5 },
    { kind: "plot", subjects: [subject], w: subjects.length > IN_ROWS ? 4 : 9, h: 5 },
  ]);

/** A number beside a plot for each channel of what is streaming. @returns {Promise<any[]>} */
async function ofSessions() {
  const lists = await Promise.all(
    servicesOf("session").map(async ({ instance }) => {
      const { rows } = await netd.call("session.list", { instance });
      return rows.filter(({ state }) => state === "streaming").map((one) => ({ ...one, instance }));
    }),
  );
  const channels = lists
    .flat()
    .flatMap(({ agent, instance, channels: all }) =>
      Object.keys(all ?? {}).map((name) => `session.${instance}.${agent}.${name}`),
    );
  return besides([...new Set(channels)].slice(0, MOST / 2));
}

/** @returns {Promise<any[]>} */
const ofDevices = async () => (await foundDevices()).slice(0, MOST).map(({ tile }) => tile);

/** The state of each service, and netd's newest changes. @returns {Promise<any[]>} */
async function ofNetd() {
  const services = (status.peek()?.services ?? []).map(({ kind, instance }) => ({
    kind: "state",
    service: sectionOf(kind, instance),
  }));
  return [
    ...services,
    { kind: "events", title: "Devices", subjects: ["relay.*.presence.*"], w: 6 },
    { kind: "events", title: "Sessions", subjects: ["session.*.*"], w: 6 },
  ];
}

/** @type {[string, string, () => Promise<any[]>][]} */
const WAYS = [
  ["sessions", "Plots of what streams", ofSessions],
  ["devices", "Devices, and sending to them", ofDevices],
  ["netd", "The state of netd", ofNetd],
];

/** Three buttons. @param {(tiles: any[]) => void} fill @param {() => string} why the user may not write. */
export function starting(fill, why) {
  const told = signal("");
  const press = async (make) => {
    try {
      const tiles = await make();
      if (tiles.length === 0) told.value = "Nothing of this kind is connected now.";
      else fill(tiles);
    } catch (error) {
      told.value = error.message;
    }
  };
  return h(
    "section.panel.start-board",
    { testid: "empty-board", "aria-label": "An empty board" },
    h("h2", {}, "This board is empty"),
    h(
      "p.hint",
      {},
      () => why() || "Make one of what is connected now, and change it afterwards; or edit it, and add tiles one by one.",
    ),
    h(
      "div.row",
      { hidden: () => why() !== "" },
      WAYS.map(([name, label, make]) =>
        h("button", { type: "button", testid: `start-${name}`, onclick: () => press(make) }, label),
      ),
    ),
    h("p.outcome", { role: "status", "data-state": "waiting" }, () => told.value),
  );
}
