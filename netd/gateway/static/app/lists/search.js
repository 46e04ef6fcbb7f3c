/** Searching a list: words, and conditions such as `temp>30`, `state:resting` and `silent:10s`. Pure. */

/** Names compare by their numbers, too: agent-2 before agent-10. */
const collator = new Intl.Collator("en", { numeric: true, sensitivity: "base" });

/** @param {string} one @param {string} other */
export const byName = (one, other) => collator.compare(one, other);

/** @type {Record<string, (value: number, limit: number) => boolean>} */
const COMPARE = {
  ">": (value, limit) => value > limit,
  "<": (value, limit) => value < limit,
  ">=": (value, limit) => value >= limit,
  "<=": (value, limit) => value <= limit,
  "=": (value, limit) => value === limit,
};

/** @type {Record<string, number>} */
const SECONDS = { "": 1, s: 1, min: 60, m: 60, h: 3600, d: 86400 };

/**
 * A part of a search: a word; a word in one *field*; a channel's value beside a limit; or silence for some seconds.
 * @typedef {{word: string, field?: string} | {channel: string, sign: string, limit: number} | {silent: number}} Part
 */

/** The parts of what somebody has written. @param {string} written @returns {Part[]} */
export function parse(written) {
  const parts = [];
  for (const text of written.trim().toLowerCase().split(/\s+/).filter(Boolean)) parts.push(partOf(text));
  return parts;
}

/** @param {string} text @returns {Part} */
function partOf(text) {
  const compared = /^([^<>=]+)(>=|<=|>|<|=)(-?\d+(?:\.\d*)?(?:e[+-]?\d+)?)$/.exec(text);
  if (compared !== null) return { channel: compared[1], sign: compared[2], limit: Number(compared[3]) };
  const silent = /^silent:(\d+(?:\.\d*)?)(s|min|m|h|d|)$/.exec(text);
  if (silent !== null) return { silent: Number(silent[1]) * SECONDS[silent[2]] };
  const named = /^(agent|host|channel|label|unit|state):(.+)$/.exec(text);
  return named === null ? { word: text } : { field: named[1], word: named[2] };
}

/** Whether a search looks at values, which change all the time. @param {Part[]} parts */
export const isOfValues = (parts) => parts.some((part) => "channel" in part || "silent" in part);

/**
 * What a row is searched by: its texts in lower case, by field, and its channels with their newest value and its time.
 * @typedef {{all: string, fields: Record<string, string>, channels: () => {name: string, value: number|null, time: number}[]}} Sought
 */

/** Whether a row is what somebody looks for. @param {Sought} row @param {Part[]} parts @param {number} now */
export const matches = (row, parts, now) => parts.every((part) => isLike(row, part, now));

function isLike(row, part, now) {
  if ("word" in part) return (part.field === undefined ? row.all : (row.fields[part.field] ?? "")).includes(part.word);
  if ("silent" in part) {
    const times = row.channels().map(({ time }) => time);
    return times.length > 0 && now - Math.max(...times) > part.silent;
  }
  return row
    .channels()
    .some(({ name, value }) => value !== null && name.includes(part.channel) && COMPARE[part.sign](value, part.limit));
}
