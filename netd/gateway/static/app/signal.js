/**
 * Signals: values that know what depends on them. Writing to a signal marks its readers. At most 20 times a second, and never in a
 * hidden tab, all marked effects run once. All pages are updated in this way.
 */

/** Milliseconds between two updates of the page, at least. */
const FRAME = 50;

/** How many rounds of effects that mark other effects run in one update; further ones wait for the next update. */
const ROUNDS = 8;

/**
 * A value that can be read, and depended on.
 * @template T
 * @typedef {{readonly value: T, peek: () => T}} Readable
 */

/**
 * A value that can also be written.
 * @template T
 * @typedef {Signal<T>} Writable
 */

/** A reader of signals, which is marked when they change. @typedef {Computed<any>|Effect} Reader */

/** @typedef {Signal<any>|Computed<any>} Source */

/** @type {Reader|null} */
let running = null;
/** The effect or scope that is being made: what is made meanwhile ends with it. @type {{cleanups: (() => void)[]}|null} */
let owner = null;
/** @type {Set<Effect>} */
const queue = new Set();
let isScheduled = false;
let lastFlush = 0;

/** Make the running effect or computed a reader of *source*. @param {Source} source */
function track(source) {
  if (running !== null && !running.sources.has(source)) {
    running.sources.set(source, source.version);
    source.readers.add(running);
  }
}

/** @param {Reader} reader */
function untrack(reader) {
  for (const source of reader.sources.keys()) source.readers.delete(reader);
  reader.sources.clear();
}

/** Whether any value that *reader* has read is another now. @param {Reader} reader */
function isOutdated(reader) {
  for (const [source, version] of reader.sources) {
    source.refresh();
    if (source.version !== version) return true;
  }
  return false;
}

/** @template T @param {Reader} reader @param {() => T} compute @returns {T} */
function runAs(reader, compute) {
  const before = running;
  running = reader;
  try {
    return compute();
  } finally {
    running = before;
  }
}

/** @template T */
class Signal {
  /** @param {T} value */
  constructor(value) {
    this.current = value;
    this.version = 0;
    /** @type {Set<Reader>} */
    this.readers = new Set();
  }

  get value() {
    track(this);
    return this.current;
  }

  set value(value) {
    if (Object.is(value, this.current)) return;
    this.current = value;
    this.touch();
  }

  /** The value, without becoming a reader. */
  peek() {
    return this.current;
  }

  /** Mark the readers although the value is the same object: its content has changed. */
  touch() {
    this.version += 1;
    for (const reader of [...this.readers]) reader.mark();
  }

  refresh() {}
}

/** @template T */
class Computed {
  /** @param {() => T} compute */
  constructor(compute) {
    this.compute = compute;
    this.current = /** @type {T} */ (undefined); // until it is read
    this.version = 0;
    /** @type {Set<Reader>} */
    this.readers = new Set();
    /** @type {Map<Source, number>} */
    this.sources = new Map();
    this.isDirty = true;
    owner?.cleanups.push(() => untrack(this));
  }

  get value() {
    this.refresh();
    track(this);
    return this.current;
  }

  /** The value, without becoming a reader. */
  peek() {
    this.refresh();
    return this.current;
  }

  mark() {
    if (this.isDirty) return;
    this.isDirty = true;
    for (const reader of [...this.readers]) reader.mark();
  }

  refresh() {
    if (!this.isDirty) return;
    this.isDirty = false;
    if (this.version > 0 && !isOutdated(this)) return;
    untrack(this);
    const value = runAs(this, this.compute);
    if (this.version > 0 && Object.is(value, this.current)) return;
    this.current = value;
    this.version += 1;
  }
}

class Effect {
  /** @param {() => void} act */
  constructor(act) {
    this.act = act;
    /** @type {Map<Source, number>} */
    this.sources = new Map();
    /** @type {(() => void)[]} */
    this.cleanups = [];
    this.isOver = false;
    owner?.cleanups.push(() => this.end());
    this.run();
  }

  mark() {
    queue.add(this);
    schedule();
  }

  /** Run again, if a value that was read has changed. */
  update() {
    try {
      if (!this.isOver && isOutdated(this)) this.run();
    } catch (error) {
      reportError(error);
    }
  }

  run() {
    this.clean();
    untrack(this);
    const before = owner;
    owner = this;
    try {
      runAs(this, this.act);
    } finally {
      owner = before;
    }
  }

  clean() {
    const cleanups = this.cleanups;
    this.cleanups = [];
    for (const cleanup of cleanups) cleanup();
  }

  end() {
    this.isOver = true;
    queue.delete(this);
    this.clean();
    untrack(this);
  }
}

function schedule() {
  if (isScheduled) return;
  isScheduled = true;
  const wait = Math.max(0, lastFlush + FRAME - performance.now());
  if (wait > 0) setTimeout(() => requestAnimationFrame(flush), wait);
  else requestAnimationFrame(flush);
}

/** Update the page with the next frame of the screen: somebody waits for what they have typed. */
export function hurry() {
  if (queue.size > 0) requestAnimationFrame(flush);
}

function flush() {
  isScheduled = false;
  lastFlush = performance.now();
  for (let round = 0; round < ROUNDS && queue.size > 0; round += 1) {
    const effects = [...queue];
    queue.clear();
    for (const effect of effects) effect.update();
  }
}

/** A value that effects and computed values can depend on. @template T @param {T} value @returns {Signal<T>} */
export const signal = (value) => new Signal(value);

/** A value computed from others, again only when these change. @template T @param {() => T} compute @returns {Computed<T>} */
export const computed = (compute) => new Computed(compute);

/** Run *act* now, and again whenever a value that it reads has changed. @param {() => void} act @returns {{end: () => void}} */
export const effect = (act) => new Effect(act);

/** Call *cleanup* when the effect or scope that is being made ends, or runs again. @param {() => void} cleanup */
export function onCleanup(cleanup) {
  owner?.cleanups.push(cleanup);
}

/**
 * Run *make* so that all effects that it makes can be ended together.
 * @template T @param {() => T} make @returns {[T, () => void]} its result, and a function that ends the effects.
 */
export function scope(make) {
  const [before, reader] = [owner, running];
  const own = { cleanups: /** @type {(() => void)[]} */ ([]) };
  [owner, running] = [own, null];
  try {
    const made = make();
    return [made, () => own.cleanups.splice(0).forEach((cleanup) => cleanup())];
  } finally {
    [owner, running] = [before, reader];
  }
}
