/**
 * A plot of one or several series over time, by uPlot. Gaps stay gaps, what happened is marked, and the scale seldom changes.
 *
 * uPlot gets the places of values within their range, 0 to 1, and never the values. Its own axes run into loops of billions of
 * turns for values that double precision can hardly tell apart, and have no steps below 1e-32.
 */

import { measure } from "../format.js";
import { h } from "../dom.js";
import { dataOf, figureOptions, sizesFor, thinOut } from "./figure.js";
import { Grid, Lane } from "./grid.js";
import { redraw } from "./redraw.js";
import { rangeOf, ticksIn, unitsOf } from "./scales.js";
import { effect, onCleanup, signal } from "../signal.js";
import { palette } from "../themes.js";
import { zone } from "../zones.js";
import { zooming } from "./zoom.js";

/** uPlot, which is most of what a plot loads: axes and figures are there before it. @type {any} */
let uPlot = null;
const UPLOT = "../../vendor/uplot/uPlot.esm.min.js"; // a constant, so that TypeScript does not check the minified file
const loading = import(UPLOT).then((module) => (uPlot = module.default));

/** The widest canvas that browsers draw, in its own pixels. */
const WIDEST = 16384;

/**
 * A series that can be drawn: a `Series`, a `Past`, a `Channel` of channels.js.
 * @typedef {object} Source
 * @property {(lane: Lane) => void} fill puts its points on a lane.
 * @property {(seconds: number) => void} [seen] is told with each drawing how many seconds a pixel has.
 */

/**
 * One series of a plot.
 * @typedef {object} Curve
 * @property {Source} source
 * @property {() => string} [unit] two units have two axes.
 * @property {number} [ink] the number of its colour, from 0.
 * @property {() => boolean} [isHidden]
 */

/**
 * @param {object} parts
 * @param {() => Curve[]} parts.curves at most two units among them, see `sharing` of scales.js.
 * @param {() => import("./view.js").Shown} parts.view
 * @param {() => string} parts.name a sentence for screen readers.
 * @param {() => import("./marks.js").Mark[]} [parts.marks]
 * @param {() => {over?: number, under?: number, state?: string}[]} [parts.limits] drawn as lines.
 * @param {() => {begin: number, end: number|null, reason: string}[]} [parts.gaps] drawn hatched.
 * @param {(summaries: import("./grid.js").Summary[]) => void} [parts.onSummary] is called with each drawing, one for each curve.
 * @param {(at: {time: number, values: (import("./figure.js").AtPointer|null)[]}|null) => void} [parts.onPoint] is called when the
 *   pointer moves.
 * @param {string} [parts.group] plots of one group share the pointer's time.
 * @param {boolean} [parts.isSmall] without axes.
 * @param {() => boolean} [parts.isWide] whether there is room for a second axis also where there is none.
 * @param {() => number} [parts.scale] by which what stands around the curves is larger than usual.
 * @param {() => any} [parts.changes] reads the signals whose change is drawn at once.
 * @param {() => boolean} [parts.isLog]
 * @param {() => [number, number]|null} [parts.least] a range of values that is always shown.
 * @param {() => import("./scales.js").Range[]|null} [parts.locked] the ranges, where they do not follow the values.
 * @param {(ranges: import("./scales.js").Range[]) => void} [parts.onRange] is told the ranges that are drawn.
 * @param {import("./zoom.js").Target & {watch: (moved: () => void) => () => void, marked: () => import("./zoom.js").Span|null}}
 *   [parts.target] what gestures change; without it there are none.
 * @param {string} [parts.testid]
 * @returns {Element}
 */
export function plot(parts) {
  const { view, name, target, isSmall = false, testid = "plot" } = parts;
  const failure = signal("");
  const face = h(
    "p.plot-failed",
    { role: "status", hidden: () => failure.value === "" },
    () => `Cannot be drawn: ${failure.value}`,
  );
  const element = h("div.plot", { testid, class: isSmall ? "small" : "" }, face);
  /** @type {import("./figure.js").Drawn} */
  const drawn = {
    from: 0,
    to: 1,
    lanes: [],
    inks: [],
    axes: [],
    scales: [],
    limits: [],
    gaps: [],
    marked: null,
    sizes: sizesFor(1),
  };
  /** @type {any} */
  let figure = null;
  let shape = "";
  let endGestures = () => {};
  let [width, height] = [0, 0];
  /** Which still view is drawn. @type {string|null} */
  let stands = null;

  const draw = () => {
    if (width < 20 || uPlot === null) return 200;
    const next = view();
    const isSame = next.still !== null && next.still === stands;
    if (isSame && figure?.width === width && figure.height === height) return 100;
    const grid = gridOf(parts, drawn, next, [width, height]);
    const summaries = take(parts, drawn, grid, height);
    const { font, right, xAxis } = drawn.sizes;
    const now = `${drawn.lanes.length} ${drawn.scales.length} ${drawn.inks} ${font} ${right} ${xAxis}`;
    if (figure !== null && shape !== now) forget();
    shape = now;
    figure ??= make();
    if (figure.width !== width || figure.height !== height) figure.setSize({ width, height });
    thinOut(figure, drawn);
    show(figure, dataOf(grid, drawn));
    stands = next.still;
    failure.value = "";
    parts.onSummary?.(summaries);
    parts.onRange?.(drawn.scales.map(({ range }) => range));
    return Math.min(1000, grid.width * 1000);
  };
  const make = () => {
    const { group, marks = () => [], onPoint = () => {} } = parts;
    const made = new uPlot(figureOptions({ width, height, drawn, isSmall, group, marks, onPoint }), [[]], element);
    made.root.querySelector("canvas").setAttribute("role", "img");
    label(made, name(), target !== undefined);
    if (target !== undefined) endGestures = zooming(made.over, target);
    return made;
  };
  const forget = () => {
    endGestures();
    figure?.destroy();
    figure = stands = null;
  };
  const failed = (error) => {
    failure.value = error.message;
    forget();
  };

  const drawing = redraw(element, draw, failed);
  const again = () => {
    stands = null;
    drawing.now();
  };
  loading.then(drawing.now, failed);
  const sizes = new ResizeObserver(([entry]) => {
    [width, height] = [Math.floor(entry.contentRect.width), Math.floor(entry.contentRect.height)];
    width = Math.min(width, Math.floor(WIDEST / devicePixelRatio));
    drawing.now();
  });
  sizes.observe(element);
  effect(() => {
    if (palette.value && zone.value) figure?.redraw(false, true);
  });
  effect(() => {
    const text = name();
    if (figure !== null) label(figure, text, target !== undefined);
  });
  effect(() => {
    parts.changes?.();
    parts.curves();
    again();
  });
  if (target !== undefined) onCleanup(target.watch(() => drawing.now(true)));
  onCleanup(() => {
    drawing.end();
    sizes.disconnect();
    forget();
  });
  return element;
}

