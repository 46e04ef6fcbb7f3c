/** A tile with the state of a service, session, device or alert: a word and a colour. */

import { knownAt, servicesOf, status } from "../../connection.js";
import { h } from "../../dom.js";
import { ago, excerpt, fullTime, spoken } from "../../format.js";
import { badge } from "../../panel.js";
import { signal } from "../../signal.js";
import { GRAVITY, stateIn } from "../judge.js";
import { shared } from "../values.js";

/** @typedef {{word: string, state: string, time: number|null, why: string}} Shown */

/** How many subjects of a pattern are told apart. */
const MOST = 200;

/** An alert that has not fired yet says nothing. */
const QUIET = { word: "quiet", state: "ok", time: null, why: "" };
const NOTHING = { word: "nothing known", state: "gone", time: null, why: "" };

/** @param {import("../model.js").Tile} tile @param {import("./frame.js").Surroundings} around */
export function state({ subjects = [], service = "" }, around) {
  const { read, title, refusal } = service ? ofService(service) : ofSubject(String(subjects[0] ?? ""), around);
  const since = () => (read().time === null ? "" : ago(/** @type {number} */ (read().time), knownAt.value));
  const body = h(
    "div.tile-state",
    { testid: "state-tile", "data-state": () => read().state },
    badge(
      () => read().state,
      () => excerpt(spoken(read().word), 60),
      { testid: "state-word" },
    ),
    h("p.hint", { title: () => (read().time === null ? null : fullTime(read().time)) }, () =>
      [refusal(), since(), excerpt(read().why, 120)].filter(Boolean).join(" · "),
    ),
  );
  return { body, title };
}

/** Of several subjects under a pattern, as an alert may have them, the gravest is shown. */
function ofSubject(subject, around) {
  const [kind, name, what] = subject.split(".");
  const all = signal(/** @type {Map<string, Shown>} */ (new Map()));
  const wider = kind === "session" && subject.split(".").length === 3 ? "session.*.*" : "alert.>";
  const source = shared(around, subject, wider, { replay: 1 }, ({ subject: told, data, time }) => {
    const found = stateIn(data);
    if (found === null || (!all.peek().has(told) && all.peek().size >= MOST)) return;
    all.value = new Map(all.peek()).set(told, { ...found, time, why: whyOf(data) });
  });
  const gravity = ({ state }) => GRAVITY[state] ?? 0;
  const nothing = kind === "alert" ? QUIET : NOTHING;
  const gravest = (one, other) => (gravity(other) > gravity(one) ? other : one);
  const read = () => [...all.value.values()].reduce(gravest, all.value.values().next().value ?? nothing);
  const title = () => (kind === "alert" ? `Alert ${name}` : what) || "State";
  return { read, title, refusal: () => source.refusal.value || source.error.value };
}

/** The reason that an event tells; of an alert, the subject and its value. */
function whyOf({ reason = "", alert, subject, value }) {
  if (alert === undefined) return String(reason);
  return `${subject}${typeof value === "number" ? ` ${Number(value.toPrecision(5))}` : ""}`;
}

/** @param {string} section "relay", "relay:lab". */
function ofService(section) {
  const [kind, instance = "main"] = section.split(":");
  /** @returns {Shown} */
  const read = () => {
    if (status.value === null) return NOTHING;
    const found = servicesOf(kind).find((one) => one.instance === instance);
    if (found === undefined) return { word: "not running", state: "trouble", time: null, why: "" };
    const word = String(found.state ?? "serving");
    return { ...(stateIn(word) ?? NOTHING), time: null, why: "" };
  };
  return { read, title: () => spoken(section), refusal: () => "" };
}
