/**
 * What a recorder has kept, for plots. A window is asked for when nobody has moved it for a moment; until the answer comes, the old
 * one is drawn in its place. Pure: the question, the clock and the timer come from outside.
 */

import { Grid, roundUp, windowOf } from "./grid.js";

/** Milliseconds without another wish after which netd is asked. */
const PAUSE = 120;
/**
 * A window of at least so many seconds, of which less than half is known, is asked for in wide buckets first: netd then has to
 * read no samples, and a first picture is there at once. Milliseconds until then, pixels of such a bucket, and the least number.
 */
const LONG = 7200;
const QUICK = 20;
const ROUGH = 6;
const LEAST_ROUGH = 50;
/** The part of a window that is asked for beside it, on either side. */
const BESIDE = 0.25;
/** How many buckets are asked for, and of how many subjects at a time. */
const MOST_POINTS = 2000;
const MOST_SUBJECTS = 20;
/** How many answers are kept, of one subject each, and how many bytes. */
const ANSWERS = 64;
const BYTES = 16 << 20;
/** Bytes of a bucket: its time, count, and three values; and its gap. */
const BUCKET = 41;
/** Answers that were drawn within so many seconds stay, even if there are more. */
const IN_USE = 10;
/** What netd has recorded is complete up to its answer, but for so many seconds: the clocks are not quite alike. */
const SETTLED = 0.1;
/** Seconds after which a window that ends now is asked for again, at least. */
const AGAIN = 2;
/** Seconds until netd is asked again after an error. */
const RESPITE = 5;
/** A silence is a gap if it is longer than so many usual intervals, and than so many seconds. */
const UNUSUAL = 8;
const LEAST_GAP = 1.5;

/** @typedef {{from: number, to: number, width: number}} Span */
/** What one plot wants to know of one subject. @typedef {Span & {past: Past, asker: any}} Wish */

/**
 * The middle one of the distances between *times*, each for as many samples as *counts* tells; 0 for fewer than two.
 * @param {ArrayLike<number>} times @param {ArrayLike<number>|null} [counts]
 */
export function usualInterval(times, counts = null) {
  const distances = new Float64Array(Math.max(0, times.length - 1));
  for (let index = 0; index < distances.length; index += 1)
    distances[index] = (times[index + 1] - times[index]) / Math.max(1, counts?.[index] ?? 1);
  return distances.length ? distances.sort()[distances.length >> 1] : 0;
}

/**
 * What to ask for a window: buckets of a round width, and begin and end at multiples of it, so that one answer serves many windows.
 * @param {number} from @param {number} to @param {number} columns @param {number} now
 * @returns {Span}
 */
export function wishFor(from, to, columns, now) {
  const span = to - from;
  const width = roundUp(Math.max(span / columns, (span * (1 + 2 * BESIDE)) / MOST_POINTS));
  const end = Math.min(to + span * BESIDE, Math.max(now, to));
  return { from: Math.floor((from - span * BESIDE) / width) * width, to: Math.ceil(end / width) * width, width };
}

/** One answer about one subject. */
class Answer {
  /** @param {Span} wish @param {any} series of `history.query`; undefined where nothing was recorded. @param {any[]} gaps */
  constructor({ from, to, width }, known, series, gaps) {
    this.from = from;
    this.to = to;
    this.width = width;
    /** The time up to which it is complete. */
    this.known = known;
    const { times = [], min = [], max = [], mean = [], count = [] } = series ?? {};
    this.times = Float64Array.from(times);
    this.lows = Float64Array.from(min);
    this.highs = Float64Array.from(max);
    this.means = Float64Array.from(mean);
    this.counts = Float64Array.from(count);
    this.usual = Math.max(usualInterval(this.times), width);
    this.isGap = new Uint8Array(this.times.length);
    this.#findSilences();
    for (const { end } of gaps) {
      const first = this.search(end ?? Infinity);
      if (first < this.isGap.length) this.isGap[first] = 1;
    }
    this.drawn = -Infinity;
  }

  /** A bucket is long and its samples are near: what counts is the time that is left when they have passed. */
  #findSilences() {
    const sample = usualInterval(this.times, this.counts);
    for (let index = 1; index < this.isGap.length; index += 1) {
      const interval = this.times[index] - this.times[index - 1];
      const silence = interval - this.counts[index - 1] * sample;
      this.isGap[index] = Number(isGap(interval, this.usual) || (interval > 2 * this.usual && isGap(silence, sample)));
    }
  }

  get bytes() {
    return this.times.length * BUCKET;
  }

  /** The first bucket at *time* or later. */
  search(time) {
    let [low, high] = [0, this.times.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.times[middle] < time) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  /** Put what lies from *from* to *to* on a lane. */
  fill(lane, from, to) {
    for (let index = this.search(from); index < this.times.length && this.times[index] < to; index += 1) {
      const time = this.times[index];
      if (this.isGap[index] || isGap(time - lane.lastTime, this.usual)) lane.gap();
      lane.add(time, this.lows[index], this.means[index], this.highs[index], this.counts[index]);
    }
  }
}

