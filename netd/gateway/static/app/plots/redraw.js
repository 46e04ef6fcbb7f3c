/**
 * The clock of everything that moves: all plots at most 20 times a second, many of them less often, all figures 4 times. Only elements in view are updated,
 * and nothing in a hidden tab.
 */

const FRAME = 50;
/** The pause after each drawn plot, so that many in view leave the page its time: ten are drawn 10 times a second. */
const PER_PLOT = 10;
/**
 * Milliseconds of a frame for plots that a hand moves, of which painting takes about as many again. Those for which it is too
 * short come first in the next frame: the picture follows the hand, however many plots there are and however slow the machine is.
 */
const SHARE = 5;
/** Milliseconds between two updates of figures: people cannot read faster ones. */
const READABLE = 250;
/** Milliseconds until a plot that has failed is drawn again. */
const RESPITE = 5000;

const drawn = new Set();
const figures = new Set();
let frame = 0;
let timer = 0;
let beat = 0;
let last = 0;
/** Milliseconds from the last frame to the next one. */
let pause = FRAME;
/** Whether a hand moves a plot: then each frame of the screen counts. */
let isUrgent = false;

/** Whether each element is in view, or nearly. */
const seen = new WeakMap();
const observer = new IntersectionObserver(
  (entries) => {
    for (const entry of entries) seen.set(entry.target, entry.isIntersecting);
    schedule();
  },
  { rootMargin: "200px" },
);

function tick(now) {
  frame = 0;
  last = now;
  const due = [...drawn].filter((one) => seen.get(one.element) && now >= one.due);
  due.sort((one, other) => one.last - other.last);
  const end = performance.now() + SHARE;
  let count = 0;
  for (const one of due) {
    if (isUrgent && count > 0 && performance.now() >= end) break;
    drawOne(one, now);
    count += 1;
  }
  isUrgent &&= count < due.length;
  pause = Math.max(FRAME, count * PER_PLOT);
  schedule();
}

/** Draw one plot. Its error must not stop the others. */
function drawOne(one, now) {
  one.last = now;
  try {
    one.due = now + one.draw();
  } catch (error) {
    one.due = now + RESPITE;
    one.failed(error);
    reportError(error);
  }
}

/** Ask for a frame when the first plot in view is due: a frame in which nothing is drawn costs as much as another. */
function schedule() {
  if (frame) return;
  clearTimeout(timer);
  let due = Infinity;
  for (const one of drawn) if (seen.get(one.element) && one.due < due) due = one.due;
  if (due === Infinity) return;
  const wait = Math.max(due, isUrgent ? 0 : last + pause) - performance.now();
  if (wait > 4) timer = setTimeout(ask, wait);
  else ask();
}

function ask() {
  frame ||= requestAnimationFrame(tick);
}

/**
 * Draw again and again.
 * @param {Element} element it is drawn only while this is in view.
 * @param {() => number} draw returns the milliseconds until it is worth drawing again.
 * @param {(error: Error) => void} failed is called with an error of *draw*, which is tried again later.
 * @returns {{now: (isMoved?: boolean) => void, end: () => void}} `now` draws as soon as possible, and with the next frame if a hand
 *   has moved it; `end` ends it.
 */
export function redraw(element, draw, failed) {
  const one = { element, draw, failed, due: 0, last: 0 };
  observer.observe(element);
  drawn.add(one);
  const now = (isMoved = false) => {
    one.due = 0;
    isUrgent ||= isMoved;
    schedule();
  };
  const end = () => {
    observer.unobserve(element);
    drawn.delete(one);
  };
  return { now, end };
}

/**
 * Call *act* as often as people can read figures.
 * @param {Element} element it is called only while this is in view. @param {() => void} act @returns {() => void} ends it.
 */
export function whileRead(element, act) {
  const one = { element, act };
  observer.observe(element);
  figures.add(one);
  beat ||= setInterval(update, READABLE);
  return () => {
    observer.unobserve(element);
    figures.delete(one);
    if (figures.size > 0) return;
    clearInterval(beat);
    beat = 0;
  };
}

function update() {
  if (document.hidden) return;
  for (const one of figures) if (seen.get(one.element)) one.act();
}
