/** When plots are drawn: together, at most 20 times a second, only what can be seen, and nothing in a hidden tab. */

const FRAME = 50;

const drawn = new Set();
let isScheduled = false;
let last = 0;

/** Whether *element* is within the window, kept up to date. */
const seen = new WeakMap();
const observer = new IntersectionObserver(
  (entries) => {
    for (const entry of entries) seen.set(entry.target, entry.isIntersecting);
  },
  { rootMargin: "200px" },
);

function tick(now) {
  isScheduled = false;
  if (now - last >= FRAME) {
    last = now;
    for (const one of drawn) if (seen.get(one.element) && now >= one.due) one.due = now + one.draw();
  }
  schedule();
}

function schedule() {
  if (isScheduled || drawn.size === 0) return;
  isScheduled = true;
  const wait = last + FRAME - performance.now();
  if (wait > 4) setTimeout(() => requestAnimationFrame(tick), wait);
  else requestAnimationFrame(tick);
}

/**
 * Draw again and again.
 * @param {Element} element draw only while this is seen.
 * @param {() => number} draw gives the milliseconds after which it is worth drawing again.
 * @returns {{now: () => void, end: () => void}} draws as soon as it may; ends it.
 */
export function redraw(element, draw) {
  const one = { element, draw, due: 0 };
  observer.observe(element);
  drawn.add(one);
  schedule();
  const now = () => (one.due = 0);
  const end = () => {
    observer.unobserve(element);
    drawn.delete(one);
  };
  return { now, end };
}
