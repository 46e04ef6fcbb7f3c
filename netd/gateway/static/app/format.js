/** Numbers, times and foreign text as people read them. Pure. */

/** @type {[string, number][]} */
const UNITS = [
  ["d", 86400],
  ["h", 3600],
  ["min", 60],
  ["s", 1],
];

/** Characters that are invisible, or change the direction of the text behind them. */
const INVISIBLE = /[\p{Cc}\p{Cf}\p{Co}\p{Zl}\p{Zp}]/gu;

/** *seconds* in the two largest units that are not 0: "3 s", "2 min 5 s". @param {number} seconds */
export function duration(seconds) {
  let left = Math.max(0, Math.floor(seconds));
  const parts = [];
  for (const [unit, size] of UNITS) {
    const count = Math.floor(left / size);
    left -= count * size;
    if (count) parts.push(`${count} ${unit}`);
    else if (parts.length) break;
  }
  return parts.slice(0, 2).join(" ") || "0 s";
}

/** How long ago *moment* was. Both arguments are seconds since the epoch. */
export function ago(moment, now) {
  const seconds = now - moment;
  return seconds < 2 ? "just now" : `${duration(seconds)} ago`;
}

/** A short time span: "0.8 ms", "12 ms", "1.25 s". @param {number} seconds */
export function shortSpan(seconds) {
  if (!Number.isFinite(seconds)) return "–";
  if (seconds > 0 && seconds < 0.0001) return "< 0.1 ms";
  if (seconds < 0.01) return `${(seconds * 1000).toFixed(1)} ms`;
  if (seconds < 1) return `${Math.round(seconds * 1000)} ms`;
  return seconds < 100 ? `${Number(seconds.toFixed(2))} s` : duration(seconds);
}

const clockFormat = new Intl.DateTimeFormat(undefined, {
  hour: "2-digit",
  minute: "2-digit",
  second: "2-digit",
  hourCycle: "h23",
});
const minuteFormat = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit", hourCycle: "h23" });
const dayFormat = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "medium", hourCycle: "h23" });

/** The time of day of *moment*, seconds since the epoch: "14:03:09". */
export const clock = (moment) => clockFormat.format(moment * 1000);

/** The time of day without seconds. */
export const clockMinutes = (moment) => minuteFormat.format(moment * 1000);

/** Day and time of *moment*, seconds since the epoch. */
export const fullTime = (moment) => dayFormat.format(moment * 1000);

/** A whole number in groups of three digits. */
export const count = (number) =>
  Number.isFinite(number) ? Math.round(number).toLocaleString("en").replaceAll(",", "\u202f") : "–";

/** A rate, with one decimal below 10. */
export function rate(number) {
  if (!Number.isFinite(number)) return "–";
  if (number >= 100) return count(number);
  return number === 0 ? "0" : number.toFixed(number < 10 ? 1 : 0);
}

/** Digits of a measured value: where the precision of its channel is unknown, and at most. */
const DIGITS = 5;
const MOST_DIGITS = 15;
/** Digits of the best instruments. A fraction with more of them was computed, and means no more than its first digits. */
const SAID_DIGITS = 12;
const COMPUTED_DIGITS = 6;

/**
 * The precision of a channel's values: decimals, and digits in all; whether they are computed.
 * @typedef {{decimals: number, digits: number, isComputed?: boolean}} Precision
 */

/**
 * The precision of *value*, or that of *before*, whichever is greater. That of computed values is set by the greatest.
 * @param {number} value @param {Precision|null} before @returns {Precision}
 */
export function precisionOf(value, before = null) {
  const [mantissa, power = "0"] = String(Number(value.toPrecision(MOST_DIGITS))).split("e");
  const behind = (mantissa.split(".")[1]?.length ?? 0) - Number(power);
  const digits = mantissa.replace(/^-?0*\.?0*|\.|0+$/g, "").length;
  if (behind > 0 && digits > SAID_DIGITS) {
    const decimals = Math.max(0, COMPUTED_DIGITS - 1 - Math.floor(Math.log10(Math.abs(value))));
    const most = before?.isComputed ? before.decimals : MOST_DIGITS;
    return { decimals: Math.min(decimals, most), digits: COMPUTED_DIGITS, isComputed: true };
  }
  if (before?.isComputed) return before;
  return {
    decimals: Math.max(before?.decimals ?? 0, Math.min(MOST_DIGITS, behind)),
    digits: Math.max(before?.digits ?? 1, Math.min(MOST_DIGITS, digits)),
  };
}

/** A measured value with the precision of its channel, or with five digits. @param {Precision|null} [precision] */
export function measure(value, precision = null) {
  if (value === null || value === undefined || !Number.isFinite(value)) return "–";
  const size = Math.abs(value);
  if (size !== 0 && (size >= 10 ** MOST_DIGITS || size < 1e-4)) return value.toExponential((precision?.digits ?? 3) - 1);
  const whole = size >= 1 ? Math.floor(Math.log10(size)) + 1 : 0;
  const most = Math.max(0, precision === null ? DIGITS - Math.max(1, whole) : MOST_DIGITS - whole);
  return value.toFixed(Math.min(most, precision?.decimals ?? most));
}

/** Bytes in KiB or MiB. */
export function bytes(number) {
  if (number < 1024) return `${number} B`;
  return number < 1 << 20 ? `${(number / 1024).toFixed(1)} KiB` : `${(number / (1 << 20)).toFixed(1)} MiB`;
}

/** A peer's text, in which invisible characters, and those that change its direction, are escaped. @param {string} text */
export function visible(text) {
  return String(text).replace(INVISIBLE, (one) =>
    one === "\n" || one === "\t" ? one : `\\u{${one.codePointAt(0)?.toString(16)}}`,
  );
}

/** At most *limit* characters of a peer's text. */
export function excerpt(text, limit = 500) {
  const shown = visible(text.length > limit ? text.slice(0, limit) : text);
  return text.length > limit ? `${shown}… (${count(text.length)} characters)` : shown;
}

/** Decoded base64, where it is text; otherwise the number of bytes. @param {string} encoded */
export function payload(encoded) {
  const raw = Uint8Array.from(atob(encoded), (one) => one.charCodeAt(0));
  try {
    return excerpt(new TextDecoder("utf-8", { fatal: true }).decode(raw));
  } catch {
    return `${count(raw.length)} bytes that are no text`;
  }
}

/**
 * An address as commands take it: 127.0.0.1:50412. The relay's notation for old programs is ('127.0.0.1', 50412).
 * @param {string} address
 */
export const shortAddress = (address) =>
  address.replace(/^\('(.*)', (\d+)\)$/, (_, host, port) => (host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`));

/** An identifier as words: "Open for" of "open_for". @param {string} name */
export function spoken(name) {
  const words = name.replaceAll(/[-_.]/g, " ");
  return words.charAt(0).toUpperCase() + words.slice(1);
}

/** A number with its noun: "1 device", "3 devices". */
export const plural = (number, noun) => `${count(number)} ${noun}${number === 1 ? "" : "s"}`;
