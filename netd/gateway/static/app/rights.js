/** What the user may do and hear, by role and subjects. netd checks that itself; this decides what the pages offer. */

import { operations, who } from "./connection.js";
import { covers, within } from "./subjects.js";
import { computed } from "./signal.js";

/** @type {Record<string, number>} */
const RANK = { viewer: 1, operator: 2, admin: 3 };
const MAIN = "main";

/** The role that is assumed for an unknown operation: those that pages ask about change something. */
const CAUTIOUS = "operator";

/** Operations that check the subjects themselves, and so take any token. */
const OPEN = new Set(["bus"]);

const written = computed(() => JSON.stringify(who.value?.subjects ?? null));

/** The patterns that the token covers; null for everything. The array changes only when the patterns do. */
export const subjects = computed(() => /** @type {string[]|null} */ (JSON.parse(written.value)));

/** The same as a text. */
const own = () => (subjects.value ?? []).join(", ");

/** The parts of *pattern* that the token covers. @returns {string[]} */
export const audible = (pattern) => within(pattern, subjects.value);

/** Why the user hears nothing of *pattern*; "" where they do. */
export function inaudible(pattern) {
  return audible(pattern).length ? "" : `This token is for ${own()}, and not for ${pattern}.`;
}

/** Whether the token covers something of the services of *kind*. */
export const reaches = (kind) => subjects.value === null || audible(`${kind}.>`).length > 0;

/**
 * Why the subjects of the token do not cover an operation; "" where they do. netd's own list has only the covered ones.
 * @param {string} method @param {string|null} [instance]
 */
function outOfReach(method, instance) {
  if (subjects.value === null) return "";
  const named = instance ?? MAIN;
  if (operations.value.size > 0) {
    if (operations.value.get(method)?.instances.includes(named)) return "";
    return `Your token does not allow this: it is for ${own()}, with the role ${who.value?.role}.`;
  }
  const kind = method.split(".")[0];
  const needed = `${kind}.${named}.>`;
  if (OPEN.has(kind) || subjects.value.some((pattern) => covers(pattern, needed))) return "";
  return `This takes a token for ${needed}; yours is for ${own()}.`;
}

/**
 * Why *method*, which changes nothing, would be refused; "" where it would not.
 * @param {string} method @param {string|null} [instance]
 */
export const unanswered = (method, instance) => outOfReach(method, instance);

/** Why the user may not call *method*; "" where they may. @param {string} method @param {string|null} [instance] of the service. */
export function forbidden(method, instance) {
  const needed = operations.value.get(method)?.role ?? CAUTIOUS;
  const role = who.value?.role;
  const isListed = operations.value.has(method) || subjects.value === null;
  if (isListed && role && (RANK[role] ?? 0) < RANK[needed]) return `This takes the role ${needed}; you are signed in as ${role}.`;
  return outOfReach(method, instance);
}

/**
 * What is missing where the user may not call *method*, as netd would tell it; null where nothing is.
 * @param {string} method @param {string|null} [instance] @returns {import("./denial.js").Denial|null}
 */
export function missing(method, instance) {
  if (forbidden(method, instance) === "") return null;
  const role = operations.value.get(method)?.role ?? CAUTIOUS;
  const isConfined = outOfReach(method, instance) !== "";
  const needed = `${method.split(".")[0]}.${instance ?? MAIN}.>`;
  return {
    asked: method,
    takes: `the role ${role}${isConfined ? `, for ${needed}` : ""}`,
    you: `${who.value?.name || "on this machine"}, ${who.value?.role}${isConfined ? `, for ${own()} alone` : ""}`,
    remedy: `netd token add NAME --role ${role}${isConfined ? ` --subject '${needed}'` : ""}`,
  };
}
