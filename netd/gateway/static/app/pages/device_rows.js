/** Rows of devices, of one relay or of all nodes: how events change them, and what each is called when it is sent to. Pure. */

import { shortAddress } from "../format.js";

/**
 * A device, as `relay.devices` and `cluster.devices` tell it. `where` is the instance of its relay in the names of this node,
 * "main" or "main@north"; `online` is null while its node cannot be reached.
 * @typedef {object} Device
 * @property {string} name @property {string} address @property {string[]} aliases @property {boolean} answers
 * @property {boolean|null} online @property {number} generation @property {number} since @property {number} last_seen
 * @property {number} [as_of] @property {string} [node] @property {string} [instance] @property {string} where
 */

/** Its name, or else its address. @param {{name: string, address: string}} device */
export const labelOf = (device) => device.name || shortAddress(device.address);

/** @param {any} device */
export const keyOf = (device) => `${device.where} ${device.name || device.address}`;

/** The instance of a device's relay, as the node *own* calls it. @param {{instance: string, node: string}} device @param {string|null} own */
export const whereOf = ({ instance, node }, own) => (node === own ? instance : `${instance}@${node}`);

/** @param {{online: boolean|null}} device @returns {"online"|"unknown"|"away"} */
export const stateOf = ({ online }) => (online === null ? "unknown" : online ? "online" : "away");

/** @type {Record<string, string>} */
export const LOOKS = { online: "ok", unknown: "waiting", away: "gone" };

/**
 * Take an event of a device: an old one of a connection that another has replaced counts no more.
 * @param {Map<string, any>} rows by *key*. @param {any} told the event's value @param {string} key
 * @param {object} [more] members that the event does not tell.
 */
export function take(rows, { device, reason: _, ...facts }, key, more = {}) {
  const before = rows.get(key);
  if (before !== undefined && facts.generation < before.generation) return;
  const isNamed = device !== facts.address;
  const known = { ...before };
  delete known.as_of;
  if (facts.online || isNamed) rows.set(key, { ...known, ...facts, ...more, name: isNamed ? device : "" });
  else rows.delete(key);
}

/**
 * The devices of all nodes, each where it was last: without those that are away from a node, and are on another one, or were there
 * later. @template {Device} T @param {T[]} devices
 */
export function settled(devices) {
  /** @type {Map<string, number>} */
  const newest = new Map();
  const nameOf = ({ where, name }) => `${where.split("@")[0]} ${name}`;
  for (const device of devices) {
    const rank = device.online === true ? Infinity : device.generation;
    newest.set(nameOf(device), Math.max(rank, newest.get(nameOf(device)) ?? 0));
  }
  return devices.filter((one) => one.name === "" || one.online !== false || one.generation === newest.get(nameOf(one)));
}

/**
 * What each device is called when it is sent to, by its key: its name, which follows it to another node; with its node where
 * several have the name, and for an address.
 * @param {Device[]} devices @returns {Map<string, string>}
 */
export function targetsOf(devices) {
  const counts = new Map();
  for (const device of devices) counts.set(labelOf(device), (counts.get(labelOf(device)) ?? 0) + 1);
  const target = (device) => {
    const isSure = device.name !== "" && counts.get(device.name) === 1;
    return isSure || !device.node ? labelOf(device) : `${labelOf(device)}@${device.node}`;
  };
  return new Map(devices.map((device) => [keyOf(device), target(device)]));
}
