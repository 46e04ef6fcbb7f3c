/** What happened in a window: runs, notes, commands, connects and alerts. */

import { answers, archive } from "../channels.js";
import { isLive, serverNow, status } from "../connection.js";
import { nodeOf, nodeStates } from "../nodes.js";
import { askRecorder, offers } from "../recorder.js";
import { audible } from "../rights.js";
import { effect, onCleanup } from "../signal.js";

/** Milliseconds without a gesture after which it is asked for, and between two questions while time goes on. */
const PAUSE = 300;
const EVERY = 10_000;
const MOST_EVENTS = 300;
const MOST_RUNS = 100;
const MOST_PATTERNS = 20;
const EXCERPT = 80;

/** @typedef {import("./figures.js").Happening} Happening */

/** @param {any} run @returns {Happening} */
const ofRun = ({ run, name, begin, end, who }) => ({
  time: begin,
  until: end ?? serverNow(),
  kind: "run",
  word: name || `Run ${run}`,
  who,
});

/** @param {any} note @returns {Happening} */
const ofNote = ({ time, until, text, who }) => ({ time, until, kind: "note", word: text, who });

/** The arguments of a call, in a few words. */
const given = (values) =>
  Object.entries(values ?? {})
    .map(([name, value]) => `${name}=${typeof value === "string" ? value : JSON.stringify(value)}`)
    .join(" ")
    .slice(0, EXCERPT);

/** What an event tells; null for nothing that belongs on the time axis. @returns {Happening|null} */
function ofEvent({ subject, time, data }) {
  const [kind, instance = ""] = subject.split(".");
  const own = nodeStates.peek().length > 1 ? status.peek()?.name : "";
  const node = nodeOf(instance) || own;
  const there = node ? ` on ${node}` : "";
  if (kind === "audit" && data.outcome === "done")
    return {
      time,
      until: null,
      kind: "command",
      word: `${data.operation} ${given(data.arguments)}`.trim() + there,
      who: data.who || data.from,
    };
  if (kind === "alert" && data.state) return { time, until: null, kind: "alert", word: `${data.alert}${there}: ${data.state}` };
  if (kind !== "session" || typeof data.state !== "string") return null;
  const agent = subject.split(".")[2];
  if (data.state === "streaming") return { time, until: null, kind: "connect", word: `${agent}${there} connected`, subject };
  const isEnd = ["resting", "failing", "ended"].includes(data.state);
  const why = data.reason ? `: ${data.reason}` : "";
  return isEnd ? { time, until: null, kind: "gone", word: `${agent}${there} ${data.state}${why}`, subject } : null;
}

/**
 * What events tell, in the order of time. Of a session that does not come back for a while, only that it went is told, and not each
 * attempt.
 * @param {any[]} events newest first, as `history.events` gives them. @returns {Happening[]}
 */
export function ofEvents(events) {
  /** @type {Map<string, string>} */
  const before = new Map();
  return [...events].reverse().flatMap((event) => {
    const one = ofEvent(event);
    if (one === null) return [];
    const isSame = one.subject !== undefined && before.get(one.subject) === one.kind;
    if (one.subject !== undefined) before.set(one.subject, one.kind);
    return isSame ? [] : [one];
  });
}

/** The patterns of events that concern *subjects*. @param {string[]} subjects */
function patternsFor(subjects) {
  const parents = subjects.map((subject) => subject.split(".")).filter(([kind, , , channel]) => kind === "session" && channel);
  const sessions = new Set(parents.map((tokens) => tokens.slice(0, 3).join(".")));
  return [...sessions, "audit.>", "alert.>"].flatMap((pattern) => audible(pattern)).slice(0, MOST_PATTERNS);
}

/**
 * Keep *happened* up to date with a view.
 * @param {import("../plots/view.js").View} view @param {() => string[]} subjects
 * @param {import("../signal.js").Writable<Happening[]>} happened
 */
export function followMarks(view, subjects, happened) {
  let [timer, turn] = [0, 0];
  let events = /** @type {Happening[]} */ ([]);
  let runs = /** @type {Happening[]} */ ([]);
  const show = () => {
    const notes = [...archive.notes.values()].map(ofNote);
    happened.value = [...runs, ...notes, ...events].sort((one, other) => one.time - other.time);
  };
  const ask = async () => {
    const mine = ++turn;
    const { from, to } = view.read();
    const patterns = patternsFor(subjects());
    const span = { begin: from, end: to };
    try {
      const [told, listed] = await Promise.all([
        patterns.length ? askRecorder("history.events", { pattern: patterns, ...span, newest: MOST_EVENTS }) : [],
        offers("history.runs") ? askRecorder("history.runs", { newest: MOST_RUNS }) : [],
      ]);
      if (mine !== turn) return;
      events = ofEvents(told);
      runs = listed.map(ofRun);
      show();
    } catch {
      // The plots tell that the recorder does not answer; marks come with the next gesture.
    }
    if (mine === turn && view.isLive.peek()) timer = setTimeout(ask, EVERY);
  };
  const soon = () => {
    clearTimeout(timer);
    timer = setTimeout(ask, PAUSE);
  };
  effect(() => {
    void [view.fixed.value, view.seconds.value, subjects()];
    if (isLive.value) soon();
  });
  effect(() => void (answers.value, show()));
  onCleanup(() => {
    turn += 1;
    clearTimeout(timer);
  });
  return soon;
}
