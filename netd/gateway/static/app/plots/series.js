/**
 * The samples of one channel, in bounded memory: the newest singly, older ones as least, greatest and mean value of half a second.
 * Gaps are kept. Pure: all times come with the samples.
 */

/** How many samples are kept singly. */
const KEPT = 16384;
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

/** Reduces points to at most two for each column of pixels: the least and the greatest. */
class Columns {
  constructor(width) {
    this.width = width;
    this.times = [];
    this.values = [];
    this.column = NaN;
    this.least = 0;
    this.greatest = 0;
  }

  add(time, value) {
    const column = Math.floor(time / this.width);
    if (column !== this.column) {
      this.flush();
      this.column = column;
      this.least = this.greatest = value;
      this.leastAt = this.greatestAt = time;
    } else if (value < this.least) [this.least, this.leastAt] = [value, time];
    else if (value > this.greatest) [this.greatest, this.greatestAt] = [value, time];
  }

  gap(time) {
    this.flush();
    this.column = NaN;
    this.point(time, null);
  }

  flush() {
    if (Number.isNaN(this.column)) return;
    if (this.least === this.greatest) this.point(this.leastAt, this.least);
    else if (this.leastAt <= this.greatestAt) this.pair(this.leastAt, this.least, this.greatestAt, this.greatest);
    else this.pair(this.greatestAt, this.greatest, this.leastAt, this.least);
  }

  pair(time, value, laterTime, laterValue) {
    this.point(time, value);
    this.point(laterTime, laterValue);
  }

  point(time, value) {
    this.times.push(time);
    this.values.push(value);
  }
}

/**
 * @typedef {object} Summary
 * @property {number} count how many samples there are.
 * @property {number} min
 * @property {number} max
 * @property {number} mean
 */

export class Series {
  /** @param {number} [every] seconds between two values, where that is known. */
  constructor(every = 0) {
    this.every = every;
    this.raw = new Ring(["time", "value"], KEPT);
    this.old = null;
    this.bucket = null;
    this.usual = 0;
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
   * Add a sample. One that is older than the newest is ignored as a repetition, unless it *isNews*: then a clock was set back, and
   * later samples are dropped, because a plot has one time axis.
   */
  push(time, value, isNews = false) {
    if (time < this.lastTime) {
      if (!isNews || this.lastTime - time < SET_BACK) return;
      this.rewind(time);
    }
    const interval = time - this.lastTime;
    if (Number.isFinite(interval)) {
      if (this.isGap(interval)) this.gap();
      else if (interval > 0) this.usual = this.usual > 0 ? this.usual + (interval - this.usual) / 16 : interval;
    }
    this.isBroken = false;
    this.store(time, value);
    [this.last, this.lastTime] = [value, time];
    this.total += 1;
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

  isGap(interval) {
    if (this.every > 0) return interval > MISSED * this.every;
    return interval > LEAST_GAP && this.usual > 0 && interval > UNUSUAL * this.usual;
  }

  /** Begin a gap: the next sample is not joined to the last. */
  gap() {
    if (this.isBroken || this.last === null) return;
    this.isBroken = true;
    this.usual = 0;
    this.store(this.lastTime, NaN);
  }

  store(time, value) {
    const evicted = this.raw.push(time, value);
    if (evicted !== null) this.age(...evicted);
  }

  /** Put an old sample into a bucket. */
  age(time, value) {
    this.old ??= new Ring(["time", "min", "max", "mean", "count"], BUCKETS);
    const bucket = this.bucket;
    if (Number.isNaN(value)) {
      this.closeBucket();
      this.old.push(time, NaN, NaN, 0, 0);
    } else if (bucket !== null && time < bucket.time + WIDTH) {
      bucket.min = Math.min(bucket.min, value);
      bucket.max = Math.max(bucket.max, value);
      bucket.count += 1;
      bucket.mean = meanOf(bucket.mean, value, 1 / bucket.count);
    } else {
      this.closeBucket();
      this.bucket = { time, min: value, max: value, mean: value, count: 1 };
    }
  }

  closeBucket() {
    if (this.bucket === null) return;
    const { time, min, max, mean, count } = this.bucket;
    this.old.push(time, min, max, mean, count);
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

  /**
   * The points from *from* to *to* for a plot that is *columns* pixels wide.
   *
   * @param {number} from @param {number} to seconds since the epoch.
   * @returns {{times: number[], values: (number|null)[], summary: Summary}} null is a gap. There is one
   *   point more on either side.
   */
  window(from, to, columns) {
    const thin = new Columns((to - from) / columns);
    const summary = { count: 0, min: Infinity, max: -Infinity, mean: NaN };
    const begin = this.raw.search(from);
    if (this.old !== null && begin === 0) this.readOld(thin, summary, from, to);
    for (let index = Math.max(0, begin - 1); index < this.raw.length; index += 1) {
      const time = this.raw.at(0, index);
      const value = this.raw.at(1, index);
      if (Number.isNaN(value)) thin.gap(time);
      else {
        thin.add(time, value);
        if (time >= from && time <= to) note(summary, value, value, value, 1);
      }
      if (time > to) break;
    }
    thin.flush();
    return { times: thin.times, values: thin.values, summary };
  }

  readOld(thin, summary, from, to) {
    const old = this.old;
    for (let index = Math.max(0, old.search(from) - 1); index < old.length && old.at(0, index) <= to; index += 1) {
      const [time, min, max, mean, count] = [0, 1, 2, 3, 4].map((column) => old.at(column, index));
      readBucket(thin, summary, { time, min, max, mean, count }, from);
    }
    if (this.bucket !== null && this.bucket.time <= to) readBucket(thin, summary, this.bucket, from);
  }
}

function readBucket(thin, summary, { time, min, max, mean, count }, from) {
  if (count === 0) {
    thin.gap(time);
    return;
  }
  thin.add(time, min);
  thin.add(time, max);
  if (time >= from) note(summary, min, max, mean, count);
}

function note(summary, min, max, mean, count) {
  summary.min = Math.min(summary.min, min);
  summary.max = Math.max(summary.max, max);
  summary.mean = summary.count === 0 ? mean : meanOf(summary.mean, mean, count / (summary.count + count));
  summary.count += count;
}

/** The weighted mean of two values; *part* is the weight of *other*. A sum of large values could be infinite. */
function meanOf(one, other, part) {
  const mean = one + (other * part - one * part);
  return Number.isFinite(mean) ? mean : one * (1 - part) + other * part;
}
