/**
 * The channels that pages show, each once for all plots: what is said now, and what was recorded. A channel is subscribed to as
 * finely as its plots are wide. One that nobody has seen for a minute is left, and what it missed is asked of the recorder when it
 * is seen again. Without a recorder, a channel that nobody sees goes on with a sample a second.
 */

import { identity, isLive, netd, serverNow, starts } from "./connection.js";
import { Archive, Past } from "./plots/past.js";
import { Series } from "./plots/series.js";
import { askRecorder, isReady, remembers } from "./recorder.js";
import { audible } from "./rights.js";
import { effect, onCleanup, signal } from "./signal.js";
import { covers } from "./subjects.js";
import { everyFor, planned, sourceOf } from "./subscriptions.js";

/** Seconds out of sight after which a channel is left, and until it is forgotten when no page has it any more. */
const LEAVING = 60;
/** Seconds between two samples of a channel that nobody sees, where there is no recorder. */
const THIN = 1;
/** How many earlier samples are asked for, of netd's memory: with a recorder for its last seconds, which it may not have yet. */
const REPLAYED = 1000;
const RECENT = 100;
/** How many channels a pattern makes, unless somebody says otherwise. */
const MOST = 24;
/** Of how many channels labels and units are known. */
const MOST_DESCRIBED = 10_000;
/** Milliseconds between two looks at who is seen. */
const JUDGING = 1000;
/** Milliseconds in which wishes are put together. */
const TOGETHER = 50;

/** @template T @typedef {import("./signal.js").Writable<T>} Writable */

/**
 * What is known of a channel's numbers.
 * @typedef {{label: string, unit: string}} Described
 */

/** One channel. */
export class Channel {
  /** @param {string} subject */
  constructor(subject) {
    this.subject = subject;
    /** What was said since it is followed. */
    this.live = new Series();
    /** What was recorded. */
    this.past = new Past(archive, subject);
    /** @type {Writable<Described>} */
    this.described = signal(descriptions.get(subject) ?? { label: "", unit: "" });
    /** The marks on its time axis. @type {import("./plots/marks.js").Mark[]} */
    this.marks = [];
    /** How many events were lost on the way here. */
    this.lost = signal(0);
    /** The time from which `live` has everything; Infinity while it is not followed. */
    this.since = Infinity;
    /** Its precision and length, see `channel_plot.js`. @type {import("./format.js").Precision|null} */
    this.precision = null;
    this.length = 0;
    /** How many hold it, and when one was last seen. */
    this.holders = 0;
    this.seenAt = -Infinity;
    /** The seconds between two samples, and when a plot last needed so many. */
    this.every = Infinity;
    this.finestAt = -Infinity;
    /** The most seconds between two samples of `live`. */
    this.coarsest = 0;
    /** The pattern of the subscription that gives it. @type {string|null} */
    this.source = null;
    /** Of which patterns it is known whether they have it, see `patternsChanged`. */
    this.admitted = -1;
  }

  /** Its name alone: the last token of the subject. */
  get name() {
    return this.subject.slice(this.subject.lastIndexOf(".") + 1);
  }

  /** It is drawn now, so that a pixel has so many *seconds*. */
  seen(seconds = 0) {
    const now = performance.now() / 1000;
    const every = everyFor(seconds);
    const isNews = now - this.seenAt > LEAVING || every < this.every || (every > this.every && now - this.finestAt > LEAVING);
    this.seenAt = now;
    if (every <= this.every) this.finestAt = now;
    if (!isNews) return;
    this.every = every;
    this.finestAt = now;
    soon();
  }

  get isSeen() {
    return performance.now() / 1000 - this.seenAt <= LEAVING;
  }

  /** The time of the oldest sample that is here. */
  get begin() {
    return Math.min(this.live.oldest, this.since);
  }

  /** Put what was recorded and what is said on a lane. @param {import("./plots/grid.js").Lane} lane */
  fill(lane) {
    if (remembers.peek()) {
      this.past.fill(lane, this.begin);
      const usual = Math.max(this.past.usual, this.live.usual);
      if (usual > 0 && this.live.oldest - lane.lastTime > Math.max(1.5, 8 * usual)) lane.gap();
    }
    this.live.fill(lane);
  }

