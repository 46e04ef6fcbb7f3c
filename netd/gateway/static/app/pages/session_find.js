/** Which sessions and channels the page shows: search, state and group, which live in the address. */

import { serverNow } from "../connection.js";
import { place, remember } from "../router.js";
import { byName, isOfValues, matches, parse } from "../lists/search.js";
import { computed, effect, signal } from "../signal.js";

/** @type {[string, string][]} */
export const VIEWS = [
  ["list", "List"],
  ["tiles", "Small multiples"],
  ["watched", "Watched"],
];

/** @type {[string, string][]} */
export const GROUPS = [
  ["", "no groups"],
  ["prefix", "by name"],
  ["host", "by host"],
  ["unit", "by unit"],
  ["label", "by label"],
];

/** States in which somebody has to look: they come first. */
const TROUBLE = new Set(["resting", "failing"]);

/** The choice of the user. It is kept while other pages are open. */
export const choice = { view: signal(""), query: signal(""), state: signal(""), group: signal("") };

/** Take the choice from the address, and keep it there. To be called by the page. */
export function followAddress() {
  effect(() => {
    if (place.value.page !== "sessions") return;
    const { view, q, state, group } = place.value.query;
    if (view !== undefined) choice.view.value = VIEWS.some(([name]) => name === view) ? view : "";
    if (q !== undefined) choice.query.value = q;
    if (state !== undefined) choice.state.value = state;
    if (group !== undefined) choice.group.value = GROUPS.some(([name]) => name === group) ? group : "";
  });
  effect(() => {
    const { view, query, state, group } = choice;
    remember({ view: view.value, q: query.value, state: state.value, group: group.value });
  });
}

/** 0 for trouble, 1 for what lives, 2 for what has ended. */
export const rankOf = (/** @type {{state: string}} */ { state }) => (TROUBLE.has(state) ? 0 : state === "ended" ? 2 : 1);

/** The texts of a session for the search, made once for each of its facts. @type {WeakMap<object, any>} */
const texts = new WeakMap();

function textsOf(session) {
  const known = texts.get(session);
  if (known !== undefined) return known;
  const channels = Object.entries(session.channels ?? {});
  const fields = {
    agent: session.agent,
    host: `${session.host} ${session.address ?? ""}`,
    state: session.state,
    channel: channels.map(([name]) => name).join(" "),
    label: channels.map(([, { label }]) => label).join(" "),
    unit: channels.map(([, { unit }]) => unit).join(" "),
  };
  for (const [name, text] of Object.entries(fields)) fields[name] = text.toLowerCase();
  const all = `${session.session} ${Object.values(fields).join(" ")}`;
  /** @returns {[string, object]} */
  const ofChannel = ([name, { label = "", unit = "" }]) => {
    const own = { ...fields, channel: name.toLowerCase(), label: label.toLowerCase(), unit: unit.toLowerCase() };
    const text = `${session.session} ${Object.values(own).join(" ")}`;
    return [name, { all: text, fields: own, named: `${own.channel} ${own.label}` }];
  };
  const made = { fields, all, channels: new Map(channels.map(ofChannel)) };
  texts.set(session, made);
  return made;
}

/** What an agent is called without its number: "rack" of "rack-12". */
const prefixOf = ({ agent }) => agent.replace(/[-_.]*\d+$/, "") || agent;

/** The group of a session, or of one of its channels. */
export function groupOf(session, channel = null) {
  const kind = choice.group.value;
  if (kind === "") return "";
  if (kind === "prefix") return prefixOf(session);
  if (kind === "host") return session.host;
  const own = channel === null ? Object.values(session.channels ?? {}).map((one) => one[kind]) : [channel[kind]];
  return own.find(Boolean) ?? `no ${kind}`;
}

/**
 * @param {() => any[]} all the sessions.
 * @param {ReturnType<typeof import("./session_values.js").sessionValues>} values
 */
export function finding(all, values) {
  const parts = computed(() => parse(choice.query.value));
  /** Values change all the time: a search that looks at them is done anew when they have. */
  const tick = () => (isOfValues(parts.value) ? values.beat.value : 0);
  const channelsOf = (session, only = null) => {
    const own = values.of(session.agent);
    const named = (name) => textsOf(session).channels.get(name)?.named ?? name.toLowerCase();
    const described = (name) => {
      const { last = null, lastTime = -Infinity } = own.get(name) ?? {};
      return { name: named(name), value: last, time: lastTime };
    };
    return (only === null ? Object.keys(session.channels ?? {}) : [only]).map(described);
  };
  const isSought = (session, now) =>
    matches({ ...textsOf(session), channels: () => channelsOf(session) }, parts.value, now);
  /** All in the order in which they are shown, which a search does not change. */
  const ordered = computed(() =>
    [...all()].sort(
      (one, other) => rankOf(one) - rankOf(other) || byName(one.agent, other.agent) || one.session - other.session,
    ),
  );
  /** Sessions that match the search, whatever their state. */
  const sought = computed(() => {
    tick();
    const now = serverNow();
    return parts.value.length === 0 ? ordered.value : ordered.value.filter((one) => isSought(one, now));
  });
  const sessions = computed(() => {
    const { value: state } = choice.state;
    return state === "" ? sought.value : sought.value.filter((one) => one.state === state);
  });
  /** How many there are in each state. @returns {[string, number][]} */
  const counts = () => {
    const counted = new Map();
    for (const { state } of sought.value) if (state !== "") counted.set(state, (counted.get(state) ?? 0) + 1);
    if (choice.state.value !== "" && !counted.has(choice.state.value)) counted.set(choice.state.value, 0);
    return [...counted].sort(([one], [other]) => rankOf({ state: one }) - rankOf({ state: other }) || byName(one, other));
  };
  /** A channel alone is what somebody looks for, where the search names channels, labels, units or values. */
  const channels = computed(() => {
    tick();
    const now = serverNow();
    return sessions.value.filter(({ state }) => state !== "ended").flatMap((session) => {
      const names = new Set([...Object.keys(session.channels ?? {}), ...values.of(session.agent).keys()]);
      return [...names].filter((name) => isSoughtChannel(session, name, now)).map((name) => ({ session, name }));
    });
  });
  const isSoughtChannel = (session, name, now) => {
    if (parts.value.length === 0) return true;
    const texts = textsOf(session);
    const own = texts.channels.get(name) ?? { all: `${texts.all} ${name.toLowerCase()}`, fields: texts.fields };
    return matches({ ...own, channels: () => channelsOf(session, name) }, parts.value, now);
  };
  const stamp = () => [choice.query, choice.state, choice.group].map((one) => one.value).join("\n");
  return { sought, sessions, channels, counts, stamp, isOfValues: () => isOfValues(parts.value) };
}

/** *items* by their group, in the order of names; one nameless group where there are none. */
export function grouped(items, groupFor) {
  const groups = new Map();
  for (const item of items) {
    const name = groupFor(item);
    if (!groups.has(name)) groups.set(name, []);
    groups.get(name).push(item);
  }
  return [...groups].map(([name, own]) => ({ name, items: own })).sort((one, other) => byName(one.name, other.name));
}
