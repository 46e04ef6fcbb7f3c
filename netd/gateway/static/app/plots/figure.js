/** How uPlot draws a plot: axes, lines, bands, marks. It gets the places of values within their range, 0 to 1, and no values. */

import { serverNow } from "../connection.js";
import { palette } from "../themes.js";
import { zone } from "../zones.js";
import { drawMarks } from "./marks.js";
import { placeIn } from "./scales.js";
import { dayOf, timeTicks } from "./times.js";

/** A plot that is lower than this, in pixels, has one line of the axis of time, and little above: the curves need the rest. */
const LOW = 150;

/**
 * The sizes of what stands around the curves, in pixels. On a wall, all are larger, and the curves thicker. With *isWide*, there is
 * room for a second axis also where there is none: beside plots that have two, times stand one above the other.
 * @param {number} scale @param {boolean} [isWide] @param {number} [height] of the plot.
 */
export const sizesFor = (scale, isWide = false, height = Infinity) => ({
  font: 11 * scale,
  yAxis: 50 * scale,
  /** The axis of time: a line for times, and one for days. */
  xAxis: (height < LOW * scale ? 20 : 34) * scale,
  isLow: height < LOW * scale,
  /** Between two ticks of the axis of values, at least; and of the axis of time. */
  ySpace: 30 * scale,
  xSpace: 84 * scale,
  /** Free above, for what all ticks share and the unit, and on the right. */
  above: (height < LOW * scale ? 7 : 18) * scale,
  right: (isWide ? 50 : 8) * scale,
  /** Half of a label of the time axis. */
  half: 26 * scale,
  line: scale > 1 ? 2 * scale : 1.5,
});

const fontOf = (size) => `${size}px system-ui, sans-serif`;

/** With fewer points than this, each is drawn as a dot. */
const SPARSE = 40;
/** How far from the pointer a sample is looked for, in pixels. */
const REACH = 40;
/** The colours of series, and the dashes of those that are drawn over each other. */
const INKS = 8;
const DASHES = [[], [7, 3], [2, 3], [9, 3, 2, 3], [5, 2], [12, 4], [3, 2], [8, 2, 2, 2, 2, 2]];
/**
 * Lines with so many points are at most a pixel wide, but for walls: a wider one takes a processor that paints by itself a dozen
 * times as long.
 */
const THIN = 1;
const USUAL = 1.5;
const DENSE = 300;
/** Seconds after which ticks are made anew: another day may have begun. */
const MINUTE = 60;
/** How much of a colour a band has. */
const BAND = 0.18;

/** The colour of series *index*. @param {number} index */
export const inkOf = (index) => `ink${(index % INKS) + 1}`;

const ink = (name) => () => palette.peek()[name];

/** A colour of the palette that lets others through. */
export const faded = (colour, part) => colour.replace(/^rgb\((.*)\)$/, `rgba($1, ${part})`);

/** The number of the mean of lane *index*, of its least, and of its greatest values, in uPlot's list. */
const meanAt = (index) => 1 + 3 * index;

/**
 * What a figure shows now; `draw` of plot.js keeps it.
 * @typedef {object} Drawn
 * @property {number} from @property {number} to
 * @property {ReturnType<typeof sizesFor>} sizes
 * @property {import("./grid.js").Lane[]} lanes
 * @property {number[]} inks the number of each lane's colour.
 * @property {number[]} axes the number of each lane's axis.
 * @property {{unit: string, range: import("./scales.js").Range, ticks: {places: number[], words: string[], common: string}}[]} scales
 * @property {{over?: number, under?: number, state?: string}[]} limits
 * @property {{begin: number, end: number|null, reason: string}[]} gaps
 * @property {import("./zoom.js").Span|null} marked
 */

/** A place that a canvas can draw, where the range does not follow the values; null for what a logarithmic scale does not have. */
const near = (place) => (Number.isNaN(place) || place === -Infinity ? null : Math.max(-9, Math.min(9, place)));

/** The data for uPlot. @param {import("./grid.js").Grid} grid @param {Drawn} drawn */
export function dataOf(grid, { lanes, axes, scales }) {
  /** @type {import("./grid.js").Values[]} */
  const data = [grid.times()];
  const nothing = new Array(grid.length);
  for (const [index, lane] of lanes.entries()) {
    const { range } = scales[axes[index]];
    const places = (values) => lane.values(values, (value) => near(placeIn(value, range)));
    data.push(places(lane.means), ...(lane.hasBand ? [places(lane.lows), places(lane.highs)] : [nothing, nothing]));
  }
  return data;
}

