/**
 * Boards of other nodes of a cluster. A board names what it shows as its own node does; shown on another one, that has the node's
 * name: `session.main.oven` of node north is `session.main@north.oven` everywhere else. Pure.
 */

/** Members of a tile that belong to the instance of a service. */
const OF_INSTANCE = ["instance", "device", "operation", "session", "room"];

/** The name and the node of "cryo@north"; the node is undefined for a board of this one. @param {string} name */
export const splitName = (name) => /** @type {[string, string|undefined]} */ (/** @type {unknown} */ (name.split("@")));

/** An instance that *from* names, as *to* names it. @param {string} instance @param {string} from @param {string} to */
function movedInstance(instance, from, to) {
  const [name, node = from] = instance.split("@");
  return node === to ? name : `${name}@${node}`;
}

/** A subject or pattern. @param {string} pattern @param {string} from @param {string} to */
function movedSubject(pattern, from, to) {
  const [kind, instance, ...rest] = pattern.split(".");
  if (instance === undefined || kind === "custom" || ["*", ">"].includes(instance)) return pattern;
  return [kind, movedInstance(instance, from, to), ...rest].join(".");
}

/** @param {string} service @param {string} from @param {string} to */
function movedService(service, from, to) {
  const [kind, instance = "main"] = service.split(":");
  const moved = movedInstance(instance, from, to);
  return moved === "main" ? kind : `${kind}:${moved}`;
}

/**
 * *board* as the node *from* names things, in the names of the node *to*.
 * @param {import("./model.js").Board} board @param {string} from @param {string} to @returns {import("./model.js").Board}
 */
export function movedBoard(board, from, to) {
  const tiles = board.tiles.map((tile) => ({
    ...tile,
    ...(Array.isArray(tile.subjects) && { subjects: tile.subjects.map((one) => movedSubject(one, from, to)) }),
    ...(tile.service && { service: movedService(tile.service, from, to) }),
    ...(OF_INSTANCE.some((member) => member in tile) && { instance: movedInstance(tile.instance ?? "main", from, to) }),
  }));
  return { ...board, tiles };
}
