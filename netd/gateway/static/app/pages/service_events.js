/** The events of a service: its numbers as small plots, and the newest events. */

import { commandLine, commandLineToCopy } from "../commandline.js";
import { isLive, netd, operations } from "../connection.js";
import { each, h, when } from "../dom.js";
import { clock, excerpt, fullTime, measure, precisionOf, visible } from "../format.js";
import { recent, told } from "../live.js";
import { log, lostHint } from "../log.js";
import { faceOfEvents, panel } from "../panel.js";
import { sparkline } from "../plots/sparkline.js";
import { ANY, formatOf, isAny, memberOf, schemaOf } from "../schema.js";
import { effect, signal } from "../signal.js";
import { flattened, isMeasured, written } from "./values.js";

/** Seconds between two events of one subject, at least. */
const EVERY = 0.25;
/** How many events are listed, and how many characters of each. */
const MOST_EVENTS = 100;
const SHOWN = 300;
/** How many numbers are plotted, and how many values of each. */
const MOST_NUMBERS = 24;
const MOST_VALUES = 240;
/** A member that is no measurement, in events whose schema is unknown. */
const TIME = "time";

/** @typedef {import("../schema.js").Schema} Schema */

export function sayings(kind, instance) {
  const events = recent(MOST_EVENTS);
  const numbers = signal(new Map());
  const published = publishedNow();
  const pattern = () => instance.subject(">");
  const take = ({ subject, data, time }) => {
    const name = subject.split(".").slice(2).join(".");
    const schema = schemaOf(published.peek() ?? [], subject);
    events.add({ name, text: textOf(data, schema), time });
    numbers.value = withNumbers(numbers.peek(), { name, data, time, schema });
  };
  effect(() => {
    void instance.name.value;
    events.clear();
    numbers.value = new Map();
  });
  const source = told(() => (published.value === null ? null : pattern()), { replay: 1, every: EVERY }, take);
  const empty = { text: () => `No event has been published under ${pattern() ?? kind} yet.` };
  return panel(
    { title: "Events", testid: "service-events", face: faceOfEvents(() => events.value.length === 0, source), empty },
    when(
      () => numbers.value.size > 0,
      () => numberList(numbers),
    ),
    log({ label: "Events, newest first", list: () => events.value, row: line, kind: "events" }),
    lostHint(() => source.lost.value),
    commandLineToCopy(() => commandLine("tail", pattern() ?? `${kind}.>`)),
  );
}

/**
 * What `system.subjects` gives, asked again when other operations are offered; null until then.
 * @returns {import("../signal.js").Readable<import("../schema.js").Published[]|null>}
 */
function publishedNow() {
  const published = signal(/** @type {import("../schema.js").Published[]|null} */ (null));
  effect(() => {
    void operations.value;
    if (!isLive.value) return;
    netd.call("system.subjects").then(
      (all) => (published.value = all),
      () => (published.value ??= []), // events are shown without units then
    );
  });
  return published;
}

/** An event in one line: its members, where their schema is known, or else JSON. @param {any} data @param {Schema} schema */
function textOf(data, schema) {
  if (isAny(schema) || data === null || typeof data !== "object") return excerpt(JSON.stringify(data), SHOWN);
  const facts = flattened(data, [], schema).filter(([, , described]) => formatOf(described) !== "epoch");
  return excerpt(facts.map(([name, value, described]) => `${name.toLowerCase()} ${written(value, described)}`).join(", "), SHOWN);
}

/**
 * The numbers in *data* that are no times, each named by its event and member.
 * @param {string} name @param {any} data @param {Schema} [schema]
 * @returns {[string, number, Schema][]}
 */
export function numbersIn(name, data, schema = ANY) {
  if (typeof data === "number") return [[name, data, schema]];
  if (data === null || typeof data !== "object" || Array.isArray(data)) return [];
  const isTime = (member) => (isAny(schema) ? member === TIME : formatOf(memberOf(schema, member)) === "epoch");
  return Object.entries(data)
    .filter(([member, value]) => typeof value === "number" && !isTime(member))
    .map(([member, value]) => [`${name} ${member}`, value, memberOf(schema, member)]);
}

/** The *known* numbers with those of another event added. */
export function withNumbers(known, { name, data, time, schema = ANY }) {
  const found = numbersIn(name, data, schema).filter(([one]) => known.has(one) || known.size < MOST_NUMBERS);
  if (found.length === 0) return known;
  const all = new Map(known);
  for (const [one, value, described] of found) {
    const before = all.get(one) ?? { name: one, points: [], precision: null };
    const points = [...before.points, { time, value }].slice(-MOST_VALUES);
    all.set(one, { name: one, points, precision: precisionOf(value, before.precision), schema: described, unit: data.unit });
  }
  return all;
}

/** A plotted number as text: by its unit, or with the precision of its values. */
function numberText({ points, precision, schema, unit }) {
  const { value } = points.at(-1);
  if (isMeasured(schema)) return written(value, schema);
  return measure(value, precision) + (formatOf(schema) === "measured" && unit ? ` ${visible(unit)}` : "");
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
  const last = () => numberText(item.value);
  const { name } = item.peek();
  return h(
    "div",
    { testid: "service-number", "data-name": name },
    h("dt", {}, name),
    h(
      "dd",
      {},
      sparkline(
        () => item.value.points,
        () => `${name}, now ${last()}`,
      ),
      h("span", {}, last),
    ),
  );
}

const line = ({ name, text, time }) =>
  h(
    "li",
    { testid: "service-event" },
    h("span.mono", {}, name),
    h("code.what", {}, text),
    h("time", { title: fullTime(time) }, clock(time)),
  );
