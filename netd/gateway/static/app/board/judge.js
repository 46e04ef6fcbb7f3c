/** What is said of values and events: limits that are passed, how a value moves, whether it is too old, events in a line. Pure. */

/**
 * A limit: a state from a value on.
 * @typedef {{over?: number, under?: number, state?: string, word?: string}} Limit
 */

/** How grave a state is. @type {Record<string, number>} */
export const GRAVITY = { gone: 0, plain: 1, ok: 1, waiting: 2, trouble: 3 };

/**
 * The gravest of the limits that *value* has passed, and a word for it; null for none.
 * @param {number|null} value @param {Limit[]} limits @param {(value: number) => string} write
 * @returns {{state: string, word: string}|null}
 */
export function judged(value, limits, write = String) {
  if (value === null) return null;
  /** @type {{state: string, word: string}|null} */
  let worst = null;
  for (const { over, under, state = "trouble", word } of limits) {
    const isOver = typeof over === "number" && value > over;
    if (!isOver && !(typeof under === "number" && value < under)) continue;
    if (worst !== null && (GRAVITY[worst.state] ?? 0) >= (GRAVITY[state] ?? 0)) continue;
    const limit = isOver ? `over ${write(/** @type {number} */ (over))}` : `under ${write(/** @type {number} */ (under))}`;
    worst = { state, word: word ?? limit };
  }
  return worst;
}

/** The part of the window's range that counts as a movement, and as a quick one. */
const SOME = 0.05;
const MUCH = 0.4;

/**
 * How a value moves.
 * @param {number|null} before its value a minute ago. @param {number|null} now
 * @param {number} range between the least and the greatest value of the window.
 * @returns {{arrow: string, word: string}|null} null where nothing can be said.
 */
export function trend(before, now, range) {
  if (before === null || now === null || !Number.isFinite(range)) return null;
  const change = now - before;
  const part = range > 0 ? Math.abs(change) / range : 0;
  if (part < SOME) return { arrow: "→", word: "steady" };
  const isQuick = part >= MUCH;
  if (change > 0) return isQuick ? { arrow: "↑", word: "rising fast" } : { arrow: "↗", word: "rising" };
  return isQuick ? { arrow: "↓", word: "falling fast" } : { arrow: "↘", word: "falling" };
}

/** A value is too old after so many usual intervals, and after so many seconds. */
const MISSED = 3;
const LEAST = 3;

/** Whether a value from *time* is too old. @param {number} usual its usual interval, 0 where unknown. */
export const isOld = (time, usual, now) => now - time > Math.max(LEAST, MISSED * usual);

/** Words of states, as services, sessions, devices and alerts say them. @type {Record<string, string>} */
const STATES = {
  serving: "ok",
  streaming: "ok",
  online: "ok",
  connected: "ok",
  talking: "ok",
  full: "ok",
  ok: "ok",
  quiet: "ok",
  live: "ok",
  dialling: "waiting",
  "awaiting the agent": "waiting",
  draining: "waiting",
  stopping: "waiting",
  gathering: "waiting",
  parting: "waiting",
  waiting: "waiting",
  pending: "waiting",
  acknowledged: "waiting",
  unacknowledged: "waiting",
  resting: "trouble",
  failing: "trouble",
  failed: "trouble",
  firing: "trouble",
  trouble: "trouble",
  over: "gone",
  ended: "gone",
  away: "gone",
  offline: "gone",
};

/**
 * The state that an event tells, as a word and a colour.
 * @param {any} data @returns {{word: string, state: string}|null} null where it tells none.
 */
export function stateIn(data) {
  const told = typeof data === "object" && data !== null ? (data.state ?? data.online ?? data.value) : data;
  const word = typeof told === "boolean" ? (told ? "online" : "away") : told;
  if (typeof word !== "string" && typeof word !== "number") return null;
  return { word: String(word), state: STATES[String(word)] ?? "plain" };
}

/** Members of events that say nothing beside the others. */
const SILENT = new Set(["time", "since", "last_seen", "generation", "base64"]);

/**
 * An event in a line: its text, its number, or its members that are not in its subject already.
 * @param {string} subject @param {any} data
 */
export function lineOf(subject, data) {
  if (typeof data === "string") return data;
  if (typeof data !== "object" || data === null) return JSON.stringify(data) ?? "";
  if (typeof data.text === "string") return data.text;
  const number = numberIn(data);
  if (number !== null) return `${number}${data.unit ? ` ${data.unit}` : ""}`;
  const tokens = subject.split(".");
  return Object.entries(data)
    .filter(([name, value]) => !SILENT.has(name) && value !== null && String(value) !== "" && !tokens.includes(String(value)))
    .map(([name, value]) => memberText(name.replaceAll("_", " "), value))
    .join(", ");
}

function memberText(name, value) {
  if (typeof value === "boolean") return value ? name : `not ${name}`;
  if (typeof value === "number") return `${name} ${Number(value.toPrecision(5))}`;
  return `${name} ${typeof value === "string" ? value : JSON.stringify(value)}`;
}

/** The number that an event says; null for none. @param {any} data */
export function numberIn(data) {
  const value = typeof data === "object" && data !== null ? data.value : data;
  return typeof value === "number" && Number.isFinite(value) ? value : null;
}

/** netd tells no more of a text, and nothing of a secret. */
const TOLD = 200;
const SECRET = "…";

/**
 * Whether a run that netd tells of had these arguments; it may have had further ones.
 * @param {Record<string, any>} given @param {Record<string, any>} told
 */
export function isSameCall(given, told) {
  return Object.entries(given).every(([name, value]) => {
    const other = told?.[name];
    if (other === SECRET) return true;
    if (typeof value === "string" && value.length > TOLD)
      return typeof other === "string" && other.slice(0, 100) === value.slice(0, 100);
    if (typeof value === "object" && value !== null && !Array.isArray(value)) return isSameCall(value, other);
    return JSON.stringify(value) === JSON.stringify(other);
  });
}