/** The columns of the plot. @param {any} parts @param {import("./figure.js").Drawn} drawn */
function gridOf(parts, drawn, { from, to, isMoving = false }, [width, height]) {
  const units = unitsOf(parts.curves().map((one) => one.unit?.() ?? "")).length;
  drawn.sizes = sizesFor(parts.scale?.() ?? 1, parts.isWide?.() ?? false, height);
  const { yAxis, right } = drawn.sizes;
  const beside = parts.isSmall ? 0 : yAxis + (units > 1 ? yAxis : right);
  [drawn.from, drawn.to] = [from, to];
  const pixels = Math.max(50, width - beside);
  const grid = new Grid(from, to, isMoving ? Math.ceil(pixels / 2) : pixels, pixels);
  grid.asker = drawn;
  return grid;
}

/** Read the curves, and what is drawn beside them. @returns {import("./grid.js").Summary[]} of each curve. */
function take(parts, drawn, grid, height) {
  const curves = parts.curves();
  const units = unitsOf(curves.map((one) => one.unit?.() ?? ""));
  drawn.lanes = curves.map(({ source, isHidden = () => false }) => {
    const lane = new Lane(grid);
    source.seen?.((grid.to - grid.from) / grid.pixels);
    if (!isHidden()) source.fill(lane);
    lane.close();
    return lane;
  });
  drawn.inks = curves.map(({ ink = 0 }) => ink);
  drawn.axes = curves.map((one) => units.indexOf(one.unit?.() ?? ""));
  const { above, xAxis, ySpace } = drawn.sizes;
  const locked = parts.locked?.() ?? null;
  const wanted = { isLog: parts.isLog?.() ?? false, least: parts.least?.() ?? null };
  drawn.scales = (units.length ? units : [""]).map((unit, index) => {
    const [low, high] = extentOf(drawn.lanes.filter((_, lane) => drawn.axes[lane] === index));
    const range = locked?.[index] ?? rangeOf(low, high, wanted);
    return { unit, range, ticks: ticksIn(range, (height - above - xAxis) / ySpace) };
  });
  drawn.limits = parts.limits?.() ?? [];
  drawn.gaps = parts.gaps?.() ?? [];
  drawn.marked = parts.target?.marked() ?? null;
  return drawn.lanes.map(({ summary }) => summary);
}

/** The least and the greatest value in view; of what is beside it, where nothing is. @returns {[number, number]|[null, null]} */
function extentOf(lanes) {
  let [low, high] = [Infinity, -Infinity];
  for (const { summary } of lanes) [low, high] = [Math.min(low, summary.min), Math.max(high, summary.max)];
  for (const lane of low <= high ? [] : lanes)
    for (const [column, count] of lane.counts.entries())
      if (count > 0) [low, high] = [Math.min(low, lane.lows[column]), Math.max(high, lane.highs[column])];
  return low <= high ? [low, high] : [null, null];
}

/** Draw data, and the axes anew: uPlot itself sees no change of the range, which is always 0 to 1. */
function show(figure, data) {
  figure.batch(() => {
    figure.setData(data, true);
    figure.redraw(false, true);
  });
}

function label(figure, name, isActive) {
  figure.root.querySelector("canvas").setAttribute("aria-label", name);
  if (!isActive) return;
  const words = { tabindex: "0", role: "application", "aria-label": `${name} Arrow keys move the time, + and − zoom.` };
  for (const [key, value] of Object.entries(words)) figure.over.setAttribute(key, value);
}

/**
 * What a plot shows, as a sentence for those who do not see it.
 * @param {string} label @param {string} unit
 * @param {import("./grid.js").Summary|null} summary @param {import("../format.js").Precision|null} precision
 */
export function describe(label, unit, summary, precision) {
  if (summary === null || summary.count === 0) return `${label}: no values in this window.`;
  const say = (value) => `${measure(value, precision)}${unit ? ` ${unit}` : ""}`;
  const { count, min, max, mean } = summary;
  return `${label}: ${count} values in this window, from ${say(min)} to ${say(max)}, ${say(mean)} on average.`;
}
