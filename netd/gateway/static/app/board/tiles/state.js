/** A tile with the state of a service, session, device or alert: a word and a colour. */

import { knownAt, servicesOf, status } from "../../connection.js";
import { h } from "../../dom.js";
import { ago, excerpt, fullTime, spoken } from "../../format.js";
import { told } from "../../live.js";
import { badge } from "../../panel.js";
import { signal } from "../../signal.js";
import { stateIn } from "../judge.js";

/** @typedef {{word: string, state: string, time: number|null, why: string}} Shown */

const NOTHING = { word: "nothing known", state: "gone", time: null, why: "" };

/** @param {import("../model.js").Tile} tile */
export function state({ subjects = [], service = "" }) {
  const { read, title, refusal } = service ? ofService(service) : ofSubject(String(subjects[0] ?? ""));
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

function ofSubject(subject) {
  const last = signal(/** @type {Shown} */ (NOTHING));
  const source = told(
    () => subject || null,
    { replay: 1 },
    ({ data, time }) => {
      const found = stateIn(data);
      if (found !== null) last.value = { ...found, time, why: String(data?.reason ?? "") };
    },
  );
  const tokens = subject.split(".");
  const name = tokens.length > 2 ? tokens[2] : tokens.join(" ");
  return { read: () => last.value, title: () => name || "State", refusal: () => source.refusal.value || source.error.value };
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
