/**
 * Which agents are watched, and what their channels said: kept while other pages are looked at, so that a plot has no hole
 * because somebody looked elsewhere.
 */

import { isLive, netd, serverNow } from "../connection.js";
import { audible } from "../rights.js";
import { Series } from "../plots/series.js";
import { effect, onCleanup, scope, signal } from "../signal.js";

/** Sessions that are watched at a time, and channels of each. */
export const MOST_WATCHED = 6;
const MOST_CHANNELS = 24;
/** Samples of each channel that are asked for at first, as far as netd keeps them: seconds, where they are many. */
const REPLAYED = 1000;
/** So a second subscription has netd keep minutes: seconds between two samples of it. */
export const THIN = 1;
/** Milliseconds until a channel that says nothing now is shown with its past alone. */
const PATIENCE = 500;
/** Milliseconds out of sight after which a session is followed with one sample a second, until it is looked at again. */
const LEAVING = 10000;
/** Changes of a session that are asked for at first, for the marks on the time axis. */
const CHANGES = 50;
const MOST_MARKS = 200;

const GONE = "netd does not know it any more";

/**
 * The watched sessions, by "instance/agent": an agent is called the same in each of its sessions.
 * @type {import("../signal.js").Writable<Map<string, Watch>>}
 */
export const watched = signal(new Map());

const key = (instance, agent) => `${instance}/${agent}`;

/** @param {string|null} instance @param {string} agent @returns {Watch|undefined} */
export const watchOf = (instance, agent) => watched.value.get(key(instance, agent));

/** Watch the session of an agent; where these would be too many, the first that has ended is let go. @returns {boolean} if there was room. */
export function watch(instance, agent) {
  const all = new Map(watched.peek());
  if (all.has(key(instance, agent))) return true;
  if (all.size >= MOST_WATCHED) {
    const ended = [...all.values()].find((one) => one.isEnded);
    if (ended === undefined) return false;
    all.delete(key(ended.instance, ended.agent));
    ended.close();
  }
  const [made] = scope(() => new Watch(instance, agent));
  all.set(key(instance, agent), made);
  watched.value = all;
  return true;
}

/** Watch a session no longer; what it said is forgotten. */
export function unwatch(instance, agent) {
  const all = new Map(watched.peek());
  all.get(key(instance, agent))?.close();
  all.delete(key(instance, agent));
  watched.value = all;
}

const follow = (patterns, options, take) => patterns.map((pattern) => netd.subscribe(pattern, options, take));

const channelOf = (subject) => subject.slice(subject.lastIndexOf(".") + 1);

/** States in which an attempt to reach an agent begins; each further attempt of a session has a higher number. */
const BEGINNINGS = ["dialling", "awaiting the agent"];

/** Whether *next* is said of another session of the agent than *before*; numbers begin anew when netd is restarted. */
function isAnother(before, next) {
  if (before.state === "") return false;
  if (before.session !== next.session) return true;
  const isSameAttempt = BEGINNINGS.includes(before.state) || !BEGINNINGS.includes(next.state);
  return before.state === "ended" || next.attempt < before.attempt || (next.attempt === before.attempt && !isSameAttempt);
}

/**
 * One channel.
 * @typedef {object} Channel
 * @property {string} name
 * @property {Series} series
 * @property {import("../format.js").Precision|null} precision how many digits its values have, at most; null before the first.
 * @property {number} length characters of its values, at most.
 * @property {number|null} thinUntil before this, seconds since the epoch, there is one sample a second.
 * @property {number} since what is told of before this is here already.
 * @property {boolean} isFollowed whether its newest samples are one a second.
 */

/** One watched session. */
class Watch {
  #subscriptions;
  /** What brings the samples: all of them while somebody looks, one a second otherwise. */
  #stream = [];
  #samples;
  #hasThin;
  #looking = 0;
  #leaving = 0;
  #isFollowed = false;
  #judge = () => this.#look();
  #away;
  /** What channels said before we listened, one sample a second, until the first of now comes. */
  #past = new Map();
  #patience;
  #omitted = new Set();
  #state = "";

