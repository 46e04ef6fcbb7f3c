/** The events of a service: its numbers as small plots, and the newest events. */

import { commandLine, commandLineToCopy } from "../commandline.js";
import { each, h, when } from "../dom.js";
import { clock, excerpt, fullTime, measure, precisionOf } from "../format.js";
import { recent, told } from "../live.js";
import { log, lostHint } from "../log.js";
import { faceOfEvents, panel } from "../panel.js";
import { effect, signal } from "../signal.js";
import { sparkline } from "../plots/sparkline.js";

/** Seconds between two events of one subject, at least. */
const EVERY = 0.25;
/** How many events are listed. */
const MOST_EVENTS = 100;
/** How many numbers are plotted, and how many values of each. */
const MOST_NUMBERS = 24;
const MOST_VALUES = 240;
/** A member of many events that is no measurement. */
const NO_NUMBER = "time";

export function sayings(kind, instance) {
  const events = recent(MOST_EVENTS);
  const numbers = signal(new Map());
  const pattern = () => instance.subject(">");
  const take = ({ subject, data, time }) => {
    const name = subject.split(".").slice(2).join(".");
    events.add({ name, data, time });
    numbers.value = withNumbers(numbers.peek(), name, data, time);
  };
  effect(() => {
    void instance.name.value;
    events.clear();
    numbers.value = new Map();
  });
  const source = told(pattern, { replay: 1, every: EVERY }, take);
  const empty = { text: () => `Nothing has been said under ${pattern() ?? kind} yet.` };
  return panel(
    { title: "Says", testid: "service-events", face: faceOfEvents(() => events.value.length === 0, source), empty },
    when(() => numbers.value.size > 0, () => numberList(numbers)),
    log({ label: "Events, newest first", list: () => events.value, row: line, kind: "events" }),
    lostHint(() => source.lost.value),
    commandLineToCopy(() => commandLine("tail", pattern() ?? `${kind}.>`)),
  );
}

/**
 * The numbers in *data*, each named by its event and member.
 * @returns {[string, number][]}
 */
export function numbersIn(name, data) {
  if (typeof data === "number") return [[name, data]];
  if (data === null || typeof data !== "object" || Array.isArray(data)) return [];
  return Object.entries(data)
    .filter(([member, value]) => typeof value === "number" && member !== NO_NUMBER)
    .map(([member, value]) => [`${name} ${member}`, value]);
}

/** The *known* numbers with those of another event added. */
export function withNumbers(known, name, data, time) {
  const found = numbersIn(name, data).filter(([one]) => known.has(one) || known.size < MOST_NUMBERS);
  if (found.length === 0) return known;
  const all = new Map(known);
  for (const [one, value] of found) {
    const before = all.get(one) ?? { name: one, points: [], precision: null };
    const points = [...before.points, { time, value }].slice(-MOST_VALUES);
    all.set(one, { name: one, points, precision: precisionOf(value, before.precision) });
  }
  return all;
}

function numberList(numbers) {
  return h(
    "dl.numbers",
    { testid: "service-numbers" },
    each(
      () => [...numbers.value.values()],
      ({ name }) => name,
      number,
    ),
  );
}

function number(item) {
  const last = () => measure(item.value.points.at(-1).value, item.value.precision);
  const { name } = item.peek();
  return h(
    "div",
    { testid: "service-number", "data-name": name },
    h("dt", {}, name),
    h("dd", {}, sparkline(() => item.value.points, () => `${name}, now ${last()}`), h("span", {}, last)),
  );
}

const line = ({ name, data, time }) =>
  h(
    "li",
    { testid: "service-event" },
    h("span.mono", {}, name),
    h("code.what", {}, excerpt(JSON.stringify(data), 300)),
    h("time", { title: fullTime(time) }, clock(time)),
  );
