/** The scales of values of a plot: one for each unit, two at most, each linear or logarithmic. Pure. */

import { calmRange, placeOf, ticksOf, tickWords } from "./ticks.js";

/** How many axes there are at most. */
export const MOST_AXES = 2;

/** @typedef {import("./ticks.js").Range & {isLog?: boolean}} Range */

/** Units in the order in which they come first. @param {string[]} units */
export const unitsOf = (units) => [...new Set(units)];

/**
 * Groups of series that can share one plot: no group has more than two units.
 * @template T @param {T[]} series @param {(one: T) => string} unitOf @returns {T[][]}
 */
export function sharing(series, unitOf) {
  const groups = [];
  for (const one of series) {
    const fitting = groups.find((group) => unitsOf([...group, one].map(unitOf)).length <= MOST_AXES);
    if (fitting === undefined) groups.push([one]);
    else fitting.push(one);
  }
  return groups;
}

/**
 * A range of whole powers of ten around positive values, at least one.
 * @param {number} low @param {number} high @returns {Range}
 */
export function decades(low, high) {
  let [bottom, top] = [Math.floor(Math.log10(low) + 1e-12), Math.ceil(Math.log10(high) - 1e-12)];
  [bottom, top] = [Math.max(-307, bottom), Math.min(308, top)];
  if (top <= bottom) top = bottom + 1;
  return { bottom: Number(`1e${bottom}`), top: Number(`1e${top}`), isLog: true };
}

/**
 * The range for values from *low* to *high*; null for none.
 * @param {number|null} low @param {number|null} high @param {{isLog?: boolean, least?: [number, number]|null}} [wanted]
 * @returns {Range}
 */
export function rangeOf(low, high, { isLog = false, least = null } = {}) {
  if (isLog && low !== null && high !== null && low > 0) return decades(low, high);
  return calmRange(low, high, least);
}

/** Why a logarithmic scale is not possible; "" where it is. @param {number|null} low */
export const whyNotLog = (low) => (low === null || low > 0 ? "" : "A logarithmic scale takes values above 0 only.");

/** The place of *value*: 0 at the bottom, 1 at the top. @param {number} value @param {Range} range */
export function placeIn(value, range) {
  if (!range.isLog) return placeOf(value, range);
  const [bottom, top] = [Math.log10(range.bottom), Math.log10(range.top)];
  return (Math.log10(value) - bottom) / (top - bottom);
}

/**
 * The ticks of a range: their places, and labels.
 * @param {Range} range @param {number} most @returns {{places: number[], words: string[], common: string}}
 */
export function ticksIn(range, most) {
  if (!range.isLog) {
    const ticks = ticksOf(range, most);
    const places = ticks.values.map((tick) => Math.min(1, Math.max(0, placeOf(tick, range))));
    return { places, ...tickWords(ticks) };
  }
  const [bottom, top] = [Math.log10(range.bottom), Math.log10(range.top)].map(Math.round);
  const step = Math.max(1, Math.ceil((top - bottom) / Math.max(1, most)));
  const powers = Array.from({ length: Math.floor((top - bottom) / step) + 1 }, (_, index) => bottom + index * step);
  return { places: powers.map((power) => (power - bottom) / (top - bottom)), words: powers.map(powerWord), common: "" };
}

/** 0.01, 100, 1e+6: a power of ten. */
const powerWord = (power) => (power >= -3 && power <= 5 ? String(Number(`1e${power}`)) : `1e${power}`);
