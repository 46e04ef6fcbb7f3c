/**
 * The samples of one channel, in bounded memory: the newest as they came, older ones as least, greatest and mean value of half a
 * second. Gaps are kept. Pure: all times come with the samples.
 */

import { meanOf, windowOf } from "./grid.js";

/** How many samples are kept as they came. */
const KEPT = 8192;
const FIRST_ROOM = 512;

/** The seconds of a bucket of older samples, and how many buckets are kept: an hour. */
const WIDTH = 0.5;
const BUCKETS = 7200;

/** A silence is a gap if it is longer than so many usual intervals, and than so many seconds. */
const UNUSUAL = 8;
const LEAST_GAP = 1.5;
/** The number of intervals, where the interval is known. */
const MISSED = 2.5;

/** A sample older by so many seconds means that a clock was set back; less is disorder. */
const SET_BACK = 2;

/** *usual* after another *value*. */
const smoothed = (usual, value) => (usual > 0 ? usual + (value - usual) / 16 : value);

/** A ring buffer for rows of numbers, which grows up to a bound, and then overwrites the oldest row. */
class Ring {
  constructor(columns, most) {
    this.most = most;
    this.room = Math.min(FIRST_ROOM, most);
    this.columns = columns.map(() => new Float64Array(this.room));
    this.start = 0;
    this.length = 0;
  }

  /** The value of *column* in row *index*, counted from the oldest. */
  at(column, index) {
    return this.columns[column][(this.start + index) % this.room];
  }

  /** @returns {number[]|null} the row that was overwritten. */
  push(...row) {
    if (this.length === this.room && this.room < this.most) this.grow();
    let evicted = null;
    if (this.length === this.room) {
      evicted = this.columns.map((column) => column[this.start]);
      this.start = (this.start + 1) % this.room;
      this.length -= 1;
    }
    const end = (this.start + this.length) % this.room;
    row.forEach((value, column) => (this.columns[column][end] = value));
    this.length += 1;
    return evicted;
  }

  /** Forget the rows whose first column is at least *least*. */
  cut(least) {
    this.length = this.search(least);
  }

  grow() {
    const room = Math.min(this.most, this.room * 2);
    this.columns = this.columns.map((column) => {
      const larger = new Float64Array(room);
      larger.set(column.subarray(this.start));
      larger.set(column.subarray(0, this.start), this.room - this.start);
      return larger;
    });
    this.start = 0;
    this.room = room;
  }

  /** The first row whose first column is at least *least*. */
  search(least) {
    let [low, high] = [0, this.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.at(0, middle) < least) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}

export class Series {
  /** @param {number} [every] seconds between two values, where that is known. */
  constructor(every = 0) {
    this.every = every;
    this.raw = new Ring(["time", "value", "min", "max", "count"], KEPT);
    this.old = null;
    this.bucket = null;
    /** The usual seconds between two arrivals, and between two samples: netd may have folded several into one. */
    this.usual = 0;
    this.pace = 0;
    this.isBroken = false;
    /** The newest value, or null, and its time in seconds since the epoch. */
    this.last = null;
    this.lastTime = -Infinity;
    /** How many samples have come. */
    this.total = 0;
  }

  /** The time of the oldest sample that is kept. */
  get oldest() {
    if (this.old !== null && this.old.length) return this.old.at(0, 0);
    return this.raw.length ? this.raw.at(0, 0) : Infinity;
  }

  /**
   * Add a sample, or several that netd has folded into one: the newest of *count*, which were *min* to *max*. One that is older
   * than the newest is ignored as a repetition, unless it *isNews*: then a clock was set back, and later samples are dropped,
   * because a plot has one time axis.
   */
  push(time, value, isNews = false, { min = value, max = value, count = 1 } = {}) {
    if (time < this.lastTime) {
      if (!isNews || this.lastTime - time < SET_BACK) return;
      this.rewind(time);
    }
    const interval = time - this.lastTime;
    if (Number.isFinite(interval)) {
      if (this.isGap(interval, count)) this.gap();
      else if (interval > 0) {
        this.usual = smoothed(this.usual, interval);
        this.pace = smoothed(this.pace, interval / count);
      }
    }
    this.isBroken = false;
    this.store(time, value, min, max, count);
    [this.last, this.lastTime] = [value, time];
    this.total += count;
  }

