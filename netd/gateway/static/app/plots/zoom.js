/** Zoom, pan and selection of a plot's time by wheel, drag, touch and keys. They change a view; drawing is somebody else's. */

/** What one notch of the wheel, and a key, leaves of the window. */
const STEP = 0.8;
/** The part of the window by which an arrow key moves it, and by which it grows a selection. */
const SHIFT = 0.25;
const GROWTH = 0.02;
/** The shortest and the longest window, in seconds. */
const SHORTEST = 0.05;
const LONGEST = 400 * 86400;
/** Pixels that a finger or the pointer has to move before this is a gesture. */
const SLACK = 4;
/** Milliseconds after the last notch of the wheel when the gesture is over. */
const QUIET = 400;

/** @typedef {{from: number, to: number}} Span seconds since the epoch. */

/** *span*, scaled by *factor* around *centre*, within bounds. @param {Span} span @returns {Span} */
export function scaled({ from, to }, factor, centre) {
  const width = Math.min(LONGEST, Math.max(SHORTEST, (to - from) * factor));
  const left = (centre - from) / (to - from);
  return { from: centre - width * left, to: centre + width * (1 - left) };
}

/** *span*, moved by a *part* of its length. @param {Span} span @returns {Span} */
export const shifted = ({ from, to }, part) => ({ from: from + part * (to - from), to: to + part * (to - from) });

/** The two times in their order. @returns {Span} */
export const between = (one, other) => ({ from: Math.min(one, other), to: Math.max(one, other) });

/**
 * What a key makes of a view; undefined where it means nothing.
 * @param {string} key @param {Span} view @returns {Span|undefined}
 */
export function viewAfter(key, view) {
  const middle = (view.from + view.to) / 2;
  if (key === "ArrowLeft") return shifted(view, -SHIFT);
  if (key === "ArrowRight") return shifted(view, SHIFT);
  if (key === "+" || key === "=") return scaled(view, STEP, middle);
  if (key === "-") return scaled(view, 1 / STEP, middle);
  return undefined;
}

/**
 * The selection after Shift and an arrow key: it begins in the middle of the view, or at the pointer, and its end moves.
 * @param {string} key @param {Span} view @param {{anchor: number, end: number}|null} marked @param {number|null} pointer
 */
export function markedAfter(key, view, marked, pointer) {
  const anchor = marked?.anchor ?? pointer ?? (view.from + view.to) / 2;
  const step = (view.to - view.from) * GROWTH * (key === "ArrowLeft" ? -1 : 1);
  const end = (marked?.end ?? anchor) + step;
  return { anchor, end: Math.min(view.to, Math.max(view.from, end)) };
}

/**
 * What gestures change.
 * @typedef {object} Target
 * @property {() => Span} read the view.
 * @property {(view: Span) => void} show another view, while the gesture goes on.
 * @property {() => void} done the gesture is over.
 * @property {() => void} live go on with time.
 * @property {(span: Span|null) => void} select
 * @property {(key: string) => boolean} [press] any other key; whether it meant something.
 */

/**
 * @param {HTMLElement} over what the pointer is over: it can have the focus.
 * @param {Target} target
 * @returns {() => void} ends it.
 */
export function zooming(over, target) {
  const fingers = new Map();
  /** @type {{view: Span, middle: number, spread: number, box: DOMRect}|null} */
  let start = null;
  /** @type {{anchor: number, end: number}|null} */
  let marked = null;
  let isMarking = false;
  let hasMoved = false;
  let quiet = 0;
  /** @type {number|null} */
  let pointer = null;

  /** The time at *clientX*. During a gesture the plot stays where it is: to ask the browser would have it lay out the page. */
  const timeAt = (view, clientX) => {
    const { left, width } = start?.box ?? over.getBoundingClientRect();
    return view.from + ((clientX - left) / width) * (view.to - view.from);
  };
  const grip = () => {
    const xs = [...fingers.values()];
    return { middle: (Math.min(...xs) + Math.max(...xs)) / 2, spread: Math.max(...xs) - Math.min(...xs) };
  };
  const mark = (next) => {
    marked = next;
    target.select(next === null ? null : between(next.anchor, next.end));
  };
  const move = () => {
    const begun = start;
    if (begun === null) return;
    const { middle, spread } = grip();
    hasMoved ||= Math.abs(middle - begun.middle) > SLACK || Math.abs(spread - begun.spread) > SLACK;
    if (!hasMoved) return;
    const factor = fingers.size > 1 && spread > 10 ? begun.spread / spread : 1;
    const view = scaled(begun.view, factor, timeAt(begun.view, begun.middle));
    target.show(shifted(view, (begun.middle - middle) / begun.box.width));
  };
  /** @type {Record<string, (event: any) => void>} */
  const listeners = {
    wheel(event) {
      if (!(event.ctrlKey || event.altKey || document.activeElement === over)) return; // the page scrolls, until the plot is meant
      event.preventDefault();
      const view = target.read();
      target.show(scaled(view, STEP ** -Math.sign(event.deltaY), timeAt(view, event.clientX)));
      clearTimeout(quiet);
      quiet = setTimeout(target.done, QUIET);
    },
    pointerdown(event) {
      if (event.button !== 0) return;
      over.focus({ preventScroll: true });
      over.setPointerCapture(event.pointerId);
      fingers.set(event.pointerId, event.clientX);
      hasMoved = false;
      start = { view: target.read(), ...grip(), box: over.getBoundingClientRect() };
      isMarking = event.shiftKey;
      const time = timeAt(start.view, event.clientX);
      if (isMarking) mark({ anchor: time, end: time });
    },
    pointermove(event) {
      pointer = timeAt(target.read(), event.clientX);
      if (!fingers.has(event.pointerId)) return;
      fingers.set(event.pointerId, event.clientX);
      if (isMarking && marked !== null) mark({ ...marked, end: pointer });
      else move();
    },
    pointerup(event) {
      if (!fingers.delete(event.pointerId)) return;
      start = fingers.size > 0 ? { view: target.read(), ...grip(), box: over.getBoundingClientRect() } : null;
      if (start !== null) return;
      if (isMarking) {
        if (marked !== null && marked.anchor === marked.end) mark(null);
      } else if (hasMoved) target.done();
    },
    pointerleave: () => (pointer = null),
    dblclick: () => target.live(),
    keydown(event) {
      if (event.ctrlKey || event.metaKey || event.altKey) return;
      if (!pressed(event)) return;
      event.preventDefault();
      event.stopPropagation();
    },
  };
  const pressed = ({ key, shiftKey }) => {
    if (shiftKey && (key === "ArrowLeft" || key === "ArrowRight")) {
      mark(markedAfter(key, target.read(), marked, pointer));
      return true;
    }
    if (marked !== null && (key === "Enter" || key === "Escape")) {
      if (key === "Enter") target.show(between(marked.anchor, marked.end));
      mark(null);
      if (key === "Enter") target.done();
      return true;
    }
    const next = viewAfter(key, target.read());
    if (next === undefined) return target.press?.(key) ?? false;
    target.show(next);
    target.done();
    return true;
  };
  listeners.pointercancel = listeners.pointerup;
  for (const [name, listener] of Object.entries(listeners)) over.addEventListener(name, listener, { passive: false });
  return () => {
    clearTimeout(quiet);
    for (const [name, listener] of Object.entries(listeners)) over.removeEventListener(name, listener);
  };
}