  /** Take a sample. @param {number} time @param {number} value @param {boolean} isNew @param {any} [folded] */
  take(time, value, isNew, folded) {
    if (isNew || time > this.live.lastTime) this.live.push(time, value, isNew, folded);
  }

  /** Begin anew, for somebody who sees it again. */
  forget() {
    this.live = new Series();
    this.since = Infinity;
    this.coarsest = 0;
  }
}

/** All answers of the recorder, for all plots of the page. */
export const archive = new Archive({
  ask: (subjects, { from, to, points }) => askRecorder("history.query", { pattern: subjects, begin: from, end: to, points }),
  isThere: isReady,
  now: serverNow,
  later: (act, milliseconds) => setTimeout(act, milliseconds),
  never: (timer) => clearTimeout(timer),
  answered: () => (answers.value += 1),
});

/** How many questions were answered: plots that stand still are drawn again when it changes. */
export const answers = signal(0);

/** @type {Map<string, Channel>} */
const channels = new Map();
/** What is known of channels, also of those that are not here. @type {Map<string, Described>} */
const descriptions = new Map();
/** The patterns that somebody follows whole. @type {Set<Gathering>} */
const gatherings = new Set();
/** @type {Map<string, {every: number, subscriptions: import("../netd.js").Subscription[]}>} */
const subscribed = new Map();
/** Counts the changes of `gatherings`: channels that were there before may be theirs, too. */
let patternsChanged = 0;
let timer = 0;
let judging = 0;

/** The channel of *subject*, until the page or effect that asks ends. @param {string} subject @returns {Channel} */
export function channel(subject) {
  const one = channelOf(subject);
  one.holders += 1;
  judging ||= setInterval(judge, JUDGING);
  onCleanup(() => (one.holders -= 1));
  return one;
}

function channelOf(subject) {
  const one = channels.get(subject) ?? new Channel(subject);
  channels.set(subject, one);
  return one;
}

/** All channels under a pattern, as they are heard. */
class Gathering {
  /** @param {string} pattern @param {number} most */
  constructor(pattern, most) {
    this.pattern = pattern;
    this.most = most;
    /** By subject, in the order in which they were heard. @type {Writable<Map<string, Channel>>} */
    this.channels = signal(new Map());
    /** How many are left out, because there are too many. */
    this.omitted = signal(0);
    this.others = new Set();
  }

  /** Whether a channel is one of its, once it is heard. */
  admit(subject) {
    if (this.channels.peek().has(subject)) return true;
    if (this.channels.peek().size >= this.most) {
      this.omitted.value = this.others.add(subject).size;
      return false;
    }
    const one = channelOf(subject);
    one.holders += 1;
    this.channels.value = new Map([...this.channels.peek(), [subject, one]]);
    return true;
  }

  /** Whether one of its channels is seen; one without any is listened to, so that there will be. */
  get every() {
    const seen = [...this.channels.peek().values()].filter((one) => one.isSeen);
    if (seen.length > 0) return Math.min(...seen.map((one) => one.every));
    return this.channels.peek().size === 0 || !remembers.peek() ? THIN : null;
  }

  /** Begin anew, with other channels under the same names. */
  clear() {
    for (const one of this.channels.peek().values()) one.holders -= 1;
    this.others.clear();
    this.omitted.value = 0;
    this.channels.value = new Map();
    patternsChanged += 1;
  }
}

/**
 * Follow all channels under *pattern*, until the page or effect that asks ends.
 * @param {string} pattern @returns {Gathering}
 */
export function gather(pattern, most = MOST) {
  const one = new Gathering(pattern, most);
  gatherings.add(one);
  patternsChanged += 1;
  judging ||= setInterval(judge, JUDGING);
  soon();
  onCleanup(() => {
    gatherings.delete(one);
    one.clear();
    soon();
  });
  return one;
}

/** A channel is described so, if it is here now or later. @param {string} subject @param {Partial<Described>} described */
export function describe(subject, { label = "", unit = "" }) {
  if (descriptions.size >= MOST_DESCRIBED) descriptions.clear();
  descriptions.set(subject, { label, unit });
  const one = channels.get(subject);
  const known = one?.described.peek();
  if (one !== undefined && (known?.label !== label || known?.unit !== unit)) one.described.value = { label, unit };
}

