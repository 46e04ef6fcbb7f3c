/** The other nodes of a cluster: their states, and their services, where `relay` is the instance `main@north` of this node. */

import { signal } from "./signal.js";

/** @typedef {import("./connection.js").Service} Service */

const STATUS = "system.status";
const NODES = "cluster.nodes";
/** How many nodes are asked at a time. With more, each is asked less often. */
const MOST = 16;

/** The services by node, with the names that they have here. @type {Map<string, Service[]>} */
const told = new Map();

/** The nodes that have not answered yet. @type {Set<string>} */
const asked = new Set();

let turn = 0;

/** The node of an instance, "north" for "main@north"; "" for this one. @param {string} instance */
export const nodeOf = (instance) => instance.split("@")[1] ?? "";

/** Whether a service runs on another node. @param {{instance: string}} service */
export const isFar = ({ instance }) => instance.includes("@");

/** The services of all other nodes, by the names of these. @returns {Service[]} */
export const farServices = () => [...told.keys()].sort().flatMap((node) => told.get(node) ?? []);

/** @typedef {{name: string, state: string, since: number, reason: string}} NodeState and more, see `cluster.nodes`. */

/** The nodes of the cluster as this one sees them; empty where it is in none. @type {import("./signal.js").Writable<NodeState[]>} */
export const nodeStates = signal([]);

/** States of a node that can be used. */
const USABLE = new Set(["here", "there", "suspect", "joining"]);

/** Those that somebody has to know of, because they cannot be used. */
export const missingNodes = () => nodeStates.value.filter(({ state }) => !USABLE.has(state));

/** Why there is nothing to be had of a node; "" where there is, or where that is not known. @param {string} node */
export function absence(node) {
  if (node === "" || nodeStates.value.length === 0) return "";
  const found = nodeStates.value.find(({ name }) => name === node);
  if (found === undefined) return `there is no node ${node}`;
  if (USABLE.has(found.state)) return "";
  return found.state === "unreachable" ? `node ${node} cannot be reached` : `node ${node} is ${found.state}`;
}

/** Ask for the states of the nodes. @param {{operations: any[], call: (name: string) => Promise<any>}} netd */
export async function askStates(netd) {
  if (!netd.operations.some(({ name }) => name === NODES)) return;
  try {
    nodeStates.value = await netd.call(NODES);
  } catch {
    // those that were known last stay until the next question
  }
}

/** The other nodes that tell their status. @param {{name: string, instances: string[]}[]} operations @returns {string[]} */
function nodesIn(operations) {
  const instances = operations.find(({ name }) => name === STATUS)?.instances ?? [];
  return instances.map(nodeOf).filter(Boolean);
}

/**
 * Ask other nodes for their services.
 * @param {{operations: any[], call: (name: string, params?: object) => Promise<any>}} netd
 */
export async function askNodes(netd) {
  const nodes = nodesIn(netd.operations);
  for (const node of told.keys()) if (!nodes.includes(node)) told.delete(node);
  turn = turn < nodes.length ? turn : 0;
  const some = nodes.slice(turn, turn + MOST).filter((node) => !asked.has(node));
  turn += MOST;
  await Promise.all(some.map((node) => ask(netd, node)));
}

async function ask(netd, node) {
  asked.add(node);
  try {
    const { services } = await netd.call(STATUS, { instance: `@${node}` });
    told.set(
      node,
      services.map((one) => ({ ...one, instance: `${one.instance}@${node}` })),
    );
  } catch {
    told.delete(node);
  } finally {
    asked.delete(node);
  }
}