/**
 * The options for uPlot.
 * @param {{width: number, height: number, drawn: Drawn, isSmall: boolean, group?: string, marks: () => import("./marks.js").Mark[],
 *   onPoint: (at: any) => void}} parts
 */
export function figureOptions({ width, height, drawn, isSmall, group, marks, onPoint }) {
  const lanes = drawn.lanes.map((_, index) => index);
  const axes = [timeAxis(drawn), ...drawn.scales.map((_, index) => valueAxis(drawn, index))];
  return {
    width,
    height,
    legend: { show: false },
    select: { show: false },
    padding: isSmall ? [2, 0, 2, 0] : [drawn.sizes.above, drawn.scales.length > 1 ? 0 : drawn.sizes.right, 0, 0],
    cursor: {
      show: !isSmall,
      y: false,
      drag: { x: false, y: false },
      points: { size: (_, index) => (index % 3 === 1 ? 7 : 0) },
      dataIdx: (_, index, column) => nearestOf(drawn, index, column),
      ...(group ? { sync: { key: group } } : {}),
    },
    scales: { x: { time: true, range: () => [drawn.from, drawn.to] }, y: { range: () => [0, 1] } },
    axes: isSmall ? axes.map(() => ({ show: false })) : axes,
    series: [{}, ...lanes.flatMap((index) => seriesOf(drawn, index, isSmall))],
    bands: lanes.map((index) => ({
      series: [meanAt(index) + 2, meanAt(index) + 1],
      fill: () => faded(palette.peek()[inkOf(drawn.inks[index])], BAND),
    })),
    hooks: {
      drawClear: [(u) => drawBehind(u, drawn)],
      drawAxes: [(u) => isSmall || drawShared(u, drawn), (u) => drawMarks(u, marks()), (u) => drawLimits(u, drawn)],
      setCursor: [(u) => onPoint(pointAt(u, drawn))],
    },
  };
}

/** Draw lines with many points thinner. @param {any} figure a uPlot. @param {Drawn} drawn */
export function thinOut(figure, { lanes, sizes }) {
  const thin = sizes.line > USUAL ? sizes.line : THIN;
  for (const [index, lane] of lanes.entries()) figure.series[meanAt(index)].width = lane.filled > DENSE ? thin : sizes.line;
}

function seriesOf(drawn, index, isSmall) {
  const stroke = () => palette.peek()[inkOf(drawn.inks[index])];
  const bound = { width: 0, points: { show: false } };
  const show = () => !isSmall && drawn.lanes[index].filled < SPARSE;
  const dash = DASHES[drawn.inks[index] % DASHES.length];
  const mean = { stroke, width: drawn.sizes.line, dash, spanGaps: false, points: { show, size: 4, stroke, fill: stroke } };
  return [mean, bound, bound];
}

const nearestOf = (drawn, index, column) => {
  const lane = drawn.lanes[Math.floor((index - 1) / 3)];
  const nearest = index % 3 === 1 && lane !== undefined ? lane.nearest(column, REACH) : -1;
  return nearest < 0 ? column : nearest;
};

/** The time axis. A label that does not fit whole is left out. @param {Drawn} drawn */
function timeAxis(drawn) {
  const { half, right, xAxis, xSpace, isLow } = drawn.sizes;
  let ticks = [];
  const splits = (u) => {
    ticks = ticksFrom(drawn.from, drawn.to, u.bbox.width / devicePixelRatio / xSpace);
    return ticks.map(({ time }) => time);
  };
  const values = (u) => {
    const fits = ({ time }) => u.valToPos(time, "x") + half <= u.bbox.width / devicePixelRatio + right;
    return ticks.map((tick) => (fits(tick) ? `${tick.word}${tick.day && !isLow ? `\n${tick.day}` : ""}` : ""));
  };
  return { ...axisOf(drawn), size: xAxis, space: xSpace, splits, values };
}

/** The ticks of the axis that was drawn last. @type {{key: string, ticks: import("./times.js").Tick[]}} */
let shared = { key: "", ticks: [] };

/** The ticks of a time axis. Plots that stand one above the other have the same ones, and dates are slow to write. */
function ticksFrom(from, to, most) {
  const now = serverNow();
  const key = `${from} ${to} ${most} ${zone.peek()} ${Math.floor(now / MINUTE)}`;
  if (shared.key !== key) shared = { key, ticks: timeTicks(from, to, most, zone.peek(), dayOf(now, zone.peek())) };
  return shared.ticks;
}

