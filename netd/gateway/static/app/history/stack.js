/** The plots of the history, one above the other, on one time and with one pointer. */

import { channel, describe as described } from "../channels.js";
import { serverNow } from "../connection.js";
import { each, h, when } from "../dom.js";
import { measure, precisionOf, visible } from "../format.js";
import { describe } from "../plots/plot.js";
import { sharing, unitsOf, whyNotLog } from "../plots/scales.js";
import { timePlot } from "../plots/time_plot.js";
import { inkOf } from "../plots/figure.js";
import { computed, effect, signal } from "../signal.js";
import { clustered, nextOf } from "./figures.js";
import * as state from "./state.js";

/** The part of the window within which the pointers of two plots are at the same time: live plots are not drawn at once. */
const PIXEL = 1 / 500;
/** How many colours there are. */
const INKS = 8;
/** How many lines of marks a plot has at most. */
const MOST_LINES = 40;

/** The plots. A plot with a third unit is drawn as several, each with two at most. */
export const stack = () =>
  h(
    "div.history-stack",
    { testid: "history-stack" },
    each(
      () => state.plots.value.map((subjects, index) => ({ subjects, index })),
      ({ subjects }) => subjects.join("+"),
      (item) => plotCard(item),
    ),
  );

/** Whether one of the plots has two units: then all have room for two axes, and their times stand one above the other. */
export const isWide = () => state.plots.value.some((subjects) => unitsOf(subjects.map(unitOf)).length > 1);

const unitOf = (subject) => state.bySubject.value.get(subject)?.unit ?? "";
const labelOf = (subject) => state.bySubject.value.get(subject)?.label || subject;

/** The number of a subject's colour: alone it is the first one, so that a stack of single plots is calm. */
const inkIn = (subjects, subject) => Math.max(0, subjects.indexOf(subject)) % INKS;

function plotCard(item) {
  const { subjects } = item.peek();
  const key = subjects[0];
  const channels = subjects.map((subject) => channel(subject));
  effect(() => {
    for (const subject of subjects)
      if (state.bySubject.value.has(subject)) described(subject, state.bySubject.value.get(subject) ?? {});
  });
  /** @type {import("../signal.js").Writable<import("../plots/grid.js").Summary[]>} */
  const summaries = signal([]);
  let ranges = /** @type {import("../plots/scales.js").Range[]} */ ([]);
  const groups = computed(() => sharing(subjects, unitOf));
  const isLog = () => state.logarithmic.value.has(key);
  const objection = () => (isLog() ? whyNotLog(Math.min(...summaries.value.map(({ min }) => min))) : "");
  const press = (name) => keyPressed(name, { index: item.peek().index, key, subjects, ranges: () => ranges });
  const one = (group) => {
    const members = group.peek();
    return timePlot({
      view: state.view,
      curves: () =>
        members.map((subject) => ({
          source: channels[subjects.indexOf(subject)],
          unit: () => unitOf(subject),
          ink: inkIn(subjects, subject),
          isHidden: () => state.hidden.value.has(subject),
        })),
      name: () => members.map((subject) => labelOf(subject)).join(", ") + ".",
      group: "history",
      marks: marksOfWindow,
      isLog,
      isWide,
      locked: () => state.locked.value.get(key) ?? null,
      onRange: (found) => (ranges = found),
      onSummary: (found) => (summaries.value = found),
      onPoint: (at) => point(members, at),
      changes: () => [isWide(), state.happened.value, state.hidden.value, state.logarithmic.value, state.locked.value],
      press,
      testid: "history-plot",
    });
  };
  const drop = (event) => {
    event.preventDefault();
    const subject = event.dataTransfer.getData("text/plain");
    if (state.bySubject.peek().has(subject)) state.overlay(subject, item.peek().index);
  };
  return h(
    "section.panel.history-plot",
    {
      testid: "history-card",
      "data-subjects": subjects.join("+"),
      "aria-label": subjects.join(", "),
      ondragover: (event) => event.preventDefault(),
      ondrop: drop,
    },
    h(
      "header.history-legend",
      {},
      subjects.map((subject) => legendButton(subjects, subject)),
      tools(item, key, () => ranges),
    ),
    when(objection, () => h("p.hint", { role: "status" }, objection)),
    each(
      () => groups.value,
      (group) => group.join("+"),
      one,
    ),
    h("p.offscreen", {}, () => subjects.map((subject, index) => sentence(subject, summaries.value[index])).join(" ")),
  );
}

/** Of the marks that stand together, the first: an alert that comes and goes must not cover the curves. */
function marksOfWindow() {
  const { from, to } = state.view.read();
  const seen = state.happened.peek().filter((one) => isMarked(one) && one.time >= from && one.time <= to);
  return clustered(seen, (time) => ((time - from) / (to - from)) * MOST_LINES, 1).map(({ all: [first] }) => asMark(first));
}

/** Commands have signs in the lane alone: lines over each plot would be too many. */
const isMarked = ({ until, kind }) => until === null && kind !== "command";
/** @returns {import("../plots/marks.js").Mark} */
const asMark = ({ time, kind }) => ({ time, kind: kind === "alert" ? "trouble" : kind === "connect" ? "ok" : "gone", word: "" });

