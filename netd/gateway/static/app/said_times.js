/** Times as people write them, and as pages write them back. Pure. */

import { offsetAt } from "./plots/times.js";

/** @type {Record<string, number>} */
const UNITS = { s: 1, min: 60, m: 60, h: 3600, d: 86400, w: 604800, y: 31557600 };
const DAY = 86400;
/** From this number on, digits alone are seconds since the epoch, and no hour. */
const EPOCH = 1e8;

/** The time at which clocks of *zone* show *local*, seconds as if they were UTC. @param {number} local @param {string} zone */
export function fromLocal(local, zone) {
  const guess = local - offsetAt(local, zone);
  return local - offsetAt(guess, zone);
}

/**
 * The seconds of a time span: "8h", "90 s", "1h30min"; null where it is none.
 * @param {string} text
 */
export function spanSaid(text) {
  const parts = [...text.matchAll(/([\d.]+)\s*([a-z]+)\s*/g)];
  if (parts.length === 0 || parts.map(([whole]) => whole).join("") !== text) return null;
  let total = 0;
  for (const [, number, unit] of parts) total += Number(number) * (UNITS[unit] ?? NaN);
  return Number.isFinite(total) ? total : null;
}

/**
 * The time that *text* says, in seconds since the epoch: "now", "-8h", "8h", "yesterday", "today 14:00", "14:00", "2026-11-28 22:00",
 * with or without Z or an offset; null where it says none.
 * @param {string} text @param {number} now @param {string} zone
 */
export function timeSaid(text, now, zone) {
  const said = text.trim().toLowerCase();
  if (said === "now") return now;
  if (said.startsWith("-")) {
    const span = spanSaid(said.slice(1).trim());
    return span === null ? null : now - span;
  }
  if (/^\d+(\.\d+)?$/.test(said) && Number(said) >= EPOCH) return Number(said);
  const ago = spanSaid(said);
  if (ago !== null) return now - ago;
  const found =
    /^(?:(today|yesterday|\d{4}-\d{1,2}-\d{1,2})(?:[t\s]+|$))?(?:(\d{1,2}):(\d{2})(?::(\d{2}(?:\.\d+)?))?)?\s*(z|[+-]\d{2}:?\d{2})?$/.exec(
      said,
    );
  if (found === null || (found[1] === undefined && found[2] === undefined)) return null;
  const [, day, hours = "0", minutes = "0", seconds = "0", offset] = found;
  const date = dayStart(day, now, zone);
  const inDay = Number(hours) * 3600 + Number(minutes) * 60 + Number(seconds);
  if (date === null || Number(hours) > 24 || inDay > DAY || Number(minutes) > 59) return null;
  if (offset !== undefined) return date + inDay - offsetSaid(offset);
  return fromLocal(date + inDay, zone);
}

/** The beginning of a day by local clocks, as if they were UTC. */
function dayStart(day, now, zone) {
  if (day !== undefined && /^\d/.test(day)) {
    const [year, month, date] = day.split("-").map(Number);
    const start = Date.UTC(year, month - 1, date) / 1000;
    const read = new Date(start * 1000);
    return read.getUTCMonth() === month - 1 && read.getUTCDate() === date ? start : null;
  }
  const local = now + offsetAt(now, zone);
  return Math.floor(local / DAY) * DAY - (day === "yesterday" ? DAY : 0);
}

function offsetSaid(offset) {
  if (offset === "z") return 0;
  const [, sign, hours, minutes] = /([+-])(\d{2}):?(\d{2})/.exec(offset) ?? [];
  return (sign === "-" ? -1 : 1) * (Number(hours) * 3600 + Number(minutes) * 60);
}

const two = (number) => String(number).padStart(2, "0");

/** "2026-11-28 22:00:05": as `timeSaid` reads it. @param {number} time @param {string} zone */
export function timeWritten(time, zone) {
  const local = new Date((Math.floor(time) + offsetAt(time, zone)) * 1000);
  const date = `${local.getUTCFullYear()}-${two(local.getUTCMonth() + 1)}-${two(local.getUTCDate())}`;
  return `${date} ${two(local.getUTCHours())}:${two(local.getUTCMinutes())}:${two(local.getUTCSeconds())}`;
}

/** A span in its largest unit that is whole: "6h", "90min", "3.5s". @param {number} seconds */
export function spanWritten(seconds) {
  for (const unit of ["w", "d", "h", "min"])
    if (seconds >= UNITS[unit] && seconds % UNITS[unit] === 0) return `${seconds / UNITS[unit]}${unit}`;
  return `${Number(seconds.toFixed(3))}s`;
}
