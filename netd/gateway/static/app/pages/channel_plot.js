/** One channel of a session: its plot, its newest value, and least, mean and greatest value of the window. */

import { pinButton } from "../board/pin.js";
import { knownAt } from "../connection.js";
import { h } from "../dom.js";
import { ago, clock, measure, precisionOf } from "../format.js";
import { describe } from "../plots/plot.js";
import { whileRead } from "../plots/redraw.js";
import { timePlot } from "../plots/time_plot.js";
import { onCleanup, signal } from "../signal.js";
import { marksOf } from "./session_marks.js";

/** The summary for screen readers changes with every so many updates of the figures: every five seconds. */
const SUMMARISED = 20;
/** Lengths from which a value is written smaller, and smaller still, so that no digit is left out. */
const LONG = 8;
const LONGER = 13;
/** Seconds after which the newest value is called old. */
const OLD = 5;

/** @template T @typedef {import("../signal.js").Writable<T>} Writable */

/**
 * @param {import("../channels.js").Channel} channel
 * @param {() => {label: string, unit: string}} described its label and unit.
 * @param {object} of the session.
 * @param {any} of.watch
 * @param {import("../plots/view.js").View} of.view
 * @param {string} of.group plots of one group share the pointer's time.
 * @param {import("../signal.js").Readable<import("../history/figures.js").Happening[]>} of.happened what was recorded beside samples.
 */
export function channelPlot(channel, described, { watch, view, group, happened }) {
  const newest = () => {
    const { live } = channel;
    const fixed = view.fixed.peek();
    if (fixed === null) return { last: live.last, time: live.lastTime };
    const { value, time } = live.before(fixed.to);
    return { last: value, time };
  };
  /** @type {Writable<{last: number|null, time: number, summary: import("../plots/grid.js").Summary|null}>} */
  const figures = signal({ ...newest(), summary: null });
  const point = signal(/** @type {{time: number, value: number}|null} */ (null));
  const sentence = signal("");
  /** @type {import("../plots/grid.js").Summary|null} */
  let summary = null;
  let updates = 0;

  const learn = () => {
    const { last } = channel.live;
    if (last === null) return;
    channel.precision = precisionOf(last, channel.precision);
    channel.length = Math.max(channel.length, measure(last, channel.precision).length);
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
      "data-total": () => figures.value && channel.live.total,
      "data-oldest": () => figures.value && channel.live.oldest,
    },
    figuresOf(channel, described, view, { figures, point }),
    timePlot({
      curves: () => [{ source: channel }],
      view,
      name: () => sentence.value,
      group,
      marks: () => marksOf(watch, happened.peek()),
      changes: () => happened.value,
      onSummary: ([found]) => (summary = found),
      onPoint: (at) => (point.value = at?.values[0] ?? null),
    }),
  );
  onCleanup(whileRead(element, update));
  return element;
}

function figuresOf(channel, described, view, { figures, point }) {
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
      pinButton(() => ({ kind: "plot", subjects: [channel.subject] }), channel.name),
    ),
    h(
      "p.big",
      { testid: "channel-last", class: () => figures.value && sizeOf(channel) },
      () => measure(figures.value.last, channel.precision),
      h("span.unit", {}, () => (unit() ? `\u00a0${unit()}` : "")),
    ),
    h("p.hint", {}, () => pointText(point.value, unit(), channel.precision) || ageText(figures.value.time, view)),
    h("dl.stats", { class: () => figures.value && sizeOf(channel) }, ["min", "mean", "max"].map(stat)),
  );
}

/** The class for the size of a channel's values. */
const sizeOf = ({ length }) => (length > LONGER ? "longer" : length >= LONG ? "long" : "");

const pointText = (at, unit, precision) =>
  at === null ? "" : `${measure(at.value, precision)}${unit ? ` ${unit}` : ""} at ${clock(at.time)}`;

function ageText(time, { fixed }) {
  if (fixed.value !== null) return `paused at ${clock(fixed.value.to)}`;
  if (!Number.isFinite(time)) return "no value yet";
  const now = knownAt.value;
  return now - time > OLD ? `last value ${ago(time, now)}` : `at ${clock(time)}`;
}