const sentence = (subject, summary) => describe(labelOf(subject), unitOf(subject), summary ?? null, null);

/** Keep what is at the pointer, for legend and drawer. */
function point(members, at) {
  if (at === null) {
    if (state.pointed.peek() !== null) state.pointed.value = null;
    return;
  }
  const before = state.pointed.peek();
  const { from, to } = state.view.read();
  const isSame = before !== null && Math.abs(before.time - at.time) < (to - from) * PIXEL;
  const values = new Map(isSame ? before.values : []);
  members.forEach((subject, index) => values.set(subject, at.values[index]));
  state.pointed.value = { time: at.time, values };
}

function legendButton(subjects, subject) {
  const value = () => {
    const at = state.pointed.value?.values.get(subject);
    return at ? `${measure(at.value, precisionOf(Number(at.value.toPrecision(5))))}\u00a0${unitOf(subject)}` : unitOf(subject);
  };
  const attributes = {
    type: "button",
    testid: "legend",
    "data-subject": subject,
    "aria-pressed": () => String(!state.hidden.value.has(subject)),
    title: `${subject}: press hides it, twice shows it alone`,
    onclick: () => state.toggleHidden(subject),
    ondblclick: () => state.toggleHidden(subject, subjects),
  };
  const name = () => visible(labelOf(subject));
  return h(
    "button.quiet.legend",
    attributes,
    h("span.swatch", { class: `ink-${inkOf(inkIn(subjects, subject))}`, "aria-hidden": "true" }),
    h("span", {}, name),
    h("span.legend-value", {}, value),
  );
}

function tools(item, key, ranges) {
  const { subjects } = item.peek();
  const isLog = () => state.logarithmic.value.has(key);
  const tool = (word, title, isPressed, onclick, testid) =>
    h(
      "button.quiet",
      {
        type: "button",
        title,
        testid,
        "aria-label": `${word} – ${title}: ${subjects.join(", ")}`,
        "aria-pressed": isPressed === null ? null : () => String(isPressed()),
        onclick,
      },
      word,
    );
  return h(
    "span.panel-aside",
    {},
    tool("log", "Logarithmic scale (l)", isLog, () => state.toggleLog(key), "log"),
    tool(
      "lock",
      "Lock the scale (y)",
      () => state.locked.value.has(key),
      () => state.toggleLock(key, ranges()),
      "lock",
    ),
    when(
      () => state.plots.value.length > 1 || subjects.length > 1,
      () =>
        tool(
          subjects.length > 1 ? "split" : "overlay",
          subjects.length > 1 ? "Take apart (o)" : "Draw over its neighbour (o)",
          null,
          () => state.join(item.peek().index),
          "overlay",
        ),
    ),
    tool("×", "Remove the plot", null, () => state.removePlot(item.peek().index), "remove-plot"),
  );
}

/** A further key on a plot; whether it means something. */
function keyPressed(name, { index, key, subjects, ranges }) {
  const { from, to } = state.view.read();
  const middle = (from + to) / 2;
  if (name === "." || name === ",") {
    const next = nextOf(state.happened.peek(), middle, name === "." ? 1 : -1);
    if (next !== null) state.view.go({ from: next.time - (to - from) / 2, to: next.time + (to - from) / 2 });
  } else if (name === "l") state.toggleLog(key);
  else if (name === "y") state.toggleLock(key, ranges());
  else if (name === "o") {
    state.join(index);
    focusPlotOf(key);
  }
  else if (name === "n") state.noted.value = state.view.marked.peek() ?? at(state.pointed.peek()?.time ?? middle);
  else if (name === "c") copyValues(subjects);
  else if (name === "Home" && Number.isFinite(state.whole.peek().from)) {
    const begin = state.whole.peek().from;
    state.view.go({ from: begin, to: Math.min(begin + (to - from), Math.max(begin + 1, serverNow())) });
  } else return false;
  return true;
}

/** Milliseconds between two looks for a plot that is to have the focus, and how many. */
const LOOK = 50;
const LOOKS = 20;

/** Give the plot of *subject* the focus as soon as it is there: plots that are joined, or taken apart, are other ones. */
function focusPlotOf(subject, looks = LOOKS) {
  const cards = /** @type {NodeListOf<HTMLElement>} */ (document.querySelectorAll(".history-stack > [data-subjects]"));
  const card = [...cards].find((one) => one.isConnected && one.dataset.subjects?.split("+").includes(subject));
  const over = /** @type {HTMLElement|null|undefined} */ (card?.querySelector(".u-over"));
  if (over && document.activeElement === document.body) over.focus({ preventScroll: true });
  else if (looks > 0) setTimeout(() => focusPlotOf(subject, looks - 1), LOOK);
}

const at = (time) => ({ from: time, to: time });

/** Copy the values at the pointer as lines of subject and value. @param {string[]} subjects */
function copyValues(subjects) {
  const pointed = state.pointed.peek();
  if (pointed === null) return;
  const lines = subjects.flatMap((subject) => {
    const found = pointed.values.get(subject);
    return found ? [`${new Date(found.time * 1000).toISOString()}\t${subject}\t${found.value}\t${unitOf(subject)}`] : [];
  });
  navigator.clipboard?.writeText(lines.join("\n")).catch(() => {});
}