  constructor(instance, agent) {
    this.instance = instance;
    this.agent = agent;
    this.isEnded = false;
    /** What session.list said of it last, or null. */
    this.facts = null;
    /** What is known of it without that list, from its events. */
    this.heard = signal({ session: agent, agent, host: "", state: "", reason: "", attempt: 1, since: null });
    /** Channels by name. @type {import("../signal.js").Writable<Map<string, Channel>>} */
    this.channels = signal(new Map());
    /** Comings and goings, oldest first. */
    this.marks = [];
    /** How many samples were lost on the way here. */
    this.lost = signal(0);
    /** How many channels are left out, because there are too many. */
    this.omitted = signal(0);
    const subject = `session.${instance}.${agent}`;
    this.#samples = audible(`${subject}.*`);
    const thin = audible(`${subject}.>`).filter((pattern) => !this.#samples.includes(pattern));
    this.#hasThin = thin.length > 0;
    this.#subscriptions = [
      ...follow(audible(subject), { replay: CHANGES }, (event) => this.#changed(event)),
      ...follow(thin, { every: THIN, replay: REPLAYED }, (event) => this.#remember(event)),
    ];
    this.#receive();
    document.addEventListener("visibilitychange", this.#judge);
    this.#patience = setTimeout(() => this.#recall(), PATIENCE);
    this.#away = effect(() => this.#connection(isLive.value));
  }

  /** What is known of it, with what session.list says now: nothing, where netd was restarted and does not know it. */
  describe(listed) {
    this.facts = listed ?? (this.facts && { ...this.facts, state: "ended", reason: GONE });
    this.isEnded ||= listed === undefined;
    return this.facts;
  }

  /** Somebody looks at its samples, until the page is left. */
  show() {
    this.#looking += 1;
    this.#look();
    onCleanup(() => {
      this.#looking -= 1;
      this.#look();
    });
  }

  close() {
    for (const subscription of [...this.#subscriptions, ...this.#stream]) subscription.close();
    document.removeEventListener("visibilitychange", this.#judge);
    clearTimeout(this.#patience);
    clearTimeout(this.#leaving);
    this.#away.end();
  }

  /** Follow it closely while it is looked at: nobody sees the samples of a page that is not shown. */
  #look() {
    const isSeen = this.#looking > 0 && !document.hidden;
    clearTimeout(this.#leaving);
    if (!isSeen && !this.#isFollowed) this.#leaving = setTimeout(() => this.#receive(true), LEAVING);
    else if (isSeen && this.#isFollowed) this.#receive();
  }

  /** Receive all samples, or, where it *isFollowed* only, one a second. */
  #receive(isFollowed = false) {
    for (const subscription of this.#stream) subscription.close();
    this.#isFollowed = isFollowed;
    const lost = { onDropped: ({ count }) => this.#missed(count), onGap: () => this.#missed(0) };
    const options = isFollowed ? { every: THIN } : { replay: REPLAYED, ...lost };
    this.#stream = isFollowed && this.#hasThin ? [] : follow(this.#samples, options, (event) => this.#take(event));
    for (const channel of this.channels.peek().values()) {
      channel.since = channel.series.lastTime;
      channel.isFollowed = isFollowed;
    }
  }

  /** A sample of before, or one that is taken anyhow: there is no telling them apart but by what came first. */
  #remember(event) {
    const { subject, data } = event;
    const name = channelOf(subject);
    if (this.#isFollowed) {
      this.#take(event);
      return;
    }
    if (this.channels.peek().has(name) || this.#past.size > MOST_CHANNELS) return;
    if (!this.#past.has(name)) this.#past.set(name, []);
    this.#past.get(name).push(data);
  }

  /** Channels that have said nothing yet are shown with their past. */
  #recall() {
    for (const name of [...this.#past.keys()]) this.#channel(name);
  }

  #take({ subject, data: { time, value }, isNew }) {
    const channel = this.#channel(channelOf(subject), time);
    if (channel === undefined || (!isNew && time <= channel.since)) return;
    if (!this.#isFollowed && channel.isFollowed) [channel.thinUntil, channel.isFollowed] = [time, false];
    channel.series.push(time, value, isNew);
  }

  /** The channel *name*, which begins with what it said before the time *now*; undefined where there are too many. */
  #channel(name, now = Infinity) {
    let channel = this.channels.peek().get(name);
    if (channel === undefined) {
      if (this.channels.peek().size >= MOST_CHANNELS) {
        this.omitted.value = this.#omitted.add(name).size;
        return undefined;
      }
      channel = { name, series: new Series(), precision: null, length: 0, thinUntil: null, since: -Infinity, isFollowed: false };
      for (const { time, value } of this.#past.get(name) ?? []) if (time < now) channel.series.push(time, value);
      if (channel.series.total > 0) channel.thinUntil = Number.isFinite(now) ? now : channel.series.lastTime;
      this.#past.delete(name);
      this.channels.value = new Map([...this.channels.peek(), [name, channel]]);
    }
    return channel;
  }

  /** The session came on: that it streams, or does no longer, is marked on the time axis. */
  #changed({ data: { session, state, time, reason, host, attempt }, isNew }) {
    const { since, attempt: last, session: known } = this.heard.peek();
    if (since !== null && time < since && !isNew) return; // heard before
    if (isAnother({ session: known, state: this.#state, attempt: last }, { session, state, attempt })) this.#beginAnew();
    const before = this.#state;
    this.heard.value = { ...this.heard.peek(), session, state, reason, host, attempt, since: time };
    this.#state = state;
    this.isEnded = state === "ended";
    if (state === "streaming" && before !== "streaming") this.#mark({ time, kind: "ok", word: "connected" });
    else if (state !== "streaming" && before === "streaming") {
      this.#mark({
        time,
        kind: reason && state !== "stopping" ? "trouble" : "gone",
        word: state === "stopping" ? "stopped" : "disconnected",
      });
      this.#break();
    }
  }

  /** This is another session of the agent. */
  #beginAnew() {
    this.#state = "";
    this.facts = null;
    this.marks.length = 0;
    this.#past.clear();
    this.#omitted.clear();
    this.omitted.value = this.lost.value = 0;
    this.channels.value = new Map();
  }

  #missed(count) {
    this.lost.value += count;
    this.#break();
  }

  #connection(isHere) {
    if (isHere || this.channels.peek().size === 0) return;
    this.#mark({ time: serverNow(), kind: "trouble", word: "netd away" });
  }

  #break() {
    for (const { series } of this.channels.peek().values()) series.gap();
  }

  #mark(mark) {
    this.marks.push(mark);
    if (this.marks.length > MOST_MARKS) this.marks.shift();
  }
}