/** Look who is seen, and forget channels that nobody has. */
function judge() {
  for (const [subject, one] of channels) {
    if (one.holders > 0 || one.isSeen) continue;
    archive.forget(one.past);
    channels.delete(subject);
  }
  if (channels.size === 0 && gatherings.size === 0) {
    clearInterval(judging);
    judging = 0;
  }
  arrange();
}

function soon() {
  timer ||= setTimeout(() => {
    timer = 0;
    arrange();
  }, TOGETHER);
}

/** What is to be subscribed to now. */
function wanted() {
  /** @type {import("./subscriptions.js").Want[]} */
  const wants = [];
  for (const { pattern, every } of gatherings) if (every !== null) wants.push(...parts(pattern, every));
  for (const { subject, holders, isSeen, every } of channels.values()) {
    if (holders === 0) continue;
    if (isSeen) wants.push(...parts(subject, every));
    else if (!remembers.peek()) wants.push(...parts(subject, THIN));
  }
  return wants;
}

const parts = (pattern, every) => audible(pattern).map((part) => ({ pattern: part, every }));

/** Subscribe to what is wanted, and to nothing else. */
function arrange() {
  const plan = planned(wanted());
  for (const [pattern, { every, subscriptions }] of subscribed) {
    if (plan.get(pattern) === every) continue;
    subscriptions.forEach((one) => one.close());
    subscribed.delete(pattern);
  }
  const added = [...plan].filter(([pattern]) => !subscribed.has(pattern));
  for (const one of channels.values()) assign(one, plan);
  for (const [pattern, every] of added) subscribed.set(pattern, { every, subscriptions: [follow(pattern, every)] });
}

/** Tell a channel which subscription it is to take its samples from. What was heard too coarsely is asked of the recorder. */
function assign(one, plan) {
  const source = one.holders > 0 ? sourceOf(one.subject, plan.keys()) : null;
  const every = source === null ? Infinity : plan.get(source);
  if (every < one.coarsest && remembers.peek()) one.forget();
  if (source !== null) one.coarsest = Math.max(one.coarsest, every);
  if (source === null && remembers.peek()) one.forget();
  else if (one.since === Infinity && source !== null) one.since = serverNow();
  one.source = source;
}

/** @param {string} pattern @param {number} every */
function follow(pattern, every) {
  const replay = remembers.peek() ? RECENT : REPLAYED;
  const missed = (count) => {
    for (const one of channels.values()) if (one.source === pattern) miss(one, count);
  };
  const options = {
    every,
    fold: true,
    together: true,
    replay,
    onDropped: ({ count }) => missed(count),
    onGap: () => missed(0),
  };
  return netd.subscribe(pattern, options, (event) => heard(pattern, event));
}

/** Something was lost: what the recorder has of it is asked for. */
function miss(one, count) {
  one.lost.value += count;
  if (!remembers.peek()) one.live.gap();
  else {
    one.forget();
    one.since = serverNow();
  }
}

/** Tell the patterns of a channel that is heard. @param {string} subject @returns {boolean} whether somebody has it. */
function admit(subject) {
  const known = channels.get(subject);
  if (known?.admitted === patternsChanged) return known.holders > 0;
  const takers = [...gatherings].filter((one) => covers(one.pattern, subject) && one.admit(subject));
  const one = channels.get(subject);
  if (one === undefined) return false;
  one.admitted = patternsChanged;
  return takers.length > 0 || one.holders > 0;
}

/** @param {string} pattern @param {import("../netd.js").BusEvent} event */
function heard(pattern, { subject, data, time, isNew }) {
  const value = typeof data === "number" ? data : data?.value;
  if (typeof value !== "number") return;
  const isHeld = admit(subject);
  const one = channels.get(subject);
  if (one === undefined) return;
  if (one.source !== pattern) {
    if (!isHeld || (one.source !== null && one.holders > 0)) return;
    [one.source, one.since] = [pattern, Math.min(one.since, serverNow())];
  }
  one.take(data.time ?? time, value, isNew, data.max === undefined ? undefined : data);
}

/** Begin anew for another user or netd, and when a recorder comes or goes. */
let known = "";
effect(() => {
  const next = `${identity.value} ${starts.value} ${remembers.value}`;
  if (known !== "" && next !== known) archive.clear();
  known = next;
  if (isLive.value) soon();
});
