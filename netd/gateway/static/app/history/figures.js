/** Figures of a selection, and marks that stand together. Pure. */

/**
 * How fast values rise, by least squares; NaN for fewer than two times.
 * @param {number[]} times @param {(number|null)[]} values @returns {number} per second.
 */
export function slopeOf(times, values) {
  const points = times.flatMap((time, index) => (values[index] === null ? [] : [[time, Number(values[index])]]));
  if (points.length < 2) return NaN;
  const middle = (column) => points.reduce((total, point) => total + point[column] / points.length, 0);
  const [time, value] = [middle(0), middle(1)];
  let [above, below] = [0, 0];
  for (const [x, y] of points) {
    above += (x - time) * (y - value);
    below += (x - time) ** 2;
  }
  return below > 0 ? above / below : NaN;
}

/** A slope with a unit of time in which it can be read. @param {number} slope per second @returns {[number, string]} */
export function readable(slope) {
  const size = Math.abs(slope);
  if (!Number.isFinite(slope) || size >= 0.1 || size === 0) return [slope, "s"];
  if (size * 60 >= 0.1) return [slope * 60, "min"];
  return size * 3600 >= 0.1 ? [slope * 3600, "h"] : [slope * 86400, "d"];
}

/**
 * Something that happened.
 * @typedef {object} Happening
 * @property {number} time @property {number|null} until
 * @property {"run"|"note"|"command"|"connect"|"gone"|"alert"} kind
 * @property {string} word what, in a few words.
 * @property {string} [who]
 * @property {string} [subject] of the session that came or went.
 */

/**
 * Happenings that are nearer to each other than *near* pixels, together; those with an end stand alone.
 * @param {Happening[]} all in the order of time. @param {(time: number) => number} x @param {number} near
 * @returns {{x: number, all: Happening[]}[]}
 */
export function clustered(all, x, near) {
  /** @type {{x: number, all: Happening[]}[]} */
  const found = [];
  for (const one of all) {
    if (one.until !== null) continue;
    const last = found.at(-1);
    if (last !== undefined && x(one.time) - last.x < near) last.all.push(one);
    else found.push({ x: x(one.time), all: [one] });
  }
  return found;
}

/** The happening after, or before, *time*; null for none. @param {Happening[]} all @param {number} time @param {1|-1} direction */
export function nextOf(all, time, direction) {
  const rest = all.filter((one) => (one.time - time) * direction > 1e-6);
  rest.sort((one, other) => (one.time - other.time) * direction);
  return rest[0] ?? null;
}
