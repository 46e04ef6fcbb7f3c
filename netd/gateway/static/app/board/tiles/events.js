/** A tile with the newest events of a pattern. */

import { h } from "../../dom.js";
import { clock, excerpt, fullTime } from "../../format.js";
import { recent, told } from "../../live.js";
import { log } from "../../log.js";
import { lineOf } from "../judge.js";

/** Seconds between two events of a subject, at least, and how many are kept. */
const EVERY = 0.25;
const MOST = 50;
const REPLAYED = 5;
const SHOWN = 200;

/** @param {import("../model.js").Tile} tile */
export function events({ subjects = [] }) {
  const rows = recent(MOST);
  const take = ({ subject, data, time }) => rows.add({ subject, text: excerpt(lineOf(subject, data), SHOWN), time });
  const sources = subjects.map((pattern) => told(() => String(pattern), { every: EVERY, replay: REPLAYED }, take));
  const isBare = () => rows.value.length === 0;
  const why = () => sources.map((one) => one.refusal.value || one.error.value).find(Boolean) || "Nothing has been said yet.";
  const body = h(
    "div.tile-log",
    {},
    h("p.hint", { hidden: () => !isBare() }, why),
    log({ label: `Events of ${subjects.join(", ")}, newest first`, list: () => rows.value, row: line, kind: "events" }),
  );
  return { body, title: () => subjects.join(", ") };
}

/** The last token of a subject tells more than the first ones, which all have in common. */
const line = ({ subject, text, time }) =>
  h(
    "li",
    { testid: "tile-event" },
    h("b.mono", { title: subject }, subject.split(".").slice(2).join(".") || subject),
    h("span.what", {}, text),
    h("time", { title: fullTime(time) }, clock(time)),
  );
