/**
 * Values that know who shows them. Writing to a signal marks what depends on it; at most 20 times a second, and never in a
 * hidden tab, everything that is marked runs once. That is the only way in which this dashboard's pages change.
 */

/** Milliseconds between two updates of the page, at least. */
const FRAME = 50;

/** How often effects of effects run within one update; those that are left then wait for the next. */
const ROUNDS = 8;

/**
 * Something that can be read and depended on.
 * @template T
 * @typedef {{readonly value: T, peek: () => T}} Readable
 */

/**
 * Something that can be written, too.
 * @template T
 * @typedef {Signal<T>} Writable
 */

/** What reads signals, and is told that they have changed. @typedef {Computed<any>|Effect} Reader */

/** @typedef {Signal<any>|Computed<any>} Source */

/** @type {Reader|null} */
let running = null;
/** What ends with what is being made. @type {{cleanups: (() => void)[]}|null} */
let owner = null;
/** @type {Set<Effect>} */
const queue = new Set();
let isScheduled = false;
let lastFlush = 0;

/** Registers the running effect or computed as a reader of *source*. @param {Source} source */
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

/** Whether anything that *reader* has read is different now. @param {Reader} reader */
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

  /** Say that the value has changed inside. */
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

  /** Run again, if anything that was read has changed. */
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

function flush() {
  isScheduled = false;
  lastFlush = performance.now();
  for (let round = 0; round < ROUNDS && queue.size > 0; round += 1) {
    const effects = [...queue];
    queue.clear();
    for (const effect of effects) effect.update();
  }
}

/** A value that others can depend on. @template T @param {T} value @returns {Signal<T>} */
export const signal = (value) => new Signal(value);

/** A value made of others, and made again only when they change. @template T @param {() => T} compute @returns {Computed<T>} */
export const computed = (compute) => new Computed(compute);

/** Does *act* now, and again each time that something it reads has changed. @param {() => void} act @returns {{end: () => void}} */
export const effect = (act) => new Effect(act);

/** Call *cleanup* when the effect or scope that is being made runs again, or ends. @param {() => void} cleanup */
export function onCleanup(cleanup) {
  owner?.cleanups.push(cleanup);
}

/**
 * Make something whose effects end together.
 * @template T @param {() => T} make @returns {[T, () => void]} what was made, and what ends it.
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