const isGap = (interval, usual) => interval > LEAST_GAP && interval > UNUSUAL * usual;

/** What was recorded of one subject. */
export class Past {
  /** @param {Archive} archive @param {string} subject */
  constructor(archive, subject) {
    this.archive = archive;
    this.subject = subject;
    /** The answers, newest first. @type {Answer[]} */
    this.answers = [];
    /** What is to be asked, for each plot that shows it: a small one beside a large one wants other buckets. @type {Map<any, Wish>} */
    this.wishes = new Map();
  }

  /** The usual distance of its samples or buckets, in seconds; 0 where it is not known. */
  get usual() {
    return this.answers[0]?.usual ?? 0;
  }

  /** The points for a plot that is *columns* pixels wide, see `windowOf`. */
  window(from, to, columns) {
    return windowOf(this, from, to, columns);
  }

  /** Put what is known until *until* on a lane, and ask for what is not. @param {import("./grid.js").Lane} lane */
  fill(lane, until = Infinity) {
    const { from, to, width } = lane.grid;
    const beside = (to - from) * BESIDE;
    const end = Math.min(to + beside, until);
    if (until > from) this.archive.want(this, from, Math.min(to, until), lane.grid);
    const now = this.archive.now();
    for (const { answer, from: begin, to: stop } of this.parts(from - beside, end, width)) {
      if (answer === null) lane.gap();
      else {
        answer.drawn = now;
        answer.fill(lane, begin, stop);
      }
    }
  }

  /** Which answer is drawn where: of those with buckets of the best width, the newest; none where nothing is known. */
  parts(from, to, width) {
    const wanted = Math.log(width);
    const distance = (answer) => Math.abs(Math.log(answer.width) - wanted);
    const order = [...this.answers].sort((one, other) => distance(one) - distance(other));
    /** @type {{answer: Answer|null, from: number, to: number}[]} */
    let parts = [{ answer: null, from, to }];
    for (const answer of order) {
      parts = parts.flatMap((part) => {
        const [begin, end] = [Math.max(part.from, answer.from), Math.min(part.to, answer.to)];
        if (part.answer !== null || begin >= end) return [part];
        const left = { answer: null, from: part.from, to: begin };
        const right = { answer: null, from: end, to: part.to };
        return [left, { answer, from: begin, to: end }, right].filter((one) => one.from < one.to);
      });
      if (parts.every((part) => part.answer !== null)) break;
    }
    return parts;
  }

  /** Whether there are answers, however rough, about at least half of the window. */
  isMostlyKnown(from, to) {
    const known = this.parts(from, to, 1).filter(({ answer }) => answer !== null);
    return known.reduce((sum, part) => sum + part.to - part.from, 0) >= (to - from) / 2;
  }

  /** Whether an answer has everything of the window, in buckets of this width. */
  covers(from, to, width) {
    return this.answers.some((one) => one.width === width && one.from <= from && one.known >= to);
  }
}

/**
 * @typedef {object} Outside
 * @property {(subjects: string[], wish: Span & {points: number}) => Promise<any>} ask gives the result of `history.query`.
 * @property {() => boolean} isThere whether there is somebody to ask.
 * @property {() => number} now netd's time.
 * @property {(act: () => void, milliseconds: number) => any} later
 * @property {(handle: any) => void} never takes back what `later` gave.
 * @property {() => void} answered is called after each answer, and each error.
 */

/** All answers of a page, and its only question in flight. */
export class Archive {
  #outside;
  #timer = null;
  #isAsking = false;
  #turn = 0;
  #resumes = 0;
  /** @type {Set<Wish>} */
  #waiting = new Set();
  /** The subjects with answers, in the order of their last answer. @type {Map<Past, Answer[]>} */
  #answers = new Map();

  /** @param {Outside} outside */
  constructor(outside) {
    this.#outside = outside;
    /** Why the last question failed; "" where it did not. */
    this.trouble = "";
    /** Gaps of all answers; one that goes on has no end. @type {{begin: number, end: number|null, reason: string}[]} */
    this.gaps = [];
    /** Notes of all answers, by number. @type {Map<number, any>} */
    this.notes = new Map();
  }

  now() {
    return this.#outside.now();
  }

  /** Whether a question waits or is in flight. */
  get isBusy() {
    return this.#isAsking || this.#timer !== null;
  }

