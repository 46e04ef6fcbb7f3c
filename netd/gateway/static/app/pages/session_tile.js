/** The card of a channel: its name, newest value and state, and a small curve of the last minutes. */

import { knownAt, serverNow } from "../connection.js";
import { h } from "../dom.js";
import { duration, measure, precisionOf, visible } from "../format.js";
import { drawSoon, POINTS, Points } from "../plots/spark.js";
import { computed, effect } from "../signal.js";
import { STATES } from "./session_states.js";

/** Usual intervals of silence after which a channel is called silent. */
const SILENT = 8;
const EMPTY = new Points();

/**
 * The card of one channel.
 * @param {import("../signal.js").Readable<{session: any, name: string}>} item
 * @param {ReturnType<typeof import("./session_values.js").sessionValues>} values
 * @param {{isWatched: (session: any) => boolean, toggle: (session: any) => void, hint?: string}} acts
 */
export function tile(item, values, { isWatched, toggle, hint = "Enter watches the session, p pins the channel to a board" }) {
  const { session: first, name } = item.peek();
  const points = () => values.of(item.value.session.agent).get(name) ?? EMPTY;
  const described = () => item.value.session.channels?.[name] ?? { label: "", unit: "" };
  const canvas = h("canvas.spark", { role: "img", "aria-label": "lately" });
  /** @type {import("../format.js").Precision|null} */
  let precision = null;
  const newest = computed(() => {
    void values.beat.value;
    const { last } = points();
    if (last !== null) precision = precisionOf(last, precision);
    return measure(last, precision);
  });
  const state = () => {
    const { state: of } = item.value.session;
    if (of !== "streaming" && of !== "") return of;
    const silence = knownAt.value - points().lastTime;
    return Number.isFinite(silence) && silence > SILENT * values.every.value + 2 ? `silent ${duration(silence)}` : "";
  };
  const look = () => (state() === "" ? "ok" : (STATES[item.value.session.state] ?? "ok") === "ok" ? "waiting" : STATES[item.value.session.state]);
  effect(() => {
    void values.beat.value;
    const to = serverNow();
    drawSoon(canvas, points(), to - POINTS * values.every.value, to);
  });
  values.past(first.agent, name);
  const pin = async (event) => {
    if (event.key !== "p" || event.ctrlKey || event.metaKey || event.altKey) return;
    const { choose, mayPin } = await import("../board/pin.js");
    const subject = values.subject(item.peek().session.agent, name);
    if (subject !== null && mayPin()) choose({ kind: "plot", subjects: [subject] }, name);
  };
  return h(
    "button.mini",
    {
      type: "button",
      testid: "mini",
      "data-agent": first.agent,
      "data-channel": name,
      "data-state": look,
      "aria-pressed": () => String(isWatched(item.value.session)),
      "aria-keyshortcuts": "p",
      title: hint,
      onclick: () => toggle(item.peek().session),
      onkeydown: pin,
    },
    h("span.mini-name", {}, () => visible(described().label || name)),
    h("span.mini-agent", {}, () => visible(first.title ?? first.agent)),
    h("span.mini-value", {}, () => newest.value, h("span.unit", {}, () => (described().unit ? `\u00a0${visible(described().unit)}` : ""))),
    h("span.mini-state", {}, state),
    canvas,
  );
}
