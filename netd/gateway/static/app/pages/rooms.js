/** Rooms: their bots and transcripts; ending a room, and joining one as a person. */

import { commandLine, commandLineToCopy } from "../commandline.js";
import { each, h, when } from "../dom.js";
import { plural } from "../format.js";
import { instanceOf, portOf } from "../instances.js";
import { polled, settled, told } from "../live.js";
import { faceOf, needsService, panel } from "../panel.js";
import { computed, effect, signal } from "../signal.js";
import { joinPanel } from "./room_join.js";
import { roomCard } from "./room_card.js";

const EVERY = 4;
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

function content() {
  const instance = instanceOf("room");
  const list = polled("room.list", instance, EVERY, { limit: 1000 });
  const known = signal(/** @type {Map<number, Known>} */ (new Map()));
  follow(instance, list, known);
  const shown = computed(() => [...known.value.values()]);
  const omitted = () => (list.answer.value?.matching ?? 0) - shown.value.filter((one) => !one.isOver).length;
  const isEmpty = () => shown.value.length === 0;
  const empty = {
    text: () => `Nobody is here. A room opens with its first bot; to be one${instance.service() ? "" : ", when one runs"}:`,
    command: () => commandLine("bot", ["--name", "Anna"], ["--port", portOf(instance.service(), 4242)]),
  };
  return h(
    "div.stack",
    {},
    joinPanel(instance),
    panel(
      { title: "Rooms", testid: "rooms-list", face: faceOf(list, isEmpty), empty, aside: instance.select, kind: "bare" },
      h(
        "div.cards",
        {},
        each(
          () => shown.value,
          (one) => one.room,
          (item) => roomCard(item, instance, list.refresh),
        ),
      ),
      when(
        () => omitted() > 0,
        () => h("p.hint", {}, () => `${plural(omitted(), "further room")} not shown.`),
      ),
      commandLineToCopy(() => instance.line("room", "list")),
    ),
  );
}

/** Keep *known* up to date with the polled list and with events. */
function follow(instance, list, known) {
  const soon = settled(list.refresh, 150);
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
  const progressed = ({ data }) => {
    change(data.room, ({ facts }) => ({
      facts: { ...facts, state: data.state, round: data.round },
      reason: data.reason,
      isOver: data.state === "over",
    }));
    soon();
  };
  effect(() => {
    void instance.name.value;
    known.value = new Map();
  });
  effect(() => {
    if (list.answer.value === null) return;
    known.value = merged(known.peek(), list.answer.value.rows, early);
    for (const room of known.peek().keys()) early.delete(room);
  });
  const under = (what) => () => instance.subject(`*.${what}`);
  told(under("said"), { replay: REPLAYED }, said);
  told(under("presence"), {}, soon);
  told(under("state"), {}, progressed);
}

/** *lines* with *line* added, unless it is there: replayed events may be here already. */
const added = (lines, line) => (lines.some((one) => one.key === line.key) ? lines : [...lines, line].slice(-MOST_LINES));

/**
 * The rooms of the list, and the last few that are over. Each room keeps its place; a new room takes the place of the one that has
 * been over for the longest time. Where there are not enough places, rooms that talk come before rooms that gather.
 *
 * @param {Map<number, Known>} before @param {Facts[]} listed
 * @param {Map<number, any[]>} early lines of rooms that are not listed yet.
 * @returns {Map<number, Known>}
 */
export function merged(before, listed, early) {
  const there = new Map(listed.map((facts) => [facts.room, facts]));
  const places = [...before.values()].map((known) => {
    const facts = there.get(known.room);
    return facts === undefined ? { ...known, isOver: true } : { ...known, facts, isOver: false };
  });
  const isTalking = ({ state }) => state !== "gathering";
  const newcomers = [...there.values()].filter(({ room }) => !before.has(room));
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
