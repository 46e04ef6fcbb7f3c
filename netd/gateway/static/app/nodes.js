/** The services of the other nodes of a cluster, as each node tells them: there, `relay` is the instance `main@north` of it. */

/** @typedef {import("./connection.js").Service} Service */

const STATUS = "system.status";
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

/** The services of all other nodes. @returns {Service[]} */
export const farServices = () => [...told.values()].flat();

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
