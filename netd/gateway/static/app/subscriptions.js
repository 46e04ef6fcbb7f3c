/** Which patterns a page subscribes to for the channels that it shows. Pure. */

import { covers } from "./subjects.js";

/** How many patterns there are at most: a connection may have 64 subscriptions, and pages need others. */
const MOST = 40;
/** From so many channels of one parent on, all of the parent's are subscribed to at once. */
const SEVERAL = 4;
/** Seconds between two samples, at least. */
const FINEST = 0.05;

/** @typedef {{pattern: string, every: number}} Want a subject or pattern, and the seconds between two of its samples. */

/** The seconds between two samples that a window needs: a pixel's, in steps of 1, 2 and 5. @param {number} seconds a pixel */
export function everyFor(seconds) {
  if (!(seconds > FINEST)) return FINEST;
  const power = 10 ** Math.floor(Math.log10(seconds) + 1e-9);
  const factor = [5, 2].find((one) => one * power <= seconds * (1 + 1e-9)) ?? 1;
  return Math.max(FINEST, Number((factor * power).toPrecision(1)));
}

const isWild = (pattern) => /(^|\.)[*>](\.|$)/.test(pattern);

/** The pattern of everything beside *pattern*: its last token, and those before that are alike, are any. */
function wider(pattern) {
  const tokens = pattern.split(".");
  const index = tokens.findLastIndex((token) => token !== "*");
  return tokens.map((token, place) => (place >= index ? "*" : token)).join(".");
}

/** Put the wants under *pattern* together. @param {Map<string, number>} wants */
function merge(wants, pattern) {
  const inside = [...wants].filter(([one]) => covers(pattern, one));
  for (const [one] of inside) wants.delete(one);
  wants.set(pattern, Math.min(...inside.map(([, every]) => every)));
}

/** How many of *patterns* each wider one covers. */
function counted(patterns) {
  const counts = new Map();
  for (const pattern of patterns) {
    const tokens = pattern.split(".");
    if (tokens.length < 3 || tokens.slice(1).every((token) => token === "*") || pattern.endsWith(">")) continue;
    counts.set(wider(pattern), (counts.get(wider(pattern)) ?? 0) + 1);
  }
  return [...counts].sort(([, one], [, other]) => other - one);
}

/**
 * The patterns to subscribe to, each with the finest *every* of what it covers.
 * @param {Want[]} wanted @returns {Map<string, number>}
 */
export function planned(wanted, most = MOST) {
  /** @type {Map<string, number>} */
  const wants = new Map();
  for (const { pattern, every } of wanted) wants.set(pattern, Math.min(every, wants.get(pattern) ?? Infinity));
  for (const pattern of [...wants.keys()].filter(isWild)) if (wants.has(pattern)) merge(wants, pattern);
  for (const [pattern, count] of counted([...wants.keys()].filter((one) => !isWild(one))))
    if (count >= SEVERAL) merge(wants, pattern);
  for (let [best] = counted(wants.keys()); wants.size > most && best !== undefined; [best] = counted(wants.keys()))
    merge(wants, best[0]);
  return wants;
}

/** The pattern of a plan that gives *subject*; null for none. @param {Iterable<string>} patterns */
export function sourceOf(subject, patterns) {
  for (const pattern of patterns) if (covers(pattern, subject)) return pattern;
  return null;
}
