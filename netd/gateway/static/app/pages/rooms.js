/** Rooms: their bots and transcripts; ending a room, and joining one as a person. */

import { commandLine, commandLineToCopy } from "../commandline.js";
import { each, h, when } from "../dom.js";
import { plural } from "../format.js";
import { instanceOf, portOf } from "../instances.js";
import { told } from "../live.js";
import { needsService } from "../no_service.js";
import { faceOf, panel } from "../panel.js";
import { roll } from "../lists/roll.js";
import { computed, effect, signal } from "../signal.js";
import { steady } from "../lists/steady.js";
import { chips, searchField } from "../lists/toolbar.js";
import { joinPanel } from "./room_join.js";
import { roomCard, STATES } from "./room_card.js";

/** How many rooms are shown, and how many of these may be over. */
const MOST_PLACES = 24;
const MOST_OVER = 3;
/** How many lines of each room are kept, and how many are asked for at first. */
const MOST_LINES = 200;
const REPLAYED = 50;

export function rooms() {
  return h("div.grid.rooms", {}, needsService("room", content));
}

/** A room in the result of `room.list`. @typedef {{room: number, state: string} & Record<string, any>} Facts */

/**
 * A room as it is shown: its facts, the last ones where it is over, and its transcript.
 * @typedef {{room: number, isOver: boolean, facts: Facts, lines: any[], reason: string}} Known
 */

/** What is looked for. It is kept while other pages are open. */
const [query, state] = [signal(""), signal("")];

/** Rooms that talk come before those that gather, and before those that are over. */
const rankOf = ({ isOver, facts }) => (isOver ? 2 : facts.state === "gathering" ? 1 : 0);

function content() {
  const instance = instanceOf("room");
  const list = roll({
    method: "room.list",
    instance,
    keyOf: (one) => one.room,
    events: [
      ["*.state", progressed],
      ["*.presence", present],
    ],
  });
  const words = computed(() => query.value.toLowerCase().split(/\s+/).filter(Boolean));
  const textOf = ({ room, bots }) => `${room} ${bots.map(({ name }) => name).join(" ")}`.toLowerCase();
  const isFound = (facts) => words.value.every((word) => textOf(facts).includes(word));
  const isSought = (facts) => isFound(facts) && (state.value === "" || facts.state === state.value);
  const known = signal(/** @type {Map<number, Known>} */ (new Map()));
  follow(instance, list, known, isSought);
  const still = steady({
    list: () => [...known.value.values()].filter((one) => !one.isOver).sort((one, other) => rankOf(one) - rankOf(other)),
    keyOf: (one) => one.room,
    rankOf,
    stamp: () => `${query.value}\n${state.value}`,
  });
  const over = computed(() => [...known.value.values()].filter((one) => one.isOver));
  const counts = () => {
    const counted = new Map();
    for (const one of list.rows.value.values()) if (isFound(one)) counted.set(one.state, (counted.get(one.state) ?? 0) + 1);
    return [...counted].sort(([one], [other]) => (one < other ? 1 : -1));
  };
  const omitted = () => [...list.rows.value.values()].filter(isSought).length - still.items.value.length;
  const isEmpty = () => list.rows.value.size === 0 && over.value.length === 0;
  const empty = {
    text: () => `Nobody is here. A room opens with its first bot; to be one${instance.service() ? "" : ", when one runs"}:`,
    command: () => commandLine("bot", ["--name", "Anna"], ["--port", portOf(instance.service(), 4242)]),
  };
  const cards = (rooms) =>
    h(
      "div.cards",
      {},
      each(
        rooms,
        (one) => one.room,
        (item) => roomCard(item, instance, list.refresh),
      ),
    );
  return h(
    "div.stack",
    {},
    joinPanel(instance),
    panel(
      { title: "Rooms", testid: "rooms-list", face: faceOf(list, isEmpty), empty, aside: instance.select, kind: "bare" },
      h(
        "div.toolbar.finding",
        {},
        searchField(query, "bot, number of the room", "room-search"),
        chips(counts, state, (name) => STATES[name] ?? "plain", "room-states"),
      ),
      still.button,
      h("div", still.attributes, cards(() => still.items.value)),
      when(
        () => omitted() > 0,
        () => h("p.hint", {}, () => `${plural(omitted(), "further room")} not shown.`),
      ),
      when(
        () => over.value.length > 0,
        () =>
          h(
            "details.commands",
            { testid: "rooms-over" },
            h("summary", {}, () => `${plural(over.value.length, "room")} ${over.value.length === 1 ? "is" : "are"} over`),
            cards(() => over.value),
          ),
      ),
      commandLineToCopy(() => instance.line("room", "list")),
    ),
  );
}

