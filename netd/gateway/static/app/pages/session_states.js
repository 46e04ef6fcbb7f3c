/** How the states of a session look. */

/** @type {Record<string, string>} */
export const STATES = {
  streaming: "ok",
  dialling: "waiting",
  "awaiting the agent": "waiting",
  stopping: "waiting",
  resting: "trouble",
  failing: "trouble",
  ended: "gone",
};
