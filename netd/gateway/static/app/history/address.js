/** What a history page shows, as its address tells it: #/history?s=a.b,c.d+e.f&from=…&to=…&run=…. Pure. */

import { spanSaid, spanWritten, timeSaid } from "../said_times.js";

/** The length of a window that nobody has chosen, in seconds. */
export const USUAL = 3600;
const MOST_PLOTS = 20;
const MOST_CURVES = 10;

/**
 * @typedef {object} Shown
 * @property {string[][]} plots the subjects of each plot.
 * @property {number} seconds the length of the window that goes on with time.
 * @property {import("../plots/zoom.js").Span|null} fixed the window that stands still; null where it goes on with time.
 * @property {number|null} run
 * @property {string} [trouble] what of the address says nothing.
 */

/** A plus between two subjects is read as a space there. @param {Record<string, string>} query of the address. @param {number} now @param {string} zone @returns {Shown} */
export function shownBy({ s = "", from = "", to = "", run = "" }, now, zone) {
  const plots = s
    .split(",")
    .map((plot) => [...new Set(plot.split(/[+ ]/).filter(Boolean))].slice(0, MOST_CURVES))
    .filter((plot) => plot.length > 0)
    .slice(0, MOST_PLOTS);
  const seconds = from.startsWith("-") ? (spanSaid(from.slice(1)) ?? USUAL) : USUAL;
  const [begin, end] = [timeSaid(from, now, zone), to === "" ? now : timeSaid(to, now, zone)];
  const isLive = from === "" || (from.startsWith("-") && (to === "" || to === "now"));
  const fixed = isLive || begin === null || end === null || begin >= end ? null : { from: begin, to: end };
  const number = /^\d+$/.test(run) ? Number(run) : null;
  const wrong = [from !== "" && begin === null ? from : "", end === null ? to : ""].filter(Boolean);
  const trouble = wrong.length ? noTime(wrong) : !isLive && fixed === null ? BACKWARDS : "";
  return { plots, seconds, fixed, run: number, trouble };
}

const BACKWARDS = "The beginning is not before the end.";
const noTime = (wrong) =>
  `This is no time: ${wrong.join(", ")}. Write one such as yesterday, 14:00, -8h or 2026-11-28 22:00.`;

/**
 * The window that two fields say; it goes on with time from a span until now, and stands still from a time of the clock: a second
 * person who is sent its address sees the same. An empty end is now.
 * @param {string} from @param {string} to @param {number} now @param {string} zone
 * @returns {{seconds?: number, fixed?: import("../plots/zoom.js").Span, trouble?: string}}
 */
export function windowSaid(from, to, now, zone) {
  const isOpen = ["", "now"].includes(to.trim().toLowerCase());
  const [begin, end] = [timeSaid(from, now, zone), isOpen ? now : timeSaid(to, now, zone)];
  if (begin === null || end === null)
    return { trouble: noTime([begin === null ? from.trim() || "an empty beginning" : "", end === null ? to : ""].filter(Boolean)) };
  if (begin >= end) return { trouble: BACKWARDS };
  const isSpan = spanSaid(from.trim().toLowerCase().replace(/^-\s*/, "")) !== null;
  return isOpen && isSpan ? { seconds: end - begin } : { fixed: { from: begin, to: end } };
}

/** @param {Shown} shown @returns {string} */
export function addressFor({ plots, seconds, fixed, run }) {
  const parts = [];
  if (plots.length > 0) parts.push(`s=${plots.map((plot) => plot.map(encodeURIComponent).join("+")).join(",")}`);
  if (fixed !== null) parts.push(`from=${Number(fixed.from.toFixed(3))}`, `to=${Number(fixed.to.toFixed(3))}`);
  else if (seconds !== USUAL) parts.push(`from=-${spanWritten(seconds)}`);
  if (run !== null) parts.push(`run=${run}`);
  return `#/history${parts.length ? `?${parts.join("&")}` : ""}`;
}

/** *plots* with *subject* as a plot of its own, or without it where it is there. @param {string[][]} plots */
export function toggled(plots, subject) {
  if (plots.flat().includes(subject))
    return plots.map((plot) => plot.filter((one) => one !== subject)).filter((plot) => plot.length);
  return plots.length < MOST_PLOTS ? [...plots, [subject]] : plots;
}

/** *plots* with *subject* drawn in plot *index*. @param {string[][]} plots */
export function overlaid(plots, subject, index) {
  const target = plots[index];
  if (target === undefined || target.includes(subject) || target.length >= MOST_CURVES) return plots;
  const others = plots.map((plot) => (plot === target ? [...plot, subject] : plot.filter((one) => one !== subject)));
  return others.filter((plot) => plot.length > 0);
}

/** *plots* after `o` on plot *index*: one of several is taken apart; another is put on the one above, or takes the one below. */
export function joined(plots, index) {
  const plot = plots[index];
  if (plot === undefined) return plots;
  if (plot.length > 1) return [...plots.slice(0, index), ...plot.map((one) => [one]), ...plots.slice(index + 1)];
  const [upper, lower] = index > 0 ? [index - 1, index] : [0, 1];
  if (plots[lower] === undefined || plots[upper].length + plots[lower].length > MOST_CURVES) return plots;
  return [...plots.slice(0, upper), [...plots[upper], ...plots[lower]], ...plots.slice(lower + 1)];
}
