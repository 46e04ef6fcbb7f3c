/** A tile with small multiples: a small plot and the newest value of each channel of a pattern. */

import { serverClock, serverNow } from "../../connection.js";
import { each, h, when } from "../../dom.js";
import { ago, excerpt, plural } from "../../format.js";
import { whileRead } from "../../plots/redraw.js";
import { sparkline } from "../../plots/sparkline.js";
import { onCleanup, signal } from "../../signal.js";
import { isOld } from "../judge.js";
import { followed, pointsOf, spelled, writtenShort } from "../values.js";

const POINTS = 60;
const MOST = 200;
/** A small plot is drawn with one of so many updates of figures: once a second. */
const SELDOM = 4;

/** The tokens by which a channel differs from the pattern. @param {string} subject @param {string} pattern */
function nameUnder(subject, pattern) {
  const own = pattern.split(".");
  const differing = subject.split(".").filter((token, index) => own[index] !== token);
  return differing.join(" ") || subject;
}

/** @param {import("../model.js").Tile} tile @param {import("./frame.js").Surroundings} around */
export function many({ subjects = [], sort = "name" }, around) {
  const pattern = String(subjects[0] ?? "");
  const { channels, omitted, refusal } = followed(subjects, MOST);
  const beat = signal(0);
  const list = () => {
    const all = [...channels.value];
    if (sort !== "value") return all.sort((one, other) => one.subject.localeCompare(other.subject, "en", { numeric: true }));
    void beat.value;
    return all.sort((one, other) => (other.live.last ?? -Infinity) - (one.live.last ?? -Infinity));
  };
  const body = h(
    "div.tile-many",
    { testid: "many", tabindex: "0", role: "group", "aria-label": `Channels of ${pattern}` },
    when(
      () => channels.value.length === 0,
      () => h("p.hint", {}, () => refusal() || "No channel of this pattern has said anything yet."),
    ),
    h(
      "ul.multiples",
      {},
      each(
        list,
        (one) => one.subject,
        (one) => multiple(one.peek(), nameUnder(one.peek().subject, pattern), around),
      ),
    ),
    h("p.hint", { hidden: () => omitted() === 0 }, () => `${plural(omitted(), "further channel")} not shown.`),
  );
  let updates = 0;
  onCleanup(whileRead(body, () => updates++ % SELDOM === 0 && (beat.value += 1)));
  return { body, title: () => spelled(pattern) };
}

function multiple(channel, name, around) {
  const shown = signal({ points: /** @type {import("../values.js").Point[]} */ ([]), text: "–", isOld: false });
  const { described, live } = channel;
  const element = h(
    "li.multiple",
    { testid: "multiple", "data-subject": channel.subject, class: () => (shown.value.isOld ? "old" : "") },
    h("span.multiple-name", { title: channel.subject }, () => excerpt(described.value.label || name, 40)),
    h(
      "span.multiple-value",
      {},
      () => shown.value.text,
      h("span.unit", {}, () => (described.value.unit ? `\u00a0${excerpt(described.value.unit, 8)}` : "")),
    ),
    sparkline(
      () => shown.value.points,
      () => `${name}, now ${shown.value.text}`,
    ),
    h("span.stale-word", { hidden: () => !shown.value.isOld }, () => ago(live.lastTime, serverClock.value)),
  );
  let updates = 0;
  const read = () => {
    if (updates++ % SELDOM !== 0) return;
    const seconds = around.view.seconds.peek();
    channel.seen(Math.max(1, seconds / POINTS));
    const { points } = pointsOf(channel, serverNow(), seconds, POINTS);
    const old = channel.live.total > 0 && isOld(channel.live.lastTime, channel.live.usual, serverClock.peek());
    shown.value = {
      points,
      text: writtenShort(channel, channel.live.last ?? points.findLast(({ value }) => value !== null)?.value ?? null),
      isOld: old,
    };
  };
  onCleanup(whileRead(element, read));
  return element;
}
