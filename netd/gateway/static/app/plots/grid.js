/**
 * The columns of a plot, one for each pixel: all series of a plot are put on the same ones, because uPlot takes one list of times.
 * Pure.
 */

/** The least number of the form 1, 2 or 5 times a power of ten that is at least *rough*. */
export function roundUp(rough) {
  const power = Math.floor(Math.log10(rough));
  const found = [1, 2, 5].map((factor) => Number(`${factor}e${power}`)).find((one) => one >= rough * (1 - 1e-9));
  return found ?? Number(`1e${power + 1}`);
}

/**
 * Columns of equal width. They begin at multiples of this width, so that a sample stays in its column while time goes on.
 */
export class Grid {
  /**
   * @param {number} from @param {number} to seconds since the epoch. @param {number} columns how many fit between them.
   * @param {number} [pixels] how many there are when nobody moves the plot: what netd is asked for.
   */
  constructor(from, to, columns, pixels = columns) {
    this.from = from;
    this.to = to;
    this.width = (to - from) / columns;
    this.pixels = pixels;
    /** Whose columns these are, so that a recorder is asked for each plot of one channel. @type {any} */
    this.asker = columns;
    this.first = Math.floor(from / this.width) - 1;
    this.length = Math.floor(to / this.width) + 2 - this.first;
  }

  /** The column of *time*; it may be outside. */
  columnOf(time) {
    return Math.floor(time / this.width) - this.first;
  }

  /** The time in the middle of a column. */
  timeOf(column) {
    return (this.first + column + 0.5) * this.width;
  }

  times() {
    /** @type {number[]} */
    const times = new Array(this.length);
    for (let column = 0; column < times.length; column += 1) times[column] = this.timeOf(column);
    return times;
  }
}

/**
 * @typedef {object} Summary
 * @property {number} count how many samples there are.
 * @property {number} min
 * @property {number} max
 * @property {number} mean
 */

/** @typedef {{time: number, value: number}} Point */

/** @typedef {(number|null|undefined)[]} Values null is a gap; undefined is a column without a sample, over which the line goes. */

/** One series on a grid: the least, mean and greatest value of each column. Points come in the order of time. */
export class Lane {
  /** @param {Grid} grid */
  constructor(grid) {
    this.grid = grid;
    const room = new Float64Array(5 * grid.length); // one for all: making it takes longer than using it
    const part = (index) => room.subarray(index * grid.length, (index + 1) * grid.length);
    this.lows = part(0);
    this.highs = part(1);
    this.means = part(2);
    this.counts = part(3);
    /** The exact time of a column's last point. */
    this.exact = part(4);
    this.gaps = new Uint8Array(grid.length);
    /** @type {Summary} */
    this.summary = { count: 0, min: Infinity, max: -Infinity, mean: NaN };
    /** How many columns have a sample. */
    this.filled = 0;
    /** Whether a column has several values, between which there is a band. */
    this.hasBand = false;
    this.last = -1;
    this.isBroken = false;
    /** The last point to the left of the grid. @type {Point|null} */
    this.before = null;
    /** The first point to the right of it. @type {Point|null} */
    this.after = null;
    /** The time of the last point. */
    this.lastTime = -Infinity;
  }

  /** Add *count* samples around *time*. */
  add(time, low, mean, high, count) {
    const column = this.grid.columnOf(time);
    this.lastTime = time;
    if (column < 0) {
      this.before = { time, value: mean };
      this.isBroken = false;
    } else if (column >= this.grid.length) {
      if (this.after === null && !this.isBroken) this.after = { time, value: mean };
    } else this.#put(column, time, low, mean, high, count);
    if (time >= this.grid.from && time <= this.grid.to) note(this.summary, low, mean, high, count);
  }