  /** Drop all samples from *time* on. */
  rewind(time) {
    this.raw.cut(time);
    this.old?.cut(time);
    if (this.bucket !== null && this.bucket.time >= time) this.bucket = null;
    const { value, time: before } = this.before(time);
    [this.last, this.lastTime] = [value, before];
    this.gap();
  }

  /** Whether *interval* before *count* samples is longer than they account for: as long as they last, nobody was silent. */
  isGap(interval, count) {
    if (this.every > 0) return interval > MISSED * this.every;
    const silence = interval - (count - 1) * this.pace;
    return silence > LEAST_GAP && this.usual > 0 && silence > UNUSUAL * this.usual;
  }

  /** Begin a gap: the next sample is not joined to the last. */
  gap() {
    if (this.isBroken || this.last === null) return;
    this.isBroken = true;
    this.usual = this.pace = 0;
    this.store(this.lastTime, NaN, NaN, NaN, 0);
  }

  store(...row) {
    const evicted = this.raw.push(...row);
    if (evicted !== null) this.age(...evicted);
  }

  /** Put an old sample into a bucket. */
  age(time, value, min, max, count) {
    this.old ??= new Ring(["time", "value", "min", "max", "count"], BUCKETS);
    const bucket = this.bucket;
    if (count === 0) {
      this.closeBucket();
      this.old.push(time, NaN, NaN, NaN, 0);
    } else if (bucket !== null && time < bucket.time + WIDTH) {
      bucket.min = Math.min(bucket.min, min);
      bucket.max = Math.max(bucket.max, max);
      bucket.count += count;
      bucket.value = meanOf(bucket.value, value, count / bucket.count);
    } else {
      this.closeBucket();
      this.bucket = { time, value, min, max, count };
    }
  }

  closeBucket() {
    if (this.bucket === null) return;
    const { time, value, min, max, count } = this.bucket;
    this.old.push(time, value, min, max, count);
    this.bucket = null;
  }

  /** The newest singly kept sample that is no later than *time*. @returns {{value: number|null, time: number}} */
  before(time) {
    for (let index = Math.min(this.raw.search(time), this.raw.length - 1); index >= 0; index -= 1) {
      const [at, value] = [this.raw.at(0, index), this.raw.at(1, index)];
      if (at <= time && !Number.isNaN(value)) return { value, time: at };
    }
    return { value: null, time: -Infinity };
  }

  /** The points for a plot that is *columns* pixels wide, see `windowOf`. */
  window(from, to, columns) {
    return windowOf(this, from, to, columns);
  }

  /** Put all points within the grid of *lane* on it, and one more on either side. @param {import("./grid.js").Lane} lane */
  fill(lane) {
    const begin = lane.grid.timeOf(0) - lane.grid.width / 2;
    const start = this.raw.search(begin);
    if (this.old !== null && start === 0) {
      if (fillFrom(this.old, this.old.search(begin), lane)) return;
      const { time, value, min, max, count } = this.bucket ?? { count: 0 };
      if (count > 0) lane.add(time, min, value, max, count);
    }
    fillFrom(this.raw, start, lane);
  }
}

/** Put the rows of *ring* from the one before *start* on, up to the first behind the grid. @returns {boolean} whether there is one. */
function fillFrom(ring, start, lane) {
  const [times, values, lows, highs, counts] = ring.columns;
  for (let index = Math.max(0, start - 1); index < ring.length; index += 1) {
    const at = (ring.start + index) % ring.room;
    if (counts[at] === 0) lane.gap();
    else {
      lane.add(times[at], lows[at], values[at], highs[at], counts[at]);
      if (lane.after !== null) return true;
    }
  }
  return false;
}
