/**
 * Which agents are watched, and what their channels said: kept while other pages are looked at, so that a plot has no hole
 * because somebody looked elsewhere.
 */

import { isLive, netd, serverNow } from "../connection.js";
import { audible } from "../rights.js";
import { Series } from "../plots/series.js";
import { effect, onCleanup, scope, signal } from "../signal.js";

/** How many sessions are watched at a time, and how many channels of each. */
export const MOST_WATCHED = 6;
const MOST_CHANNELS = 24;
/** How many earlier samples of each channel are asked for. netd may keep fewer: some seconds of a quick channel. */
const REPLAYED = 1000;
/** Seconds between two samples of a second, thin subscription, of which netd keeps minutes. */
export const THIN = 1;
/** Milliseconds until a silent channel is shown with its earlier samples alone. */
const PATIENCE = 500;
/** Milliseconds out of sight after which one sample a second is received, until the session is in view again. */
const LEAVING = 10000;
/** How many earlier changes of a session are asked for, for the marks on the time axis. */
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

/**
 * Watch the session of an agent. Where there are too many, the first session that has ended is dropped.
 * @returns {boolean} whether there was room.
 */
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

/** Stop watching a session, and forget its samples. */
export function unwatch(instance, agent) {
  const all = new Map(watched.peek());
  all.get(key(instance, agent))?.close();
  all.delete(key(instance, agent));
  watched.value = all;
}

const follow = (patterns, options, take) => patterns.map((pattern) => netd.subscribe(pattern, options, take));

const channelOf = (subject) => subject.slice(subject.lastIndexOf(".") + 1);

/** The states in which an attempt to reach an agent begins. Each attempt of a session has a higher number. */
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
 * @property {import("../format.js").Precision|null} precision that of its most precise value; null before the first.
 * @property {number} length the characters of its longest value.
 * @property {number|null} thinUntil the time before which there is one sample a second.
 * @property {number} since the time before which all samples are here already.
 * @property {boolean} isFollowed whether one sample a second is received now.
 */

/** One watched session. */
class Watch {
  #subscriptions;
  /** The subscriptions for samples: for all of them while the session is in view, else for one a second. */
  #stream = [];
  #samples;
  #hasThin;
  #looking = 0;
  #leaving = 0;
  #isFollowed = false;
  #judge = () => this.#look();
  #away;
  /** Samples from before the subscription, one a second, by channel, until its first new sample comes. */
  #past = new Map();
  #patience;
  #omitted = new Set();
  #state = "";

  constructor(instance, agent) {
    this.instance = instance;
    this.agent = agent;
    this.isEnded = false;
    /** The session in the last result of `session.list`, or null. */
    this.facts = null;
    /** The facts that its events tell, for tokens that may not call `session.list`. */
    this.heard = signal({ session: agent, agent, host: "", state: "", reason: "", attempt: 1, since: null });
    /** Channels by name. @type {import("../signal.js").Writable<Map<string, Channel>>} */
    this.channels = signal(new Map());
    /** The marks on the time axis, oldest first. */
    this.marks = [];
    /** How many samples were lost. */
    this.lost = signal(0);
    /** How many channels are not shown, because there are too many. */
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

  /** Take the session in the newest list; undefined, where netd does not know it any more. */
  describe(listed) {
    this.facts = listed ?? (this.facts && { ...this.facts, state: "ended", reason: GONE });
    this.isEnded ||= listed === undefined;
    return this.facts;
  }

  /** Receive all samples until the page is left. */
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

  /** Receive all samples while the session is in view, and soon fewer when it is not. */
  #look() {
    const isSeen = this.#looking > 0 && !document.hidden;
    clearTimeout(this.#leaving);
    if (!isSeen && !this.#isFollowed) this.#leaving = setTimeout(() => this.#receive(true), LEAVING);
    else if (isSeen && this.#isFollowed) this.#receive();
  }

  /** Subscribe to all samples, or, where the session *isFollowed* only, to one a second. */
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

  /** Keep a thin sample for later, or take it, where the session is only followed: both come from the same subscription. */
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

  /** Show silent channels with their earlier samples. */
  #recall() {
    for (const name of [...this.#past.keys()]) this.#channel(name);
  }

  #take({ subject, data: { time, value }, isNew }) {
    const channel = this.#channel(channelOf(subject), time);
    if (channel === undefined || (!isNew && time <= channel.since)) return;
    if (!this.#isFollowed && channel.isFollowed) [channel.thinUntil, channel.isFollowed] = [time, false];
    channel.series.push(time, value, isNew);
  }

  /** The channel *name*, which begins with the samples from before *now*; undefined where there are too many channels. */
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

  /** The state has changed: the begin and the end of streaming become marks on the time axis. */
  #changed({ data: { session, state, time, reason, host, attempt }, isNew }) {
    const { since, attempt: last, session: known } = this.heard.peek();
    if (since !== null && time < since && !isNew) return; // known already
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