  #put(column, time, low, mean, high, count) {
    if (this.counts[column] === 0) {
      if (this.isBroken && this.last >= 0) this.gaps.fill(1, this.last + 1, column); // uPlot opens the line at nulls alone
      if (this.last < 0 && this.before !== null && !this.isBroken && column > 0) this.#edge(0, this.before, time, mean);
      this.lows[column] = low;
      this.highs[column] = high;
      this.means[column] = mean;
      this.filled += 1;
    } else {
      if (low < this.lows[column]) this.lows[column] = low;
      if (high > this.highs[column]) this.highs[column] = high;
      this.means[column] = meanOf(this.means[column], mean, count / (this.counts[column] + count));
    }
    this.counts[column] += count;
    this.exact[column] = time;
    this.hasBand ||= this.lows[column] < this.highs[column];
    this.last = column;
    this.isBroken = false;
  }

  /** Draw the line to the edge: *column* gets the value between a point outside and the nearest one inside. */
  #edge(column, { time, value }, otherTime, otherValue) {
    const part = (this.grid.timeOf(column) - time) / (otherTime - time);
    const between = part >= 0 && part <= 1 ? meanOf(value, otherValue, part) : value;
    this.lows[column] = this.highs[column] = this.means[column] = between;
    this.counts[column] = 1;
    this.exact[column] = NaN;
    this.last = column;
  }

  /** Begin a gap: the next point is not joined to the last. */
  gap() {
    this.isBroken = true;
    this.before = null;
  }

  /** To be called when all points have been added. */
  close() {
    const end = this.grid.length - 1;
    if (this.after === null || this.last >= end) return;
    const point = this.last >= 0 ? { time: this.exact[this.last], value: this.means[this.last] } : this.before;
    if (point === null || Number.isNaN(point.time)) return;
    if (this.last < 0) this.#edge(0, point, this.after.time, this.after.value);
    this.#edge(end, point, this.after.time, this.after.value);
  }

  /**
   * The values of each column, as uPlot takes them.
   * @param {Float64Array} column @param {(value: number) => number|null} [change] makes something else of each.
   * @returns {Values}
   */
  values(column, change = (value) => value) {
    /** @type {Values} */
    const values = new Array(this.grid.length);
    for (let index = 0; index < values.length; index += 1)
      values[index] = this.counts[index] > 0 ? change(column[index]) : this.gaps[index] ? null : undefined;
    return values;
  }

  /** The column with a sample that is nearest to *column*, at most *reach* away; -1 for none. */
  nearest(column, reach) {
    for (let away = 0; away <= reach; away += 1)
      for (const one of [column - away, column + away]) if (this.counts[one] > 0 && !Number.isNaN(this.exact[one])) return one;
    return -1;
  }
}

/**
 * The points of *source* for a plot that is *columns* pixels wide: those of columns with samples, and nulls for gaps.
 *
 * @param {{fill: (lane: Lane) => void}} source
 * @returns {{times: number[], values: (number|null)[], lows: (number|null)[], highs: (number|null)[], summary: Summary}}
 */
export function windowOf(source, from, to, columns) {
  const lane = new Lane(new Grid(from, to, columns));
  source.fill(lane);
  lane.close();
  const isGap = (column) => lane.gaps[column] && !lane.gaps[column - 1]; // one null for each
  const shown = [...lane.counts.keys()].filter((column) => lane.counts[column] > 0 || isGap(column));
  const read = (values) => shown.map((column) => (lane.counts[column] > 0 ? values[column] : null));
  const times = shown.map((column) => (lane.counts[column] > 0 && lane.exact[column]) || lane.grid.timeOf(column));
  return { times, values: read(lane.means), lows: read(lane.lows), highs: read(lane.highs), summary: lane.summary };
}

function note(summary, low, mean, high, count) {
  summary.min = Math.min(summary.min, low);
  summary.max = Math.max(summary.max, high);
  summary.mean = summary.count === 0 ? mean : meanOf(summary.mean, mean, count / (summary.count + count));
  summary.count += count;
}

/** The weighted mean of two values; *part* is the weight of *other*. A sum of large values could be infinite. */
export function meanOf(one, other, part) {
  const mean = one + (other * part - one * part);
  return Number.isFinite(mean) ? mean : one * (1 - part) + other * part;
}
