/** One plot of one series over time, on uPlot: gaps stay gaps, comings and goings are marked, the scale is calm. */

import { measure, clock, clockMinutes } from "./format.js";
import { h } from "./dom.js";
import { redraw } from "./redraw.js";
import { effect, onCleanup } from "./signal.js";
import { palette } from "./themes.js";
import uPlot from "../vendor/uplot/uPlot.esm.min.js";

const FONT = "11px system-ui, sans-serif";
const Y_AXIS = 46;
const X_AXIS = 26;
/** Pixels that are free on the right. */
const RIGHT = 8;
/** Pixels that a label of the time axis takes. */
const SECONDS_WIDTH = 52;
const MINUTES_WIDTH = 36;
/** Points in the plot below which each of them is shown as a dot. */
const SPARSE = 40;
/** Part of the range that is left free above and below. */
const MARGIN = 0.08;

/**
 * @typedef {object} View
 * @property {number} from @property {number} to seconds since the epoch.
 * @property {string|null} still what is shown stays for as long as this is the same; null where it goes on.
 */

/**
 * @param {object} parts
 * @param {import("./series.js").Series} parts.series
 * @param {() => View} parts.view
 * @param {() => {time: number, kind: "ok"|"gone"|"trouble"|"before", word: string}[]} [parts.marks] `before` is about what is
 *   left of it, and fainter.
 * @param {(summary: import("./series.js").Summary) => void} [parts.onSummary] of what is seen, with each drawing.
 * @param {(at: {time: number, value: number}|null) => void} [parts.onPoint] what the pointer is at.
 * @param {string} [parts.group] plots of one group share the pointer's time.
 * @param {boolean} [parts.isSmall] without axes.
 * @param {[number, number]} [parts.least] a range of values that is always shown.
 * @returns {Element}
 */
export function plot(parts) {
  const { series, view, marks = () => [], onSummary = () => {}, isSmall = false, least = null, testid = "plot" } = parts;
  const element = h("div.plot", { testid, "aria-hidden": "true", class: isSmall ? "small" : "" });
  let drawn = null;
  let width = 0;
  let height = 0;
  let shown = view();
  /** Which still view is drawn. */
  let stands = null;

  const draw = () => {
    if (width < 20) return 200;
    drawn ??= new uPlot(options(parts, { width, height, isSmall, shown: () => shown, marks, least }), [[], []], element);
    if (drawn.width !== width || drawn.height !== height) drawn.setSize({ width, height });
    const next = view();
    if (next.still !== null && next.still === stands) return 100;
    shown = next;
    const { from, to, still } = shown;
    const plotted = Math.max(50, width - (isSmall ? 0 : Y_AXIS));
    const { times, values, summary } = series.window(from, to, plotted);
    stands = still;
    drawn.setData([times, values], true);
    onSummary(summary);
    return Math.min(1000, ((to - from) / plotted) * 1000);
  };

  const drawing = redraw(element, draw);
  const sizes = new ResizeObserver(([entry]) => {
    [width, height] = [Math.floor(entry.contentRect.width), Math.floor(entry.contentRect.height)];
    drawing.now();
  });
  sizes.observe(element);
  effect(() => {
    const colours = palette.value;
    if (colours) drawn?.redraw(false, true);
  });
  effect(() => {
    parts.changes?.();
    drawing.now();
  });
  onCleanup(() => {
    drawing.end();
    sizes.disconnect();
    drawn?.destroy();
  });
  return element;
}

function options({ group, onPoint = () => {} }, { width, height, isSmall, shown, marks, least }) {
  const ink = (name) => () => palette.peek()[name];
  const range = () => [shown().from, shown().to];
  return {
    width,
    height,
    legend: { show: false },
    select: { show: false },
    padding: isSmall ? [2, 0, 2, 0] : [10, RIGHT, 0, 0],
    cursor: {
      show: !isSmall,
      y: false,
      drag: { x: false, y: false },
      points: { size: 7 },
      ...(group ? { sync: { key: group } } : {}),
    },
    scales: { x: { time: true, range }, y: { range: (_, low, high) => calmRange(low, high, least) } },
    axes: isSmall ? [{ show: false }, { show: false }] : [timeAxis(ink), valueAxis(ink)],
    series: [{}, { stroke: ink("accent"), width: 1.5, spanGaps: false, points: dots(ink, isSmall) }],
    hooks: { drawAxes: [(u) => drawMarks(u, marks())], setCursor: [(u) => onPoint(pointAt(u))] },
  };
}

