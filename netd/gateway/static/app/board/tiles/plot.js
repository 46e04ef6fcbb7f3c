/** A tile with channels over time, in one plot, or in several where they have more than two units. */

import { serverClock } from "../../connection.js";
import { choice, each, h, when } from "../../dom.js";
import { ago, excerpt } from "../../format.js";
import { inkOf } from "../../plots/figure.js";
import { describe } from "../../plots/plot.js";
import { whileRead } from "../../plots/redraw.js";
import { sharing } from "../../plots/scales.js";
import { timePlot } from "../../plots/time_plot.js";
import { View } from "../../plots/view.js";
import { computed, onCleanup, signal } from "../../signal.js";
import { isOld } from "../judge.js";
import { followed, isPattern, nameOf, spelled, written } from "../values.js";

/** @typedef {import("../values.js").Channel} Channel */

/** How many channels a tile draws; those of a pattern. */
const MOST = 20;
/** The usual size of the text of a page, in pixels; on a wall it grows with the screen. */
const USUAL = 16;
/** The summary for screen readers changes with one of so many drawings. */
const SUMMARISED = 100;

/** @param {import("../model.js").Tile} tile @param {import("./frame.js").Surroundings} around */
export function plotTile(tile, around) {
  const { channels, refusal } = followed(tile.subjects, MOST);
  const view = Number(tile.window) > 0 ? new View(Number(tile.window)) : around.view;
  const groups = computed(() =>
    sharing(channels.value, unitOf).map((group) => group.map((one) => ({ one, ink: channels.value.indexOf(one) }))),
  );
  const beat = signal(0);
  const body = h(
    "div.tile-plot",
    { testid: "plot-tile" },
    legend(channels, beat),
    when(
      () => channels.value.length === 0,
      () => h("p.hint", {}, () => refusal() || "No channel of this pattern has said anything yet."),
    ),
    choice(
      () => groups.value,
      (all) =>
        h(
          "div.tile-plots",
          {},
          all.map((group) => curves(group, tile, view, around)),
        ),
    ),
  );
  onCleanup(whileRead(body, () => (beat.value += 1)));
  const subjects = (tile.subjects ?? []).map(String);
  const title = () => (subjects.some(isPattern) ? subjects.map(spelled) : channels.value.map(nameOf)).join(", ");
  return { body, title };
}

/** @param {Channel} one */
const unitOf = (one) => one.described.value.unit;

/** @param {{one: Channel, ink: number}[]} group @param {any} tile @param {View} view @param {import("./frame.js").Surroundings} around */
function curves(group, tile, view, around) {
  const [low, high] = [tile.low, tile.high].map((bound) => (Number.isFinite(bound) ? bound : null));
  const isFixed = low !== null && high !== null && low < high;
  const bounds = [low, high].filter((bound) => bound !== null);
  const names = () => group.map(({ one }) => nameOf(one)).join(", ");
  /** @type {import("../../plots/grid.js").Summary|null} */
  let summary = null;
  const sentence = signal("");
  const summarise = () => (sentence.value = describe(names(), unitOf(group[0].one), summary, group[0].one.precision));
  summarise();
  let drawings = 0;
  return timePlot({
    curves: () => group.map(({ one, ink }) => ({ source: one, unit: () => unitOf(one), ink })),
    view,
    name: () => sentence.value,
    marks: () => group.flatMap(({ one }) => one.marks),
    limits: () => tile.limits ?? [],
    locked: () => (isFixed ? [{ bottom: low, top: high }] : null),
    least: () => (isFixed || bounds.length === 0 ? null : [bounds[0], bounds[0]]),
    isLog: () => tile.log === true,
    group: "board",
    scale: () => (around.isWall ? parseFloat(getComputedStyle(document.documentElement).fontSize) / USUAL : 1),
    onSummary: ([first]) => {
      summary = first;
      if (drawings++ % SUMMARISED === 1) summarise();
    },
  });
}

/** The newest values, in the colours of the curves. */
function legend(channels, beat) {
  const item = (read) => {
    const one = read.peek();
    const old = () => (void beat.value, one.live.total > 0 && isOld(one.live.lastTime, one.live.usual, serverClock.value));
    return h(
      "li",
      { class: () => (old() ? "old" : ""), testid: "legend", "data-subject": one.subject },
      h("span.swatch", { class: () => `ink-${inkOf(channels.value.indexOf(one))}`, "aria-hidden": "true" }),
      h("span", { hidden: () => channels.value.length === 1 }, () => excerpt(nameOf(one), 30)),
      h("b", {}, () => (void beat.value, written(one, one.live.last))),
      h("span.unit", {}, () => excerpt(unitOf(one), 12)),
      h("span.stale-word", { hidden: () => !old() }, () =>
        Number.isFinite(one.live.lastTime) ? ago(one.live.lastTime, serverClock.value) : "",
      ),
    );
  };
  return h(
    "ul.legend",
    { "aria-label": "Newest values" },
    each(
      () => channels.value,
      (one) => one.subject,
      item,
    ),
  );
}
