/** One channel of a session: its plot, its newest value, and least, mean and greatest value of the window. */

import { knownAt, serverNow } from "../connection.js";
import { h } from "../dom.js";
import { ago, clock, measure, precisionOf } from "../format.js";
import { describe, plot } from "../plots/plot.js";
import { whileRead } from "../plots/redraw.js";
import { onCleanup, signal } from "../signal.js";
import { THIN } from "./session_watch.js";

/** The summary for screen readers changes with every so many updates of the figures: every five seconds. */
const SUMMARISED = 20;
/** Lengths from which a value is written smaller, and smaller still, so that no digit is left out. */
const LONG = 8;
const LONGER = 13;
/** Seconds after which the newest value is called old. */
const OLD = 5;
/** The shortest window of "All", in seconds. */
const LEAST_ALL = 10;
/** Where earlier samples are kept thinner than this part of the newer ones' rate, a mark says so. */
const DENSER = 0.7;

/** @template T @typedef {import("../signal.js").Writable<T>} Writable */

/**
 * The view of all plots of a page: the length of the window, and whether it is paused.
 * @typedef {{seconds: Writable<number>, isPaused: Writable<boolean>, pausedAt: Writable<number>}} Window
 */

/**
 * @param {import("./session_watch.js").Channel} channel
 * @param {() => {label: string, unit: string}} described its label and unit.
 * @param {{marks: import("../plots/marks.js").Mark[]}} watch
 * @param {Window} window
 * @param {string} group
 */
export function channelPlot(channel, described, watch, window, group) {
  const { series } = channel;
  const newest = () => {
    if (!window.isPaused.peek()) return { last: series.last, time: series.lastTime };
    const { value, time } = series.before(window.pausedAt.peek());
    return { last: value, time };
  };
  /** @type {Writable<{last: number|null, time: number, summary: import("../plots/series.js").Summary|null}>} */
  const figures = signal({ ...newest(), summary: null });
  const point = signal(/** @type {{time: number, value: number}|null} */ (null));
  const sentence = signal("");
  /** @type {import("../plots/series.js").Summary|null} */
  let summary = null;
  let updates = 0;

  const learn = () => {
    if (series.last === null) return;
    channel.precision = precisionOf(series.last, channel.precision);
    channel.length = Math.max(channel.length, measure(series.last, channel.precision).length);
  };
  const update = () => {
    learn();
    figures.value = { ...newest(), summary };
    if (updates++ % SUMMARISED === 1) summarise(); // not at the first update: nothing has been drawn then
  };
  const summarise = () =>
    (sentence.value = describe(described().label || channel.name, described().unit, summary, channel.precision));
  learn();
  summarise();

  const element = h(
    "article.channel",
    {
      testid: "channel",
      "data-channel": channel.name,
      "data-total": () => figures.value && series.total,
      "data-oldest": () => figures.value && series.oldest,
      "data-thin-until": () => figures.value && (thinMark(channel)[0]?.time ?? null),
    },
    figuresOf(channel, described, window, { figures, point }),
    plot({
      series,
      view: () => viewOf(window, series),
      name: () => sentence.value,
      group,
      marks: () => [...watch.marks, ...thinMark(channel)],
      onSummary: (found) => (summary = found),
      onPoint: (at) => (point.value = at),
      changes: () => [window.seconds.value, window.isPaused.value],
    }),
  );
  onCleanup(whileRead(element, update));
  return element;
}

/** The times that the plot shows now. */
function viewOf({ seconds, isPaused, pausedAt }, series) {
  const to = isPaused.peek() ? pausedAt.peek() : serverNow();
  const from = seconds.peek() > 0 ? to - seconds.peek() : Math.min(series.oldest, to - LEAST_ALL);
  return { from, to, still: isPaused.peek() ? `${seconds.peek()} s before ${to}` : null };
}

/**
 * The time from which the plot has all samples: netd keeps fewer of those from before this page subscribed.
 * @returns {import("../plots/marks.js").Mark[]}
 */
function thinMark({ thinUntil, series }) {
  const isThinner = thinUntil !== null && series.usual > 0 && series.usual < THIN * DENSER;
  return isThinner ? [{ time: thinUntil, kind: "before", word: "one sample a second before this" }] : [];
}

function figuresOf(channel, described, window, { figures, point }) {
  const unit = () => described().unit;
  const stat = (name) => {
    const summary = () => figures.value.summary;
    const read = () => (summary()?.count ? measure(summary()[name], channel.precision) : "–");
    return h("div", {}, h("dt", {}, name), h("dd", { testid: `channel-${name}` }, read));
  };
  return h(
    "div.channel-figures",
    {},
    h(
      "h4",
      {},
      () => described().label || channel.name,
      h("span.channel-name", { hidden: () => !described().label }, channel.name),
    ),
    h(
      "p.big",
      { testid: "channel-last", class: () => figures.value && sizeOf(channel) },
      () => measure(figures.value.last, channel.precision),
      h("span.unit", {}, () => (unit() ? `\u00a0${unit()}` : "")),
    ),
    h("p.hint", {}, () => pointText(point.value, unit(), channel.precision) || ageText(figures.value.time, window)),
    h("dl.stats", { class: () => figures.value && sizeOf(channel) }, ["min", "mean", "max"].map(stat)),
  );
}

/** The class for the size of a channel's values. */
const sizeOf = ({ length }) => (length > LONGER ? "longer" : length >= LONG ? "long" : "");

const pointText = (at, unit, precision) =>
  at === null ? "" : `${measure(at.value, precision)}${unit ? ` ${unit}` : ""} at ${clock(at.time)}`;

function ageText(time, { isPaused, pausedAt }) {
  if (isPaused.value) return `paused at ${clock(pausedAt.value)}`;
  if (!Number.isFinite(time)) return "no value yet";
  const now = knownAt.value;
  return now - time > OLD ? `last value ${ago(time, now)}` : `at ${clock(time)}`;
}
