/** The whole recording in small, with the window that is shown as a part of it that can be moved. */

import { archive } from "../channels.js";
import { serverNow } from "../connection.js";
import { h } from "../dom.js";
import { Past } from "../plots/past.js";
import { plot } from "../plots/plot.js";
import { shifted, viewAfter } from "../plots/zoom.js";
import { timeWritten } from "../said_times.js";
import { computed, effect, onCleanup, signal } from "../signal.js";
import { zone } from "../zones.js";
import { answers } from "../channels.js";
import { plots, view, whole } from "./state.js";

/** Milliseconds between two looks while time goes on. */
const BEAT = 1000;
/** The least width of the window in the overview, as a part. */
const LEAST = 0.004;

export function brush() {
  const past = computed(() => {
    const [first] = plots.value.flat();
    return first === undefined ? null : new Past(archive, first);
  });
  const all = () => {
    const { from, to } = whole.value;
    const end = Math.max(to, serverNow());
    return Number.isFinite(from) ? { from: from - (end - from) * 0.01, to: end } : { from: end - 3600, to: end };
  };
  const picture = plot({
    curves: () => (past.value === null ? [] : [{ source: past.value }]),
    view: () => ({ ...coarse(all()), still: null }),
    name: () => `The whole recording of ${plots.value.flat()[0] ?? "nothing"}.`,
    isSmall: true,
    changes: () => [answers.value, whole.value],
    testid: "overview-plot",
  });
  const handle = h("div.brush-window", {
    testid: "brush",
    tabindex: "0",
    role: "slider",
    "aria-label": "Window in the whole recording",
    "aria-valuemin": "0",
    "aria-valuemax": "100",
  });
  const strip = h("div.brush", {}, picture, handle);
  const shown = signal({ left: 0, width: 1 });
  const look = () => {
    const { from, to } = all();
    const span = view.read();
    const [left, right] = [span.from, span.to].map((time) => Math.min(1, Math.max(0, (time - from) / (to - from))));
    const width = Math.max(LEAST, right - left);
    shown.value = { left: Math.min(left, 1 - width), width };
  };
  effect(() => {
    void [view.fixed.value, view.seconds.value, whole.value];
    look();
  });
  effect(() => {
    handle.style.setProperty("--left", `${100 * shown.value.left}%`);
    handle.style.setProperty("--width", `${100 * shown.value.width}%`);
    const { from, to } = view.read();
    handle.setAttribute("aria-valuenow", String(Math.round(100 * (shown.value.left + shown.value.width / 2))));
    handle.setAttribute("aria-valuetext", `${timeWritten(from, zone.value)} to ${timeWritten(to, zone.value)}`);
  });
  const beat = setInterval(() => document.hidden || look(), BEAT);
  const end = view.watch(look);
  onCleanup(() => {
    clearInterval(beat);
    end();
  });
  moving(strip, handle, all);
  return strip;
}

/** The whole, to a thousandth: its end moves all the time, and the picture need not. */
function coarse({ from, to }) {
  const step = Math.max(1, (to - from) / 1000);
  return { from, to: Math.ceil(to / step) * step };
}

/** Move the window by pointer and keys. */
function moving(strip, handle, all) {
  let start = /** @type {{x: number, view: import("../plots/zoom.js").Span}|null} */ (null);
  const seconds = (pixels) => (pixels / strip.getBoundingClientRect().width) * (all().to - all().from);
  strip.addEventListener("pointerdown", (event) => {
    if (event.button !== 0) return;
    strip.setPointerCapture(event.pointerId);
    let span = view.read();
    if (event.target !== handle) {
      const middle = all().from + seconds(event.clientX - strip.getBoundingClientRect().left);
      span = shifted(span, (middle - (span.from + span.to) / 2) / (span.to - span.from));
      view.show(span);
    }
    start = { x: event.clientX, view: span };
  });
  strip.addEventListener("pointermove", (event) => {
    if (start === null) return;
    const by = seconds(event.clientX - start.x);
    if (by !== 0) view.show({ from: start.view.from + by, to: start.view.to + by });
  });
  const done = () => {
    if (start !== null) view.done();
    start = null;
  };
  strip.addEventListener("pointerup", done);
  strip.addEventListener("pointercancel", done);
  handle.addEventListener("keydown", (event) => {
    const next = viewAfter(event.key, view.read());
    if (event.key === "End") view.live();
    else if (next !== undefined) view.go(next);
    else return;
    event.preventDefault();
  });
}
