/** The peers of a wire as rows: how events change them, and what a channel of theirs is called in subjects. Pure. */

import { tokenOf } from "../subjects.js";

/**
 * A peer, as `wire.peers` tells it.
 * @typedef {object} Peer
 * @property {string} name @property {string} address @property {boolean} online @property {number|null} since
 * @property {number|null} last_seen @property {number} messages @property {string} reason
 * @property {Record<string, {value: number, unit: string, label: string, time: number, samples: number}>} values
 */

/** What the keys do on a card of a channel. */
export const PEER_HINT = "Enter shows the peer, p pins the channel to a board";

/** The states of a peer, in the order of the list. One is spoken for while another peer says its name with its values. */
export const STATES = ["connected", "spoken for", "away"];

/** @type {Record<string, string>} */
export const LOOKS = { connected: "ok", "spoken for": "plain", away: "gone" };

/** @param {{online: boolean, address: string}} peer */
export const stateOf = ({ online, address }) => (online ? "connected" : address === "" ? "spoken for" : "away");

/** Take an event of a peer. @param {Map<string, any>} rows by name. @param {any} event */
export function changed(rows, { data }) {
  const { name, address, online, last_seen, reason, since } = data;
  const before = rows.get(name) ?? { messages: 0, values: {} };
  rows.set(name, { ...before, name, address, online, last_seen, since: online ? since : null, reason: online ? "" : reason });
}

/**
 * A peer as the parts take it that show sessions: its channels by the tokens of their subjects.
 * @param {Peer} peer
 */
export function asSession({ name, online, address, values }) {
  const channels = Object.entries(values).map(([channel, { label, unit }]) => [
    tokenOf(channel),
    { label: label || (tokenOf(channel) === channel ? "" : channel), unit },
  ]);
  return {
    session: name,
    title: name,
    agent: tokenOf(name),
    state: online || address === "" ? "streaming" : "away",
    channels: Object.fromEntries(channels),
  };
}

/** Rules, each with a key: two may be the same. @template T @param {T[]} rules @returns {(T & {key: number})[]} */
export const keyed = (rules) => rules.map((one, key) => ({ ...one, key }));
