/** What the page of the history shows. It is kept while other pages are looked at, and stands in the address. */

import { answers, archive } from "../channels.js";
import { serverNow } from "../connection.js";
import { View } from "../plots/view.js";
import { page, place } from "../router.js";
import { computed, effect, signal } from "../signal.js";
import { zone } from "../zones.js";
import { addressFor, joined, overlaid, shownBy, toggled, USUAL } from "./address.js";

/** @template T @typedef {import("../signal.js").Writable<T>} Writable */

export const view = new View(USUAL, write);

/** The subjects of each plot. @type {Writable<string[][]>} */
export const plots = signal([]);

/** The run that was chosen. @type {Writable<number|null>} */
export const run = signal(null);

/** What of the address says no time; "" where all does. */
export const misread = signal("");

/** All series that were ever recorded. @type {Writable<import("./tree.js").Recorded[]>} */
export const recorded = signal([]);

/** The subjects that the legend hides. @type {Writable<Set<string>>} */
export const hidden = signal(new Set());

/** The plots, by their first subject, with a logarithmic scale, and those whose scale is locked. @type {Writable<Set<string>>} */
export const logarithmic = signal(new Set());
/** @type {Writable<Map<string, import("../plots/scales.js").Range[]>>} */
export const locked = signal(new Map());

/** What happened in the window, in the order of time. @type {Writable<import("./figures.js").Happening[]>} */
export const happened = signal([]);

/** What is at the pointer: values by subject. @type {Writable<{time: number, values: Map<string, any>}|null>} */
export const pointed = signal(null);

/** The time, or times, for which a note is being written. @type {Writable<import("../plots/zoom.js").Span|null>} */
export const noted = signal(null);

/** The numeric series by subject, the newest of several units. */
export const bySubject = computed(() => new Map(recorded.value.filter((one) => one.numeric).map((one) => [one.subject, one])));

/** The first and the last time of everything. */
export const whole = computed(() => {
  const all = [...bySubject.value.values()];
  return { from: Math.min(...all.map(({ first }) => first)), to: Math.max(...all.map(({ last }) => last)) };
});

/** The address of what is shown. */
const address = () =>
  addressFor({ plots: plots.peek(), seconds: view.seconds.peek(), fixed: view.fixed.peek(), run: run.peek() });

/** Put what is shown into the address: a new entry of the browser's history, so that Back leads to what was shown before. */
function write() {
  if (page.peek() === "history" && location.hash !== address()) history.pushState(null, "", address());
}

/** Show other plots. @param {string[][]} next */
function showPlots(next) {
  if (next === plots.peek()) return;
  plots.value = next;
  write();
}

export const toggle = (subject) => showPlots(toggled(plots.peek(), subject));
export const overlay = (subject, index) => showPlots(overlaid(plots.peek(), subject, index));
export const join = (index) => showPlots(joined(plots.peek(), index));
export const removePlot = (index) => showPlots(plots.peek().filter((_, one) => one !== index));

/** Show a run: its time, and nothing else is changed. @param {{run: number, begin: number, end: number|null}} chosen */
export function showRun({ run: number, begin, end }) {
  misread.value = "";
  run.value = number;
  view.go({ from: begin, to: Math.max(begin + 1, end ?? serverNow()) });
}

/** The run that an address names without a time. @type {number|null} */
let asked = null;

/** Show the run that the address asks for, as soon as its time is known. @param {any[]} runs */
export function showAsked(runs) {
  const found = runs.find((one) => one.run === asked);
  if (found === undefined) return;
  asked = null;
  showRun(found);
}

/** Choose a logarithmic scale for a plot, or a linear one. @param {string} key */
export function toggleLog(key) {
  const next = new Set(logarithmic.peek());
  if (!next.delete(key)) next.add(key);
  logarithmic.value = next;
}

/** Lock the scales of a plot as they are, or have them follow the values. @param {string} key */
export function toggleLock(key, ranges) {
  const next = new Map(locked.peek());
  if (!next.delete(key)) next.set(key, ranges);
  locked.value = next;
}

/** Hide a curve, or show it; or this one alone. @param {string} subject @param {string[]|null} [others] those of its plot. */
export function toggleHidden(subject, others = null) {
  const next = new Set(hidden.peek());
  if (others === null) {
    if (!next.delete(subject)) next.add(subject);
  } else {
    const isSolo = others.every((one) => (one === subject) !== next.has(one));
    for (const one of others) {
      if (isSolo || one === subject) next.delete(one);
      else next.add(one);
    }
  }
  hidden.value = next;
}

/** Show a note that was just written, before it is asked for. @param {any} note of `history.annotate`. */
export function addNote(note) {
  archive.notes.set(note.note, note);
  answers.value += 1;
}

/** Follow the address. It is read when the page opens, and when the browser goes back. */
export function followAddress() {
  effect(() => {
    const { page: name, query } = place.value;
    if (name !== "history" || (Object.keys(query).length === 0 && plots.peek().length > 0)) return;
    const shown = shownBy(query, serverNow(), zone.peek());
    plots.value = shown.plots;
    run.value = shown.run;
    asked = query.from === undefined ? shown.run : null;
    view.set(shown.seconds, shown.fixed);
    misread.value = shown.trouble ?? "";
  });
}
