/** A tile with the newest value of a channel, large; how it moves, and which limits it has passed. */

import { serverClock, serverNow } from "../../connection.js";
import { h } from "../../dom.js";
import { ago, excerpt, measure } from "../../format.js";
import { badge } from "../../panel.js";
import { whileRead } from "../../plots/redraw.js";
import { sparkline } from "../../plots/sparkline.js";
import { onCleanup, signal } from "../../signal.js";
import { isOld, judged, trend } from "../judge.js";
import { followed, nameOf, pointsOf, READABLE, spelled, written } from "../values.js";

/** Points of the small line, and how many updates of the figures it is drawn with one of. */
const POINTS = 120;
const SELDOM = 4;
/** Seconds over which the trend is told. */
const MINUTE = 60;

/**
 * What is shown of a channel at a time.
 * @typedef {object} Figures
 * @property {string} text
 * @property {{arrow: string, word: string, change: string}|null} trend
 * @property {{state: string, word: string}|null} limit
 * @property {import("../values.js").Point[]} points
 * @property {number} time
 * @property {boolean} isOld
 */

/** @type {Figures} */
const NOTHING = { text: "–", trend: null, limit: null, points: [], time: -Infinity, isOld: false };

/**
 * @param {import("../values.js").Channel} channel @param {any} tile @param {number} seconds
 * @param {{points: import("../values.js").Point[], summary: import("../../plots/grid.js").Summary}} seen
 * @returns {Figures}
 */
function figuresOf(channel, tile, seconds, { points, summary }) {
  const { live } = channel;
  const now = serverNow();
  const last = points.findLast(isValue);
  const value = live.last ?? last?.value ?? null;
  const time = live.last === null ? (last?.time ?? -Infinity) : live.lastTime;
  const before =
    live.before(now - MINUTE).value ?? points.findLast((point) => isValue(point) && point.time <= now - MINUTE)?.value ?? null;
  const moved = trend(before, value, summary.count ? summary.max - summary.min : 0);
  const text = written(channel, value);
  const change = moved === null ? "" : signed(Number(value) - Number(before), channel.precision);
  return {
    text,
    trend: moved && { ...moved, change },
    limit: judged(value, tile.limits ?? []),
    points,
    time,
    isOld: isOld(time, Math.max(live.usual, live.last === null ? seconds / POINTS : 0), serverClock.peek()),
  };
}

const isValue = ({ value }) => value !== null;

const signed = (value, precision) => `${value < 0 ? "−" : "+"}${measure(Math.abs(value), precision)}`;

/** @param {import("../model.js").Tile} tile @param {import("./frame.js").Surroundings} around */
export function number(tile, around) {
  const subject = String(tile.subjects?.[0] ?? "");
  const { channels, refusal } = followed(subject ? [subject] : [], 1);
  const channel = () => channels.value[0];
  const figures = signal(NOTHING);
  const unit = () => excerpt(tile.unit ?? channel()?.described.value.unit ?? "", 12);
  const element = h(
    "div.tile-number",
    { class: () => (figures.value.isOld ? "old" : "") },
    digits(figures, unit),
    facts(figures, refusal),
    line(figures, subject, unit),
  );
  let updates = 0;
  /** @type {ReturnType<typeof pointsOf>} */
  let seen = { points: [], summary: { count: 0, min: 0, max: 0, mean: 0 } };
  const update = () => {
    const known = channels.peek()[0];
    if (known === undefined) return;
    const seconds = Math.max(MINUTE + 5, around.view.seconds.peek());
    known.seen(READABLE);
    if (updates++ % SELDOM === 0) seen = pointsOf(known, serverNow(), seconds, POINTS);
    figures.value = figuresOf(known, tile, seconds, seen);
    element.style.setProperty("--characters", String(figures.peek().text.length + 0.6 * unit().length));
  };
  onCleanup(whileRead(element, update));
  return { body: element, title: () => (channel() === undefined ? spelled(subject) : nameOf(channel())) };
}

const digits = (figures, unit) =>
  h(
    "p.digits",
    { testid: "tile-number", "data-state": () => figures.value.limit?.state ?? "plain" },
    h("span.value", {}, () => figures.value.text),
    h("span.unit", {}, () => (unit() ? `\u00a0${unit()}` : "")),
  );

function facts(figures, refusal) {
  const limit = () => figures.value.limit;
  const oldText = () =>
    Number.isFinite(figures.value.time) ? `last value ${ago(figures.value.time, serverClock.value)}` : "no value yet";
  const moved = () => figures.value.trend;
  return h(
    "p.number-facts",
    {},
    h(
      "span",
      { hidden: () => limit() === null },
      badge(
        () => limit()?.state ?? "plain",
        () => limit()?.word ?? "",
        { testid: "limit" },
      ),
    ),
    h("span.stale-word", { testid: "old", hidden: () => !figures.value.isOld }, () => refusal() || oldText()),
    h(
      "span.trend",
      { hidden: () => figures.value.isOld || moved() === null, title: "compared with a minute ago" },
      h("span.arrow", { "aria-hidden": "true" }, () => moved()?.arrow ?? ""),
      () => ` ${moved()?.word ?? ""}, ${moved()?.change ?? ""}`,
      h("span.trend-span", {}, " in 1 min"),
    ),
  );
}

const line = (figures, subject, unit) =>
  sparkline(
    () => figures.value.points,
    () => `${subject}, now ${figures.value.text} ${unit()}`,
  );
