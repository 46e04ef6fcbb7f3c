/** What time the plots of a page show: all the same. A window that goes on with time, or one that stands still. */

import { serverNow } from "../connection.js";
import { computed, signal } from "../signal.js";

/** How many earlier views are kept. */
const KEPT = 100;
/** The shortest window of all that there is, in seconds. */
const LEAST = 10;

/** @typedef {import("./zoom.js").Span} Span */
/** @template T @typedef {import("../signal.js").Writable<T>} Writable */

/**
 * The times that a plot shows; `still` names a view that is drawn once, and is null where time goes on.
 * @typedef {Span & {still: string|null, isMoving?: boolean}} Shown `isMoving`: a hand moves it, so that quick is better than fine.
 */

export class View {
  /** @type {{seconds: number, fixed: Span|null}[]} */
  #before = [];
  /** @type {{seconds: number, fixed: Span|null}|null} */
  #begun = null;
  #watchers = new Set();

  /**
   * @param {number} seconds the length of the window.
   * @param {() => void} [settled] is called after each finished gesture.
   */
  constructor(seconds, settled = () => {}) {
    /** The length of the window that goes on with time. */
    this.seconds = signal(seconds);
    /** The window that stands still; null where it goes on with time. @type {Writable<Span|null>} */
    this.fixed = signal(null);
    /** What is selected. @type {Writable<Span|null>} */
    this.marked = signal(null);
    /** The time at the pointer, in whichever plot it is. @type {Writable<number|null>} */
    this.pointer = signal(null);
    /** Whether time goes on. */
    this.isLive = computed(() => this.fixed.value === null);
    this.settled = settled;
    const view = this;
    /** The length of the window as a choice: whoever changes it keeps the end of a window that stands still. */
    this.length = {
      get value() {
        const fixed = view.fixed.value;
        return fixed === null ? view.seconds.value : Number((fixed.to - fixed.from).toFixed(3));
      },
      set value(seconds) {
        const fixed = view.fixed.peek();
        if (fixed === null) view.live(seconds);
        else view.go({ from: fixed.to - seconds, to: fixed.to });
      },
    };
  }

  /** @returns {Span} */
  read() {
    const fixed = this.fixed.peek();
    if (fixed !== null) return fixed;
    const to = serverNow();
    return { from: to - Math.max(LEAST, this.seconds.peek()), to };
  }

  /** The view, as plots take it. @returns {Shown} */
  shown() {
    const fixed = this.fixed.peek();
    const isMoving = this.#begun !== null;
    return {
      ...this.read(),
      still: fixed === null || fixed.to > serverNow() ? null : `${fixed.from} ${fixed.to} ${isMoving}`,
      isMoving,
    };
  }

  /** Show another window, while a gesture goes on. @param {Span} span */
  show(span) {
    this.#begun ??= { seconds: this.seconds.peek(), fixed: this.fixed.peek() };
    this.fixed.value = span;
    this.#tell();
  }

  /** The gesture is over. */
  done() {
    if (this.#begun === null) return;
    this.#before.push(this.#begun);
    if (this.#before.length > KEPT) this.#before.shift();
    this.#begun = null;
    this.#tell();
    this.settled();
  }

  /** Show another window, in one gesture. @param {Span} span */
  go(span) {
    this.show(span);
    this.done();
  }

  /** Go on with time. @param {number} [seconds] the length of the window. */
  live(seconds = this.seconds.peek()) {
    if (this.fixed.peek() === null && seconds === this.seconds.peek()) return;
    this.#begun ??= { seconds: this.seconds.peek(), fixed: this.fixed.peek() };
    this.seconds.value = seconds;
    this.fixed.value = null;
    this.#tell();
    this.done();
  }

  /** Stand still as it is. */
  pause() {
    if (this.fixed.peek() === null) this.go(this.read());
  }

  /** Show what was shown before the last gesture. */
  back() {
    const before = this.#before.pop();
    if (before === undefined) return;
    this.seconds.value = before.seconds;
    this.fixed.value = before.fixed;
    this.#tell();
    this.settled();
  }

  /** Take a view from the address, without remembering the one before. @param {number} seconds @param {Span|null} fixed */
  set(seconds, fixed) {
    this.#before.length = 0;
    this.#begun = null;
    this.seconds.value = seconds;
    this.fixed.value = fixed;
    this.#tell();
  }

  /** Call *moved* at once whenever the window is another. @param {() => void} moved @returns {() => void} ends it. */
  watch(moved) {
    this.#watchers.add(moved);
    return () => this.#watchers.delete(moved);
  }

  #tell() {
    for (const moved of this.#watchers) moved();
  }
}

/**
 * What the gestures on a plot change: a view.
 * @param {View} view @param {(key: string) => boolean} [press] further keys.
 */
export function targetOf(view, press = () => false) {
  const keys = (key) => {
    if (key === "End") view.live();
    else if (key === "Backspace") view.back();
    else return press(key);
    return true;
  };
  return {
    read: () => view.read(),
    show: (span) => view.show(span),
    done: () => view.done(),
    live: () => view.live(),
    select: (span) => (view.marked.value = span),
    marked: () => view.marked.peek(),
    press: keys,
    watch: (moved) => view.watch(moved),
  };
}
