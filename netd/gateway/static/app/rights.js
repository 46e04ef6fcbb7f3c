/** What we may do and hear: by our role, and by the subjects that our token is for. netd checks; this says what is offered. */

import { operations, who } from "./connection.js";
import { covers, within } from "./subjects.js";
import { computed } from "./signal.js";

/** @type {Record<string, number>} */
const RANK = { viewer: 1, operator: 2, admin: 3 };
const MAIN = "main";

/** The role that an operation takes of which we know nothing: what is asked about here changes something. */
const CAUTIOUS = "operator";

/** Services whose operations take any token, and look at the subjects themselves. */
const OPEN = new Set(["bus"]);

const written = computed(() => JSON.stringify(who.value?.subjects ?? null));

/** The patterns that our token is for; null for everything. The same ones stay the same. */
export const subjects = computed(() => /** @type {string[]|null} */ (JSON.parse(written.value)));

/** The same as a text for people. */
const own = () => (subjects.value ?? []).join(", ");

/** What of *pattern* we may hear. @returns {string[]} */
export const audible = (pattern) => within(pattern, subjects.value);

/** Why we hear nothing of *pattern*, or "". */
export function inaudible(pattern) {
  return audible(pattern).length ? "" : `This token is for ${own()}, and not for ${pattern}.`;
}

/** Whether our token is for something of services of *kind*. */
export const reaches = (kind) => subjects.value === null || audible(`${kind}.>`).length > 0;

/** Why our token does not do for an operation of a service, or "". netd lists those for which it does. @param {string} method @param {string|null} [instance] */
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

/** Why *method*, which changes nothing, would not be answered, or "". @param {string} method @param {string|null} [instance] */
export const unanswered = (method, instance) => outOfReach(method, instance);

/** Why we may not call *method*, or "" where we may. @param {string} method @param {string|null} [instance] of the service. */
export function forbidden(method, instance) {
  const needed = operations.value.get(method)?.role ?? CAUTIOUS;
  const role = who.value?.role;
  const isListed = operations.value.has(method) || subjects.value === null;
  if (isListed && role && (RANK[role] ?? 0) < RANK[needed]) return `This takes the role ${needed}; you are signed in as ${role}.`;
  return outOfReach(method, instance);
}
