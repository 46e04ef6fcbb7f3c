/**
 * A plot of one series over time, by uPlot. Gaps stay gaps, connects and disconnects are marked, and the scale seldom changes.
 *
 * uPlot gets the places of values within their range, 0 to 1, and never the values. Its own axes run into loops of billions of
 * turns for values that double precision can hardly tell apart, and have no steps below 1e-32.
 */

import { measure, clock, clockMinutes } from "../format.js";
import { h } from "../dom.js";
import { drawMarks } from "./marks.js";
import { redraw } from "./redraw.js";
import { effect, onCleanup, signal } from "../signal.js";
import { palette } from "../themes.js";
import { calmRange, extent, placeOf, ticksOf, tickWords } from "./ticks.js";

/** uPlot, which is most of what a plot loads: axes and figures are there before it. @type {any} */
let uPlot = null;
const UPLOT = "../../vendor/uplot/uPlot.esm.min.js"; // a constant, so that TypeScript does not check the minified file
const loading = import(UPLOT).then((module) => (uPlot = module.default));

const FONT = "11px system-ui, sans-serif";
const Y_AXIS = 50;
const X_AXIS = 26;
/** Pixels between two ticks of the axis of values, at least. */
const Y_SPACE = 30;
/** Free pixels above, for the text that all ticks share, and on the right. */
const ABOVE = 18;
const RIGHT = 8;
/** Pixels that a label of the time axis takes. */
const SECONDS_WIDTH = 52;
const MINUTES_WIDTH = 36;
/** With fewer points than this, each is drawn as a dot. */
const SPARSE = 40;

/**
 * @typedef {object} View
 * @property {number} from @property {number} to seconds since the epoch.
 * @property {string|null} still names a paused view, which is drawn once; null where time goes on.
 */

/**
 * @param {object} parts
 * @param {import("./series.js").Series} parts.series
 * @param {() => View} parts.view
 * @param {() => string} parts.name a sentence for screen readers.
 * @param {() => import("./marks.js").Mark[]} [parts.marks]
 * @param {(summary: import("./series.js").Summary) => void} [parts.onSummary] is called with each drawing.
 * @param {(at: {time: number, value: number}|null) => void} [parts.onPoint] is called when the pointer moves.
 * @param {string} [parts.group] plots of one group share the pointer's time.
 * @param {boolean} [parts.isSmall] without axes.
 * @param {() => any} [parts.changes] reads the signals whose change is drawn at once.
 * @param {string} [parts.testid]
 * @param {[number, number]} [parts.least] a range of values that is always shown.
 * @returns {Element}
 */
export function plot(parts) {
  const { series, view, name, onSummary = () => {}, isSmall = false, least = null, testid = "plot" } = parts;
  const failure = signal("");
  const face = h(
    "p.plot-failed",
    { role: "status", hidden: () => failure.value === "" },
    () => `Cannot be drawn: ${failure.value}`,
  );
  const element = h("div.plot", { testid, class: isSmall ? "small" : "" }, face);
  const shown = { ...view(), values: [], range: calmRange(null, null, least), ticks: null, words: { words: [], common: "" } };
  /** @type {any} */
  let drawn = null;
  let width = 0;
  let height = 0;
  /** Which still view is drawn. @type {string|null} */
  let stands = null;

  const draw = () => {
    if (width < 20 || uPlot === null) return 200;
    drawn ??= make();
    if (drawn.width !== width || drawn.height !== height) drawn.setSize({ width, height });
    const next = view();
    if (next.still !== null && next.still === stands) return 100;
    const { from, to, still } = next;
    const plotted = Math.max(50, width - (isSmall ? 0 : Y_AXIS));
    const { times, values, summary } = series.window(from, to, plotted);
    Object.assign(shown, next, { values });
    const [low, high] = seenExtent(times, values, from, to);
    setRange(shown, calmRange(low, high, least), (height - ABOVE - X_AXIS) / Y_SPACE);
    stands = still;
    show(drawn, times, values, shown.range);
    onSummary(summary);
    failure.value = "";
    return Math.min(1000, ((to - from) / plotted) * 1000);
  };
  const make = () => {
    const made = new uPlot(options(parts, { width, height, shown }), [[], []], element);
    const canvas = made.root.querySelector("canvas");
    canvas.setAttribute("role", "img");
    nameIt(canvas, name());
    return made;
  };
  const forget = () => {
    drawn?.destroy();
    drawn = stands = null;
  };
  const failed = (error) => {
    failure.value = error.message;
    forget();
  };

  const drawing = redraw(element, draw, failed);
  loading.then(drawing.now, failed);
  const sizes = new ResizeObserver(([entry]) => {
    [width, height] = [Math.floor(entry.contentRect.width), Math.floor(entry.contentRect.height)];
    drawing.now();
  });
  sizes.observe(element);
  effect(() => {
    const colours = palette.value;
    if (colours) drawn?.redraw(false, true);
  });
  effect(() => nameIt(element.querySelector("canvas"), name()));
  effect(() => {
    parts.changes?.();
    drawing.now();
  });
  onCleanup(() => {
    drawing.end();
    sizes.disconnect();
    forget();
  });
  return element;
}