/** Take the state of a room. */
function progressed(rows, { data: { room, state: now, bots, reason: _, ...facts } }) {
  if (now === "over") {
    rows.delete(room);
    return;
  }
  const before = rows.get(room)?.bots ?? [];
  const botOf = (name) => before.find((one) => one.name === name) ?? { name, state: "here" };
  rows.set(room, { ...facts, room, state: now, bots: bots.map(botOf) });
}

/** Take that a bot came, fell silent, or left. */
function present(rows, { data: { room, bot, state: now } }) {
  const facts = rows.get(room);
  if (facts === undefined) return;
  const others = facts.bots.filter(({ name }) => name !== bot);
  rows.set(room, { ...facts, bots: now === "left" ? others : [...others, { name: bot, state: now }] });
}

/** Keep *known* up to date with the list and with what is said. */
function follow(instance, list, known, isSought) {
  const early = new Map();
  const change = (room, changes) => {
    const before = known.peek().get(room);
    if (before !== undefined) known.value = new Map([...known.peek(), [room, { ...before, ...changes(before) }]]);
  };
  const said = ({ data, time }) => {
    const line = { ...data, time, key: `${time} ${data.bot} ${data.round}` };
    if (known.peek().has(data.room)) change(data.room, ({ lines }) => ({ lines: added(lines, line) }));
    else early.set(data.room, added(early.get(data.room) ?? [], line));
    if (early.size > MOST_PLACES) early.delete(early.keys().next().value);
  };
  effect(() => {
    void instance.name.value;
    known.value = new Map();
  });
  effect(() => {
    if (list.answer.value === null) return;
    const kept = [...known.peek()].filter(([, one]) => one.isOver || isSought(one.facts));
    known.value = merged(new Map(kept), [...list.answer.value.values()], early, isSought);
    for (const room of known.peek().keys()) early.delete(room);
  });
  const under = (what) => () => instance.subject(`*.${what}`);
  told(under("said"), { replay: REPLAYED }, said);
  told(under("state"), {}, ({ data }) => change(data.room, () => ({ reason: data.reason })));
}

/** *lines* with *line* added, unless it is there: replayed events may be here already. */
const added = (lines, line) => (lines.some((one) => one.key === line.key) ? lines : [...lines, line].slice(-MOST_LINES));

/**
 * The rooms of the list, and the last few that are over. Each room keeps its place; a new room takes the place of the one that has
 * been over for the longest time. Where there are not enough places, rooms that talk come before rooms that gather.
 *
 * @param {Map<number, Known>} before @param {Facts[]} listed
 * @param {Map<number, any[]>} early lines of rooms that are not listed yet.
 * @param {(facts: Facts) => boolean} isSought whether somebody looks for such a room.
 * @returns {Map<number, Known>}
 */
export function merged(before, listed, early, isSought = (/** @type {Facts} */ _) => true) {
  const there = new Map(listed.map((facts) => [facts.room, facts]));
  const places = [...before.values()].map((known) => {
    const facts = there.get(known.room);
    return facts === undefined ? { ...known, isOver: true } : { ...known, facts, isOver: false };
  });
  const isTalking = ({ state }) => state !== "gathering";
  const newcomers = [...there.values()].filter((facts) => !before.has(facts.room) && isSought(facts));
  for (const facts of [...newcomers.filter(isTalking), ...newcomers.filter((one) => !isTalking(one))]) {
    const { room } = facts;
    const place = placeFor(places, isTalking(facts), isTalking);
    if (place !== null) places[place] = { room, facts, lines: early.get(room) ?? [], reason: "", isOver: false };
  }
  return new Map(places.map((known) => [known.room, known]));
}

/** The place of a new room: that of the oldest that is over, a free one, or, for one that talks, that of one that gathers. */
function placeFor(places, talks, isTalking) {
  const over = places.filter((one) => one.isOver);
  const isFull = places.length >= MOST_PLACES;
  if (over.length >= MOST_OVER || (isFull && over.length > 0))
    return places.indexOf(over.reduce((one, other) => (one.room < other.room ? one : other)));
  if (!isFull) return places.length;
  const waiting = talks ? places.findIndex((one) => !isTalking(one.facts)) : -1;
  return waiting < 0 ? null : waiting;
}