/** @param {Drawn} drawn @param {number} index */
function valueAxis(drawn, index) {
  const splits = () => drawn.scales[index]?.ticks.places ?? [];
  const values = () => drawn.scales[index]?.ticks.words ?? [];
  const axis = axisOf(drawn);
  const grid = { ...axis.grid, show: index === 0 };
  const { yAxis: size, ySpace: space } = drawn.sizes;
  return { ...axis, scale: "y", side: index === 0 ? 3 : 1, grid, size, space, splits, values };
}

/** @param {Drawn} drawn */
const axisOf = ({ sizes }) => ({
  stroke: ink("muted"),
  font: fontOf(sizes.font),
  gap: 6,
  grid: { stroke: ink("line"), width: 1 },
  ticks: { show: false },
});

/** Write what all ticks of an axis share above them, and the unit where there are several series. */
function drawShared({ ctx, width }, { scales, lanes, sizes }) {
  ctx.save();
  ctx.font = fontOf(sizes.font * devicePixelRatio);
  ctx.fillStyle = palette.peek().muted;
  ctx.textBaseline = "top";
  for (const [index, { ticks, unit }] of scales.entries()) {
    const text = [lanes.length > 1 ? unit : "", ticks.common].filter(Boolean).join(" ");
    ctx.textAlign = index === 0 ? "left" : "right";
    ctx.fillText(text, (index === 0 ? 2 : width - 2) * devicePixelRatio, 0);
  }
  ctx.restore();
}

/** What lies behind everything: gaps hatched, and the selection. */
function drawBehind(u, { gaps, marked, from, to }) {
  const { ctx, bbox } = u;
  const x = (time) => u.valToPos(Math.min(to, Math.max(from, time)), "x", true);
  ctx.save();
  for (const { begin, end, reason } of gaps)
    if (begin < to && (end ?? to) > from) hatch(ctx, bbox, x(begin), x(end ?? to), reason);
  if (marked !== null && marked.from < to && marked.to > from) {
    ctx.fillStyle = faded(palette.peek().accent, 0.14);
    ctx.fillRect(x(marked.from), bbox.top, Math.max(devicePixelRatio, x(marked.to) - x(marked.from)), bbox.height);
  }
  ctx.restore();
}

/** Hatch an area, with its reason if there is room. */
function hatch(ctx, { top, height }, left, right, reason) {
  const step = 7 * devicePixelRatio;
  ctx.save();
  ctx.beginPath();
  ctx.rect(left, top, Math.max(devicePixelRatio, right - left), height);
  ctx.clip();
  ctx.strokeStyle = palette.peek().line;
  ctx.lineWidth = devicePixelRatio;
  ctx.beginPath();
  for (let at = Math.floor((left - height) / step) * step; at < right; at += step) {
    ctx.moveTo(at, top + height);
    ctx.lineTo(at + height, top);
  }
  ctx.stroke();
  ctx.font = `${10 * devicePixelRatio}px system-ui, sans-serif`;
  ctx.fillStyle = palette.peek().muted;
  ctx.textAlign = "center";
  if (ctx.measureText(reason).width + step < right - left) ctx.fillText(reason, (left + right) / 2, top + height - step);
  ctx.restore();
}

/** Draw the limits of values as lines. */
function drawLimits(u, { limits, scales }) {
  const { ctx, bbox } = u;
  const range = scales[0]?.range;
  if (range === undefined) return;
  ctx.save();
  ctx.setLineDash([6 * devicePixelRatio, 4 * devicePixelRatio]);
  ctx.lineWidth = devicePixelRatio;
  for (const { over, under, state = "trouble" } of limits) {
    const place = placeIn(over ?? under ?? NaN, range);
    if (!(place >= 0 && place <= 1)) continue;
    ctx.strokeStyle = palette.peek()[state] ?? palette.peek().trouble;
    const y = Math.round(u.valToPos(place, "y", true)) + 0.5;
    ctx.beginPath();
    ctx.moveTo(bbox.left, y);
    ctx.lineTo(bbox.left + bbox.width, y);
    ctx.stroke();
  }
  ctx.restore();
}

/**
 * What is at the pointer: for each series the nearest column's values; null where there are none near.
 * @typedef {{time: number, value: number, low: number, high: number, count: number}} AtPointer
 */

/** @returns {{time: number, values: (AtPointer|null)[]}|null} */
function pointAt(u, { lanes }) {
  const column = u.cursor.idx;
  if (column === null || column === undefined || u.cursor.left < 0) return null;
  const values = lanes.map((lane) => {
    const at = lane.nearest(column, REACH);
    if (at < 0) return null;
    return { time: lane.exact[at], value: lane.means[at], low: lane.lows[at], high: lane.highs[at], count: lane.counts[at] };
  });
  return { time: u.posToVal(u.cursor.left, "x"), values };
}