const dots = (ink, isSmall) => ({
  show: (u) => !isSmall && u.data[0].length < SPARSE,
  size: 4,
  stroke: ink("accent"),
  fill: ink("accent"),
});

/** A label that would not fit whole is left out. */
function timeAxis(ink) {
  const values = (u, splits, _, __, step) => {
    const [write, half] = step < 60 ? [clock, SECONDS_WIDTH / 2] : [clockMinutes, MINUTES_WIDTH / 2];
    return splits.map((time) => (u.valToPos(time, "x") + half > u.bbox.width / devicePixelRatio + RIGHT ? "" : write(time)));
  };
  const lines = { stroke: ink("line"), width: 1 };
  return { stroke: ink("muted"), font: FONT, size: X_AXIS, space: 76, gap: 6, values, grid: lines, ticks: { show: false } };
}

function valueAxis(ink) {
  const values = (_, splits) => splits.map((value) => (value === null ? "" : plain(value)));
  const lines = { stroke: ink("line"), width: 1 };
  return { stroke: ink("muted"), font: FONT, size: Y_AXIS, space: 30, gap: 6, values, grid: lines, ticks: { show: false } };
}

const plain = (value) =>
  Math.abs(value) >= 1e5 || (value !== 0 && Math.abs(value) < 1e-3)
    ? value.toExponential(0)
    : String(Number(value.toPrecision(4)));

/** Whole steps around the values, so that the scale moves seldom. */
function calmRange(low, high, least) {
  if (low === null || !Number.isFinite(low)) return least ?? [0, 1];
  let [from, to] = least ? [Math.min(low, least[0]), Math.max(high, least[1])] : [low, high];
  if (from === to) [from, to] = [from - (Math.abs(from) * 0.1 || 1), to + (Math.abs(to) * 0.1 || 1)];
  const step = niceStep((to - from) / 4);
  const margin = (to - from) * MARGIN;
  const [bottom, top] = [Math.floor((from - margin) / step) * step, Math.ceil((to + margin) / step) * step];
  return [from >= 0 ? Math.max(0, bottom) : bottom, to <= 0 ? Math.min(0, top) : top];
}

function niceStep(rough) {
  const power = 10 ** Math.floor(Math.log10(rough));
  return [1, 2, 5, 10].find((factor) => factor * power >= rough) * power;
}

/** Comings and goings: a thin line over the height of the plot, and a word at its head, or at its foot. */
function drawMarks(u, marks) {
  const { ctx, bbox } = u;
  const ratio = devicePixelRatio;
  const { min, max } = u.scales.x;
  ctx.save();
  ctx.font = `${10 * ratio}px system-ui, sans-serif`;
  ctx.lineWidth = ratio;
  ctx.setLineDash([3 * ratio, 3 * ratio]);
  for (const { time, kind, word } of marks) {
    if (time < min || time > max) continue;
    const isBefore = kind === "before";
    const x = Math.round(u.valToPos(time, "x", true)) + 0.5;
    ctx.fillStyle = palette.peek()[kind] ?? palette.peek().muted;
    ctx.strokeStyle = isBefore ? palette.peek().line : ctx.fillStyle;
    ctx.beginPath();
    ctx.moveTo(x, bbox.top);
    ctx.lineTo(x, bbox.top + bbox.height);
    ctx.stroke();
    const room = ctx.measureText(word).width + 8 * ratio;
    const isLeft = isBefore ? x - room > bbox.left : x + room > bbox.left + bbox.width;
    ctx.textAlign = isLeft ? "right" : "left";
    ctx.fillText(word, x + (isLeft ? -4 : 4) * ratio, isBefore ? bbox.top + bbox.height - 5 * ratio : bbox.top + 9 * ratio);
  }
  ctx.restore();
}

function pointAt(u) {
  const index = u.cursor.idx;
  const value = index === null || index === undefined ? null : u.data[1][index];
  return value === null || value === undefined || u.cursor.left < 0 ? null : { time: u.data[0][index], value };
}

/** What a plot shows, as a sentence for those who do not see it. */
export function describe(label, unit, summary, decimals) {
  if (summary === null || summary.count === 0) return `${label}: no values in this window.`;
  const say = (value) => `${measure(value, decimals)}${unit ? ` ${unit}` : ""}`;
  const { count, min, max, mean } = summary;
  return `${label}: ${count} values in this window, from ${say(min)} to ${say(max)}, ${say(mean)} on average.`;
}
