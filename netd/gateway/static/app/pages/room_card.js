/** One room: its bots, what they say, and its round. A room that is over becomes a line, which opens the transcript. */

import { action, results } from "../action.js";
import { commandLineToCopy } from "../commandline.js";
import { choice, each, h, when } from "../dom.js";
import { clock, excerpt, fullTime, plural, visible } from "../format.js";
import { tag } from "../instances.js";
import { badge } from "../panel.js";

/** @type {Record<string, string>} */
export const STATES = { gathering: "waiting", full: "ok", talking: "ok", parting: "waiting", over: "gone" };
const SEATS = { silent: "trouble", "did not reply in time": "trouble" };

/**
 * @param {import("../signal.js").Readable<import("./rooms.js").Known>} item
 * @param {import("../instances.js").Instance} instance
 * @param {() => void} refresh
 */
export function roomCard(item, instance, refresh) {
  const { room } = item.peek();
  return h(
    "article.panel.room",
    {
      testid: "room",
      "data-room": String(room),
      "aria-labelledby": `room-${room}`,
      "data-face": () => (item.value.isOver ? "over" : "live"),
    },
    choice(
      () => item.value.isOver,
      (isOver) => (isOver ? past(item, instance) : present(item, instance, refresh)),
    ),
  );
}

function present(item, instance, refresh) {
  const { room } = item.peek();
  const end = action({
    label: "End room",
    about: `End room ${room}`,
    method: "room.end",
    instance,
    params: () => ({ room }),
    told: () => ({ state: "ok", text: "Ended." }),
    done: refresh,
    question: "Disconnect everyone in it?",
    testid: "end-room",
  });
  return h(
    "div",
    {},
    head(item, instance, () => item.value.facts.state, end.button),
    seats(item),
    transcript(item),
    results(end),
    commandLineToCopy(() => instance.line("room", "end", room)),
  );
}

function past(item, instance) {
  const said = () => item.value.lines.length;
  return h(
    "div",
    {},
    head(item, instance, () => "over", null),
    h("p.hint", { testid: "room-outcome" }, () => visible(item.value.reason) || "netd does not list it any more"),
    when(
      () => said() > 0,
      () => h("details.commands", {}, summary(said), transcript(item)),
    ),
  );
}

const summary = (said) => h("summary", { testid: "room-transcript" }, () => `${plural(said(), "line")} said`);

function head(item, instance, state, button) {
  const { room } = item.peek();
  return h(
    "header.panel-head",
    {},
    h("h3", { id: `room-${room}` }, `Room ${room}`),
    tag("room", () => instance.name.value),
    badge(() => STATES[state()] ?? "plain", state, { testid: "room-state" }),
    h("span.hint", {}, () => progress(item.value.facts, state())),
    h("div.panel-aside", {}, button),
  );
}

function progress({ round, rounds, bots, size }, state) {
  if (state === "gathering") return `${bots.length} of ${size} are here`;
  return rounds ? `round ${Math.min(round, rounds)} of ${rounds}` : `${bots.length} here`;
}

function seats(item) {
  const seat = (one) =>
    badge(
      () => SEATS[one.value.state] ?? "ok",
      [visible(one.peek().name), h("span.offscreen", {}, () => `, ${one.value.state}`)],
      { testid: "seat", title: () => one.value.state },
      "li",
    );
  return h(
    "ul.seats",
    { "aria-label": "Bots in this room" },
    each(
      () => item.value.facts.bots,
      (one) => one.name,
      seat,
    ),
  );
}

function transcript(item) {
  const isBare = () => item.value.lines.length === 0;
  return h(
    "div",
    {},
    when(isBare, () => h("p.hint.padded", {}, "Nothing has been said yet.")),
    h(
      "div.log.talk",
      { tabindex: "0", hidden: isBare, role: "group", "aria-label": "Transcript" },
      h(
        "ol",
        {},
        each(
          () => item.value.lines,
          (one) => one.key,
          (one) => line(one.peek()),
        ),
      ),
    ),
  );
}

/** Many bots begin their text with their own name, which stands beside it already. */
const withoutName = (text, bot) => (text.startsWith(`${bot}: `) ? text.slice(bot.length + 2) : text);

function line({ bot, text, time, round, passed_on: isPassedOn }) {
  const title = isPassedOn ? fullTime(time) : `${fullTime(time)}; it was not this bot's turn: the others do not get it`;
  return h(
    "li",
    { testid: "room-message", class: isPassedOn ? "" : "aside", "data-round": String(round) },
    h("b", {}, visible(bot)),
    h("span.what", {}, excerpt(withoutName(text, bot), 500)),
    h("time", { title }, clock(time)),
  );
}
