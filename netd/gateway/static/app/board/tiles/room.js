/** A tile with a room: who talks, and what was said last. */

import { each, h } from "../../dom.js";
import { clock, excerpt, fullTime, visible } from "../../format.js";
import { recent, told } from "../../live.js";
import { log } from "../../log.js";
import { badge } from "../../panel.js";
import { signal } from "../../signal.js";
import { stateIn } from "../judge.js";

const MOST = 50;
const REPLAYED = 20;
/** Bots that are named, at most. */
const MOST_BOTS = 20;

/** @param {import("../model.js").Tile} tile */
export function room({ subjects = [] }) {
  const tokens = String(subjects[0] ?? "room.main.>").split(".");
  const [, instance = "main", number = "*"] = tokens.map((token) => (token === ">" ? "*" : token));
  const lines = recent(MOST);
  const progress = signal(/** @type {{room: any, state: string, round: number}|null} */ (null));
  const bots = signal(/** @type {string[]} */ ([]));
  const under = (what) => () => `room.${instance}.${number}.${what}`;
  const heard = told(under("said"), { replay: REPLAYED }, ({ data, time }) => {
    if (lines.value.some((one) => one.time === time && one.bot === data.bot)) return;
    lines.replace([...lines.value, { ...data, time }].sort((one, other) => other.time - one.time));
    if (!bots.peek().includes(data.bot)) bots.value = [...bots.peek(), data.bot].slice(-MOST_BOTS);
  });
  told(under("state"), { replay: 1 }, ({ data }) => {
    if (progress.peek()?.room !== undefined && data.room < progress.peek()?.room) return;
    if (data.room !== progress.peek()?.room) bots.value = [];
    progress.value = data;
  });
  const about = () => {
    const now = progress.value;
    return now === null ? "nobody" : `room ${now.room}, ${now.state}${now.round ? `, round ${now.round}` : ""}`;
  };
  const body = h(
    "div.tile-log",
    {},
    h(
      "p",
      {},
      badge(() => stateIn(progress.value)?.state ?? "gone", about),
    ),
    h(
      "ul.talkers",
      { "aria-label": "Who has talked", hidden: () => bots.value.length === 0 },
      each(
        () => bots.value,
        (one) => one,
        (one) => h("li", {}, visible(one.peek())),
      ),
    ),
    h(
      "p.hint",
      { hidden: () => lines.value.length > 0 },
      () => heard.refusal.value || heard.error.value || "Nothing has been said yet.",
    ),
    log({ label: "Lines of the room, newest first", list: () => lines.value, row: line }),
  );
  return { body, title: () => (number === "*" ? `Rooms of ${instance}` : `Room ${number}`) };
}

const line = ({ bot, text, time }) =>
  h(
    "li",
    { testid: "tile-line" },
    h("b", {}, visible(bot)),
    h("span.what", {}, excerpt(text.startsWith(`${bot}: `) ? text.slice(bot.length + 2) : text, 200)),
    h("time", { title: fullTime(time) }, clock(time)),
  );