const nameIt = (canvas, name) => canvas?.setAttribute("aria-label", name);

/**
 * The least and the greatest value between two times; of all, where there is none between.
 * @param {number[]} times @param {(number|null)[]} values @param {number} from @param {number} to
 */
function seenExtent(times, values, from, to) {
  const [low, high] = extent(values.filter((_, index) => times[index] >= from && times[index] <= to));
  return low === null ? extent(values) : [low, high];
}

/** Set the range, and make about *most* ticks for it. */
function setRange(shown, range, most) {
  const isSame =
    shown.ticks !== null && shown.most === most && shown.range.bottom === range.bottom && shown.range.top === range.top;
  if (isSame) return;
  shown.most = most;
  shown.range = range;
  shown.ticks = ticksOf(range, Math.floor(most));
  shown.words = tickWords(shown.ticks);
}

/** Draw points, and the axes anew: uPlot itself sees no change of the range, which is always 0 to 1. */
function show(drawn, times, values, range) {
  const places = values.map((value) => (value === null ? null : placeOf(value, range)));
  drawn.batch(() => {
    drawn.setData([times, places], true);
    drawn.redraw(false, true);
  });
}

/** @param {any} parts @param {any} state */
function options({ group, onPoint = () => {}, isSmall = false, marks = () => [] }, { width, height, shown }) {
  const ink = (name) => () => palette.peek()[name];
  const range = () => [shown.from, shown.to];
  return {
    width,
    height,
    legend: { show: false },
    select: { show: false },
    padding: isSmall ? [2, 0, 2, 0] : [ABOVE, RIGHT, 0, 0],
    cursor: {
      show: !isSmall,
      y: false,
      drag: { x: false, y: false },
      points: { size: 7 },
      ...(group ? { sync: { key: group } } : {}),
    },
    scales: { x: { time: true, range }, y: { range: () => [0, 1] } },
    axes: isSmall ? [{ show: false }, { show: false }] : [timeAxis(ink), valueAxis(ink, shown)],
    series: [{}, { stroke: ink("accent"), width: 1.5, spanGaps: false, points: dots(ink, isSmall) }],
    hooks: {
      drawAxes: [(u) => isSmall || drawCommon(u, shown.words.common), (u) => drawMarks(u, marks())],
      setCursor: [(u) => onPoint(pointAt(u, shown.values))],
    },
  };
}

const dots = (ink, isSmall) => ({
  show: (u) => !isSmall && u.data[0].length < SPARSE,
  size: 4,
  stroke: ink("accent"),
  fill: ink("accent"),
});

/** The time axis. A label that does not fit whole is left out. */
function timeAxis(ink) {
  const values = (u, splits, _, __, step) => {
    const [write, half] = step < 60 ? [clock, SECONDS_WIDTH / 2] : [clockMinutes, MINUTES_WIDTH / 2];
    return splits.map((time) => (u.valToPos(time, "x") + half > u.bbox.width / devicePixelRatio + RIGHT ? "" : write(time)));
  };
  return { ...axis(ink), size: X_AXIS, space: 76, values };
}

function valueAxis(ink, shown) {
  const splits = () => (shown.ticks?.values ?? []).map((tick) => Math.min(1, Math.max(0, placeOf(tick, shown.range))));
  return { ...axis(ink), size: Y_AXIS, space: Y_SPACE, splits, values: () => shown.words.words };
}

const axis = (ink) => ({
  stroke: ink("muted"),
  font: FONT,
  gap: 6,
  grid: { stroke: ink("line"), width: 1 },
  ticks: { show: false },
});

/** Write the text that all ticks share above them. */
function drawCommon({ ctx }, common) {
  if (common === "") return;
  ctx.save();
  ctx.font = FONT.replace("11px", `${11 * devicePixelRatio}px`);
  ctx.fillStyle = palette.peek().muted;
  ctx.textAlign = "left";
  ctx.textBaseline = "top";
  ctx.fillText(common, 2 * devicePixelRatio, 0);
  ctx.restore();
}

function pointAt(u, values) {
  const index = u.cursor.idx;
  const value = index === null || index === undefined ? null : values[index];
  return value === null || value === undefined || u.cursor.left < 0 ? null : { time: u.data[0][index], value };
}

/**
 * What a plot shows, as a sentence for those who do not see it.
 * @param {string} label @param {string} unit
 * @param {import("./series.js").Summary|null} summary @param {import("../format.js").Precision|null} precision
 */
export function describe(label, unit, summary, precision) {
  if (summary === null || summary.count === 0) return `${label}: no values in this window.`;
  const say = (value) => `${measure(value, precision)}${unit ? ` ${unit}` : ""}`;
  const { count, min, max, mean } = summary;
  return `${label}: ${count} values in this window, from ${say(min)} to ${say(max)}, ${say(mean)} on average.`;
}
