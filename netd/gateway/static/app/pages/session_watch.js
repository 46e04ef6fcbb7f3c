/** Which agents are watched, with their channels and what became of their sessions: kept while other pages are looked at. */

import { describe, gather } from "../channels.js";
import { isLive, netd, serverNow } from "../connection.js";
import { audible } from "../rights.js";
import { computed, effect, scope, signal } from "../signal.js";

/** How many sessions are watched at a time, and how many channels of each. */
export const MOST_WATCHED = 256;
const MOST_CHANNELS = 24;
/** How many earlier changes of a session are asked for, for the marks on the time axis. */
const CHANGES = 50;
const MOST_MARKS = 200;
/**
 * How many sessions have a subscription of their own, with their earlier changes. Further ones share one: a connection may have
 * 64, and their channels take up to 40.
 */
const OWN = 12;

const GONE = "netd does not know it any more";

/**
 * The watched sessions, by "instance/agent": an agent is called the same in each of its sessions.
 * @type {import("../signal.js").Writable<Map<string, Watch>>}
 */
export const watched = signal(new Map());

/** What ends the effects of each. @type {Map<Watch, () => void>} */
const ends = new Map();

/** The shared subscriptions to the states of all sessions, by instance. @type {Map<string, {close: () => void}[]>} */
const shared = new Map();

/** Share a subscription among the sessions that have none of their own. */
function share(instance) {
  const isWanted = [...ends.keys()].some((one) => one.instance === instance && !one.isOwn);
  const subscriptions = shared.get(instance);
  if (isWanted && subscriptions === undefined) {
    const take = (event) => {
      const one = watched.peek().get(key(instance, event.subject.split(".")[2]));
      if (one?.isOwn === false) one.changed(event);
    };
    shared.set(
      instance,
      audible(`session.${instance}.*`).map((pattern) => netd.subscribe(pattern, {}, take)),
    );
  } else if (!isWanted && subscriptions !== undefined) {
    subscriptions.forEach((one) => one.close());
    shared.delete(instance);
  }
}

function close(watch) {
  watch.close();
  ends.get(watch)?.();
  ends.delete(watch);
  share(watch.instance);
}

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
    close(ended);
  }
  const isOwn = [...ends.keys()].filter((one) => one.isOwn).length < OWN;
  const [made, end] = scope(() => new Watch(instance, agent, isOwn));
  ends.set(made, end);
  share(instance);
  all.set(key(instance, agent), made);
  watched.value = all;
  return true;
}

/** Stop watching a session, and forget its samples. */
export function unwatch(instance, agent) {
  const all = new Map(watched.peek());
  const one = all.get(key(instance, agent));
  if (one !== undefined) close(one);
  all.delete(key(instance, agent));
  watched.value = all;
}

/** The states in which an attempt to reach an agent begins. Each attempt of a session has a higher number. */
const BEGINNINGS = ["dialling", "awaiting the agent"];

/** Whether *next* is said of another session of the agent than *before*; numbers begin anew when netd is restarted. */
function isAnother(before, next) {
  if (before.state === "") return false;
  if (before.session !== next.session) return true;
  const isSameAttempt = BEGINNINGS.includes(before.state) || !BEGINNINGS.includes(next.state);
  return before.state === "ended" || next.attempt < before.attempt || (next.attempt === before.attempt && !isSameAttempt);
}

/** One watched session. */
class Watch {
  #subscriptions;
  #state = "";

  constructor(instance, agent, isOwn) {
    this.instance = instance;
    this.agent = agent;
    /** Whether it has a subscription of its own. */
    this.isOwn = isOwn;
    this.isEnded = false;
    /** The session in the last result of `session.list`, or null. */
    this.facts = null;
    /** The facts that its events tell, for tokens that may not call `session.list`. */
    this.heard = signal({ session: agent, agent, host: "", state: "", reason: "", attempt: 1, since: null });
    this.subject = `session.${instance}.${agent}`;
    const gathering = gather(`${this.subject}.*`, MOST_CHANNELS);
    /** Channels by name. */
    this.channels = computed(() => new Map([...gathering.channels.value.values()].map((one) => [one.name, one])));
    /** How many channels are not shown, because there are too many. */
    this.omitted = gathering.omitted;
    /** How many samples were lost on the way here. */
    this.lost = computed(() => Math.max(0, ...[...this.channels.value.values()].map((one) => one.lost.value)));
    /** The marks on the time axis, oldest first. */
    this.marks = [];
    this.#subscriptions = (isOwn ? audible(this.subject) : []).map((pattern) =>
      netd.subscribe(pattern, { replay: CHANGES }, (event) => this.changed(event)),
    );
    effect(() => this.#connection(isLive.value));
  }

  /** Take the session in the newest list; undefined, where netd does not know it any more. */
  describe(listed) {
    this.facts = listed ?? (this.facts && { ...this.facts, state: "ended", reason: GONE });
    this.isEnded ||= listed === undefined;
    for (const [name, described] of Object.entries(listed?.channels ?? {})) describe(`${this.subject}.${name}`, described);
    return this.facts;
  }

  close() {
    for (const subscription of this.#subscriptions) subscription.close();
  }

  /** The state has changed: the begin and the end of streaming become marks on the time axis. */
  changed({ data: { session, state, time, reason, host, attempt }, isNew }) {
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

  /** This is another session of the agent: the plots go on, with a gap. */
  #beginAnew() {
    this.#state = "";
    this.facts = null;
  }

  #connection(isHere) {
    if (isHere || this.channels.peek().size === 0) return;
    this.#mark({ time: serverNow(), kind: "trouble", word: "netd away" });
  }

  #break() {
    for (const { live } of this.channels.peek().values()) live.gap();
  }

  #mark(mark) {
    this.marks.push(mark);
    if (this.marks.length > MOST_MARKS) this.marks.shift();
  }
}