  /** *past* is drawn from *from* to *to*: ask for it, unless that is known. @param {Past} past @param {Grid} grid */
  want(past, from, to, grid) {
    const now = this.now();
    if (!this.#outside.isThere() || from >= now) return;
    const { asker } = grid;
    const pixels = Math.max(10, grid.pixels);
    const isRough = to - from >= LONG && pixels >= ROUGH * LEAST_ROUGH && !past.isMostlyKnown(from, to);
    const wish = { ...wishFor(grid.from, grid.to, isRough ? pixels / ROUGH : pixels, now), past, asker };
    const complete = Math.min(to, now - Math.max(AGAIN, wish.width));
    const before = past.wishes.get(asker);
    const isSame = before?.width === wish.width && Math.abs(before.from - wish.from) < (to - from) * BESIDE * 0.5;
    const isKnown = past.covers(from, complete, wish.width);
    if (before !== undefined && (isKnown || !isSame)) this.#waiting.delete(before);
    if (isKnown) {
      past.wishes.delete(asker);
      return;
    }
    if (!isSame) past.wishes.set(asker, wish);
    this.#waiting.add(isSame ? before : wish);
    const pause = isRough ? QUICK : PAUSE;
    if (!this.#isAsking && (!isSame || this.#timer === null)) this.#soon(Math.max(pause, (this.#resumes - now) * 1000));
  }

  /** Forget everything: another user, or another netd. */
  clear() {
    this.#turn += 1;
    this.#isAsking = false;
    for (const past of this.#answers.keys()) past.answers = [];
    this.#answers.clear();
    this.#waiting.clear();
    this.gaps = [];
    this.notes.clear();
    this.trouble = "";
    this.#stop();
  }

  /** Forget one subject. @param {Past} past */
  forget(past) {
    this.#answers.delete(past);
    for (const wish of past.wishes.values()) this.#waiting.delete(wish);
    past.wishes.clear();
    past.answers = [];
  }

  #stop() {
    if (this.#timer !== null) this.#outside.never(this.#timer);
    this.#timer = null;
  }

  #soon(milliseconds) {
    this.#stop();
    this.#timer = this.#outside.later(() => this.#ask(), milliseconds);
  }

  /** Ask for the wishes that are alike, in one question. */
  async #ask() {
    this.#timer = null;
    const [first] = this.#waiting;
    if (first === undefined) return;
    const { width } = first;
    const alike = [...this.#waiting].filter((one) => one.width === width && overlap(one, first)).slice(0, MOST_SUBJECTS);
    const from = Math.min(...alike.map((one) => one.from));
    const to = Math.max(...alike.map((one) => one.to));
    const turn = this.#turn;
    const asked = this.now();
    const wish = { from, to, width, points: Math.round((to - from) / width) };
    for (const one of alike) this.#waiting.delete(one);
    this.#isAsking = true;
    try {
      const subjects = [...new Set(alike.map(({ past }) => past.subject))];
      const answer = await this.#outside.ask(subjects, wish);
      if (turn !== this.#turn) return;
      this.trouble = "";
      this.#take(alike, wish, asked, answer);
    } catch (error) {
      if (turn !== this.#turn) return;
      // A number is netd's answer; without one, the question or the answer was lost on the way.
      this.trouble = typeof error.code === "number" ? error.message : `The recorder does not answer: ${error.message}`;
      this.#resumes = this.now() + RESPITE;
    }
    this.#isAsking = false;
    this.#outside.answered();
    if (this.#waiting.size > 0) this.#soon(Math.max(PAUSE, (this.#resumes - this.now()) * 1000));
  }

  /** @param {Wish[]} wishes @param {Span} wish of all of them. */
  #take(wishes, wish, asked, { series, gaps = [], notes = [] }) {
    const known = Math.min(wish.to, asked - SETTLED);
    for (const one of wishes) if (!this.#waiting.has(one)) one.past.wishes.delete(one.asker);
    for (const past of new Set(wishes.map((one) => one.past))) {
      const mine = series.filter(({ subject }) => subject === past.subject);
      const most = mine.sort((one, other) => other.times.length - one.times.length)[0];
      const answer = new Answer(wish, known, most, gaps);
      past.answers = [answer, ...past.answers.filter((one) => !replaces(answer, one))];
      this.#answers.delete(past);
      this.#answers.set(past, past.answers);
    }
    for (const note of notes) this.notes.set(note.note, note);
    const others = this.gaps.filter(({ begin, end }) => begin >= wish.to || (end !== null && end <= wish.from));
    this.gaps = [...others, ...gaps].sort((one, other) => one.begin - other.begin);
    this.#evict();
  }

  /** Drop the answers that were drawn longest ago, where there are too many. */
  #evict() {
    const all = [...this.#answers].flatMap(([past, answers]) => answers.map((answer) => ({ past, answer })));
    all.sort((one, other) => one.answer.drawn - other.answer.drawn);
    let bytes = all.reduce((total, { answer }) => total + answer.bytes, 0);
    let count = all.length;
    const recently = this.now() - IN_USE;
    for (const { past, answer } of all) {
      if (count <= ANSWERS && bytes <= BYTES) break;
      if (answer.drawn > recently || answer === past.answers[0]) continue;
      past.answers = past.answers.filter((one) => one !== answer);
      this.#answers.set(past, past.answers);
      [count, bytes] = [count - 1, bytes - answer.bytes];
    }
  }
}

const overlap = (one, other) => one.from < other.to && one.to > other.from;

const replaces = (newer, older) => newer.width === older.width && newer.from <= older.from && newer.known >= older.known;
