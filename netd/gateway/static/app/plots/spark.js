/**
 * Small curves of the newest points of many channels, each on a canvas of its own. All in view are drawn once a second, in one
 * frame: 600 of uPlot's would take seven times the memory.
 */

/** Points that are kept of each channel. */
export const POINTS = 120;

/** The newest points of one channel. */
export class Points {
  constructor() {
    this.times = new Float64Array(POINTS);
    this.lows = new Float64Array(POINTS);
    this.highs = new Float64Array(POINTS);
    this.values = new Float64Array(POINTS);
    this.length = 0;
    /** The place of the next point. */
    this.next = 0;
  }

  /** The newest value, and its time; null and -Infinity before the first. */
  get last() {
    return this.length === 0 ? null : this.values[(this.next + POINTS - 1) % POINTS];
  }

  get lastTime() {
    return this.length === 0 ? -Infinity : this.times[(this.next + POINTS - 1) % POINTS];
  }

  /** Add a point. One that is nearer than *every* to the last becomes a part of it. */
  push(time, value, low, high, every = 0) {
    const before = (this.next + POINTS - 1) % POINTS;
    if (this.length > 0 && time - this.times[before] < every * 0.5) {
      this.values[before] = value;
      this.lows[before] = Math.min(low, this.lows[before]);
      this.highs[before] = Math.max(high, this.highs[before]);
      return;
    }
    this.times[this.next] = time;
    this.values[this.next] = value;
    this.lows[this.next] = low;
    this.highs[this.next] = high;
    this.next = (this.next + 1) % POINTS;
    this.length = Math.min(POINTS, this.length + 1);
  }

  /** Put *older* points, `[time, value, low, high]` in the order of time, before those that are here. */
  prepend(older) {
    const own = [...this.rows()];
    const first = own[0]?.[0] ?? Infinity;
    const all = [...older.filter(([time]) => time < first), ...own].slice(-POINTS);
    [this.length, this.next] = [0, 0];
    for (const row of all) this.push(...row);
  }

  /** The points, oldest first. @returns {Generator<[number, number, number, number]>} */
  *rows() {
    for (let index = 0; index < this.length; index += 1) {
      const at = (this.next - this.length + index + POINTS) % POINTS;
      yield [this.times[at], this.values[at], this.lows[at], this.highs[at]];
    }
  }
}

/** Free space above and below, in pixels, so that the line is not cut. */
const MARGIN = 3;
/** The shortest time that is drawn, as a part of the longest. */
const LEAST = 0.125;
/** Usual intervals without a point that are a gap, and how opaque the band from the least to the greatest is. */
const GAP = 8;
const BAND = 0.22;

/** What is to be drawn with the next frame. @type {Map<HTMLCanvasElement, {points: Points, from: number, to: number}>} */
const waiting = new Map();

/**
 * Draw the points between *from* and *to* with the next frame; where they begin later, so does the curve.
 * Points that stand for several numbers have a band from the least to the greatest.
 * @param {HTMLCanvasElement} canvas it has the colour of the curve. @param {Points} points @param {number} from @param {number} to
 */
export function drawSoon(canvas, points, from, to) {
  if (waiting.size === 0) requestAnimationFrame(drawAll);
  waiting.set(canvas, { points, from, to });
}

/** A canvas that was drawn has the browser lay out the page before it tells the size of another: all are asked first. */
function drawAll() {
  const all = [...waiting].map(([canvas, { points, from, to }]) => {
    const { clientWidth: width, clientHeight: height } = canvas;
    return { canvas, points, from, to, width, height, colour: getComputedStyle(canvas).color };
  });
  waiting.clear();
  for (const one of all) if (one.width > 0) draw(one);
}

/** @param {{canvas: HTMLCanvasElement, points: Points, from: number, to: number, width: number, height: number, colour: string}} one */
function draw({ canvas, points, from, to, width, height, colour }) {
  const ratio = Math.min(2, globalThis.devicePixelRatio || 1);
  const context = canvas.getContext("2d");
  if (context === null) return;
  if (canvas.width !== Math.round(width * ratio) || canvas.height !== Math.round(height * ratio)) {
    canvas.width = Math.round(width * ratio);
    canvas.height = Math.round(height * ratio);
  }
  context.setTransform(ratio, 0, 0, ratio, 0, 0);
  context.clearRect(0, 0, width, height);
  const shown = [...points.rows()].filter(([time]) => time >= from);
  if (shown.length === 0) return;
  from = Math.max(from, Math.min(shown[0][0], to - (to - from) * LEAST));
  let [least, most] = [Infinity, -Infinity];
  for (const [, , low, high] of shown) {
    if (low < least) least = low;
    if (high > most) most = high;
  }
  const room = height - 2 * MARGIN;
  const x = (time) => ((time - from) / (to - from)) * width;
  // Halved first: the difference of two large numbers may be infinite.
  const span = most / 2 - least / 2;
  const y = (value) => (span > 0 ? MARGIN + room * (1 - (value / 2 - least / 2) / span) : height / 2);
  const rows = shown.map(([time, value, low, high]) => [x(time), y(value), y(low), y(high)]);
  context.strokeStyle = context.fillStyle = colour;
  context.lineWidth = 1.25;
  context.lineJoin = "round";
  for (const part of parts(rows, (GAP * usual(shown) + 1) * (width / (to - from)))) {
    if (part.some(([, , low, high]) => low !== high)) fillBand(context, part);
    context.beginPath();
    for (const [at, value] of part) context.lineTo(at, value);
    context.stroke();
  }
}

/** The interval in the middle of all intervals: gaps do not change it. @param {number[][]} rows with the time first. */
function usual(rows) {
  const intervals = rows.slice(1).map(([time], index) => time - rows[index][0]);
  return intervals.sort((one, other) => one - other)[intervals.length >> 1] ?? 0;
}

/** *rows*, cut where two are further apart than *most*. @param {number[][]} rows @param {number} most */
function parts(rows, most) {
  /** @type {number[][][]} */
  const found = [];
  rows.forEach((row, index) => {
    if (index === 0 || row[0] - rows[index - 1][0] > most) found.push([]);
    found[found.length - 1].push(row);
  });
  return found;
}

/** @param {CanvasRenderingContext2D} context @param {number[][]} part */
function fillBand(context, part) {
  context.beginPath();
  for (const [at, , , high] of part) context.lineTo(at, high);
  for (const [at, , low] of [...part].reverse()) context.lineTo(at, low);
  context.globalAlpha = BAND;
  context.fill();
  context.globalAlpha = 1;
}
