/**
 * The newest values of all channels of all sessions: one subscription, with the numbers of its interval folded, in one message
 * each. A fast channel costs as much as a slow one.
 */

import { serverNow } from "../connection.js";
import { told } from "../live.js";
import { POINTS, Points } from "../plots/spark.js";
import { askRecorder, remembers } from "../recorder.js";
import { computed, effect, onCleanup, signal } from "../signal.js";

/** Seconds between two values of a channel, by how many channels there are. */
const PACES = [
  [300, 1],
  [1000, 2],
  [Infinity, 5],
];
/** Channels whose values are kept, and channels of which the recorder is asked at a time. */
const MOST = 20_000;
const ASKED = 20;
/** Milliseconds in which questions for the recorder are put together. */
const TOGETHER = 120;

/** Seconds between two values, where there are so many channels. */
export const paceFor = (channels) => PACES.find(([most]) => channels <= most)?.[1] ?? 5;

/**
 * @param {import("../instances.js").Instance} instance
 * @param {() => number|null} channels how many there are; null while that is not known, and nothing is asked for.
 * @param {() => string[]} patterns the ends of their subjects.
 * @param {number} least seconds between two values of a channel, at least.
 */
export function sessionValues(instance, channels, patterns = () => ["*.*"], least = 1) {
  /** By agent, then by channel. @type {Map<string, Map<string, Points>>} */
  const agents = new Map();
  let known = 0;
  /** Changes once a second, when values have come. */
  const beat = signal(0);
  /** Changes when a channel is heard for the first time. */
  const heard = signal(0);
  let isNews = false;
  const every = computed(() => {
    const count = channels();
    return count === null ? 0 : Math.max(least, paceFor(count));
  });
  const ends = computed(() => patterns().join("\n"));

  const take = ({ subject, data, time }) => {
    const value = typeof data === "number" ? data : data?.value;
    if (typeof value !== "number") return;
    const [agent, name] = subject.split(".").slice(-2);
    const points = pointsOf(agent, name);
    if (points === null || time <= points.lastTime) return;
    points.push(data.time ?? time, value, data.min ?? value, data.max ?? value, every.peek());
    isNews = true;
  };
  const pointsOf = (agent, name) => {
    let own = agents.get(agent);
    if (own === undefined) agents.set(agent, (own = new Map()));
    let points = own.get(name);
    if (points === undefined) {
      if (known >= MOST) return null;
      known += 1;
      heard.value += 1;
      own.set(name, (points = new Points()));
    }
    return points;
  };
  effect(() => {
    void instance.name.value;
    agents.clear();
    known = 0;
  });
  effect(() => {
    const seconds = every.value;
    if (seconds === 0) return;
    const options = { every: seconds, fold: true, together: true, replay: 1 };
    for (const end of ends.value.split("\n").filter(Boolean)) told(() => instance.subject(end), options, take);
  });
  const timer = setInterval(() => {
    if (!isNews || document.hidden) return;
    isNews = false;
    beat.value += 1;
  }, 1000);
  onCleanup(() => clearInterval(timer));
  const subject = (agent, name) => instance.subject(`${agent}.${name}`);
  const past = earlier(instance, pointsOf, every);
  return { of: (agent) => agents.get(agent) ?? NOTHING, agents: () => [...agents.keys()], beat, heard, every, past, subject };
}

const NOTHING = new Map();

/** Ask the recorder for the points before those that have come, of the channels in view first. */
function earlier(instance, pointsOf, every) {
  const asked = new Set();
  /** @type {string[]} */
  let waiting = [];
  let timer = 0;
  let isOver = false;
  onCleanup(() => {
    isOver = true;
    clearTimeout(timer);
  });
  const ask = async () => {
    const subjects = waiting.splice(0, ASKED);
    const end = serverNow();
    try {
      const span = POINTS * every.peek();
      const answer = await askRecorder("history.query", { pattern: subjects, begin: end - span, end, points: POINTS });
      if (isOver) return;
      for (const { subject, times, min, max, mean } of answer.series) {
        const [agent, name] = subject.split(".").slice(-2);
        const rows = times.map((time, index) => [time, mean[index], min[index], max[index]]);
        pointsOf(agent, name)?.prepend(rows.filter((row) => row.every(Number.isFinite)));
      }
    } catch {
      // without the past, curves begin now
    }
    timer = waiting.length > 0 && !isOver ? setTimeout(ask, 0) : 0;
  };
  return (agent, name) => {
    const subject = instance.subject(`${agent}.${name}`);
    if (subject === null || !remembers.peek() || asked.has(subject)) return;
    asked.add(subject);
    waiting.push(subject);
    timer ||= setTimeout(ask, TOGETHER);
  };
}
