/**
 * The axis of values: range, ticks and labels, no two of them alike, for any numbers of double precision, however large or near to
 * each other. Pure.
 */

/** The part of the range that is kept free above and below. */
const MARGIN = 0.08;
/** The least range in relation to the values' size: 64 times the resolution of double precision. A narrower range has no ticks. */
const LEAST_PART = 2 ** -46;
/** The least range of all: smaller powers of ten lose digits. */
const LEAST = 1e-300;
/** The least number of steps in the range. */
const PARTS = 4;
/** The longest label, in characters. */
const LONGEST = 7;
/** Ticks that are further from zero than so many steps are written as offsets from a number that all share. */
const NEAR = 1e4;
/** The shared number is a multiple of so many steps, so that the offsets have two or three digits. */
const HUNDRED = 100;
/** The part of a step by which rounding may put a tick outside of the range. */
const ALMOST = 1e-6;
const SUPERSCRIPTS = "⁰¹²³⁴⁵⁶⁷⁸⁹";

/** @typedef {{bottom: number, top: number}} Range */

/** Half of the distance between two numbers; the whole distance may be infinite. */
const half = (low, high) => high / 2 - low / 2;

/** *value*, limited to finite numbers. */
const finite = (value) => Math.min(Number.MAX_VALUE, Math.max(-Number.MAX_VALUE, value));

/** The least number of the form 1, 2 or 5 times a power of ten that is at least *rough*. */
function niceStep(rough) {
  const power = Math.floor(Math.log10(rough));
  for (const [factor, more] of [
    [1, 0],
    [2, 0],
    [5, 0],
    [1, 1],
  ]) {
    const step = Number(`${factor}e${power + more}`); // not 10 ** power, whose last digit may be wrong
    if (step >= rough) return step;
  }
  return finite(rough);
}

/**
 * A range of whole steps around the values from *low* to *high*, so that it seldom changes.
 *
 * @param {number|null} low @param {number|null} high null where there are no values.
 * @param {[number, number]|null} [least] a range that is always included.
 * @returns {Range} never too narrow for double precision, and never infinite.
 */
export function calmRange(low, high, least = null) {
  if (low === null || high === null) return { bottom: least?.[0] ?? 0, top: least?.[1] ?? 1 };
  let [from, to] = least === null ? [low, high] : [Math.min(low, least[0]), Math.max(high, least[1])];
  if (from === to) [from, to] = [finite(from - (Math.abs(from) * 0.1 || 1)), finite(to + (Math.abs(to) * 0.1 || 1))];
  const narrowest = Math.max(Math.max(Math.abs(from), Math.abs(to)) * LEAST_PART, LEAST) / 2;
  if (half(from, to) < narrowest) {
    const middle = from / 2 + to / 2;
    [from, to] = [middle - narrowest, middle + narrowest];
  }
  const step = niceStep(half(from, to) / (PARTS / 2));
  const margin = half(from, to) * 2 * MARGIN;
  const bottom = finite(Math.floor(finite(from - margin) / step) * step);
  const top = finite(Math.ceil(finite(to + margin) / step) * step);
  return { bottom: from >= 0 ? Math.max(0, bottom) : bottom, top: to <= 0 ? Math.min(0, top) : top };
}

/** The place of *value* within a range: 0 at the bottom, 1 at the top. @param {number} value @param {Range} range */
export const placeOf = (value, { bottom, top }) => half(bottom, value) / half(bottom, top);

/**
 * The least and the greatest of *values*, nulls left out; two nulls where there are none.
 * @param {(number|null)[]} values @returns {[number, number]|[null, null]}
 */
export function extent(values) {
  let [low, high] = [Infinity, -Infinity];
  for (const value of values) {
    if (value === null) continue;
    if (value < low) low = value;
    if (value > high) high = value;
  }
  return low <= high ? [low, high] : [null, null];
}

/**
 * Consecutive multiples of a round step.
 * @typedef {{step: number, first: number, values: number[]}} Ticks the first value is `first` times `step`.
 */

/**
 * The multiples of a round step within a range: about *most* of them, and two at least.
 * @param {Range} range of `calmRange`. @param {number} most @returns {Ticks}
 */
export function ticksOf({ bottom, top }, most) {
  const rough = half(bottom, top) / (Math.max(PARTS / 2, most) / 2);
  /** @type {Ticks} */
  let ticks = { step: 1, first: 0, values: [] };
  for (let finer = 1; ticks.values.length < 2 && finer <= 64; finer *= 2) {
    const step = niceStep(rough / finer);
    const first = Math.ceil(bottom / step - ALMOST);
    const last = Math.floor(top / step + ALMOST);
    ticks = { step, first, values: Array.from({ length: last - first + 1 }, (_, index) => finite((first + index) * step)) };
  }
  return ticks;
}

/** How many decimals *step* needs. */
function decimalsOf(step) {
  const [digits, power = "0"] = String(Number(step.toPrecision(3))).split("e");
  return Math.max(0, (digits.split(".")[1]?.length ?? 0) - Number(power));
}

/** Labels for *values* that are *step* apart, divided by ten to the *power*. */
function written(values, step, power) {
  const scaled = (value) => Number(value.toPrecision(15).replace(/(e.*)?$/, (by) => `e${Number(by.slice(1) || 0) - power}`));
  const decimals = Math.min(100, decimalsOf(scaled(step)));
  return values.map((value) =>
    scaled(value)
      .toFixed(decimals)
      .replace(/^-(0(\.0*)?)$/, "$1"),
  );
}

const fits = (words) => words.every((word) => word.length <= LONGEST) && new Set(words).size === words.length;

const times = (power) =>
  power === 0
    ? ""
    : `× 10${String(power)
        .replace("-", "⁻")
        .replace(/\d/g, (one) => SUPERSCRIPTS[one])}`;

/** The power of ten, a multiple of 3, by which ticks of *size* are divided. */
const powerOf = (size) => 3 * Math.floor(Math.log10(size) / 3);

/**
 * Labels for ticks, no two alike, with as many digits as the step needs.
 *
 * @param {Ticks} ticks
 * @returns {{words: string[], common: string}} `common` is what all ticks share: "× 10⁻⁹", "+ 429228004229800".
 */
export function tickWords({ step, first, values }) {
  const size = Math.max(...values.map(Math.abs), step);
  const isMiddling = size < 1e15 && step > 1e-15; // others would be long rows of zeros
  const plain = isMiddling ? written(values, step, 0) : [];
  if (isMiddling && fits(plain)) return { words: plain, common: "" };
  if (size / step < NEAR) {
    const power = powerOf(size);
    const words = written(values, step, power);
    if (fits(words)) return { words, common: times(power) };
  }
  return wordsOfRest({ step, first, values });
}

/** Labels as offsets from a shared number, counted in steps because the ticks themselves are rounded. */
function wordsOfRest({ step, first, values }) {
  const steps = HUNDRED / Number(step.toExponential(0)[0]);
  const shared = Math.round((first + values.length / 2) / steps) * steps;
  const rest = values.map((_, index) => (first - shared + index) * step);
  const base = Number((shared * step).toPrecision(15));
  const power = step < 1e-3 || step >= 1e4 ? powerOf(step * 10) : 0;
  const common = `${times(power)} ${base < 0 ? "−" : "+"} ${String(Math.abs(base)).replace("e+", "e")}`.trim();
  return { words: written(rest, step, power), common };
}
