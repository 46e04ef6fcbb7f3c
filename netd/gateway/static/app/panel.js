/** Panels and their faces: empty, loading, live, stale, failed, or refused where the token covers something else. */

import { commandLineToCopy } from "./commandline.js";
import { isLive, lostAt, state } from "./connection.js";
import { h, when } from "./dom.js";
import { clock } from "./format.js";
import { denial } from "./late.js";
import { computed, signal } from "./signal.js";

/** Milliseconds before "Loading…" is shown, so that a quick answer does not make the panel flicker. */
const PATIENCE = 300;

let panels = 0;

/** The reason why there is no data while the connection is not live. */
export const away = () => (state.value.name === "unauthorised" ? "not signed in" : "not connected");

const notConnected = () => `since ${clock(lostAt.value)}: ${away()}`;

/** @template T @typedef {import("./signal.js").Readable<T>} Readable */

/**
 * @typedef {object} Face
 * @property {"empty"|"loading"|"live"|"stale"|"failed"|"refused"} name
 * @property {string} [text] the explanation.
 * @property {import("./denial.js").Denial|null} [lacks] what is missing, where the user may not see it.
 */

/**
 * The face of a polled answer, see live.js.
 * @param {import("./live.js").Resource} resource
 * @param {() => boolean} [isEmpty] whether the answer has nothing to show.
 * @returns {() => Face}
 */
export function faceOf(resource, isEmpty = () => false) {
  return () => {
    const has = resource.answer.value !== null;
    const error = resource.error.value;
    const absence = resource.absence?.() ?? "";
    if (absence && isLive.value) return { name: has ? "stale" : "failed", text: has ? `since ${clock(resource.loaded.value / 1000)}` : absence };
    if (resource.refusal.value && isLive.value) return { name: "refused", text: resource.refusal.value, lacks: resource.lacks?.() ?? null };
    if (error)
      return { name: has ? "stale" : "failed", text: has ? `since ${clock(resource.loaded.value / 1000)}: ${error}` : error };
    if (!has) return isLive.value ? { name: "loading", text: "" } : { name: "failed", text: away() };
    if (!isLive.value) return { name: "stale", text: notConnected() };
    return { name: isEmpty() ? "empty" : "live", text: "" };
  };
}

/**
 * The face of a list of events: it is never loading, because there is no answer to wait for.
 * @param {() => boolean} isEmpty
 * @param {...{error: Readable<string>, refusal: Readable<string>}} sources the subscriptions, see live.js.
 * @returns {() => Face}
 */
export function faceOfEvents(isEmpty, ...sources) {
  return () => {
    if (isEmpty() && isLive.value && sources.length > 0 && sources.every((one) => one.refusal.value))
      return { name: "refused", text: sources[0].refusal.value };
    const error = sources.map((one) => one.error.value).find(Boolean);
    if (error && isEmpty()) return { name: "failed", text: error };
    if (isLive.value) return { name: isEmpty() ? "empty" : "live" };
    const isNew = isEmpty();
    return { name: isNew ? "failed" : "stale", text: isNew ? away() : notConnected() };
  };
}

/**
 * A panel.
 *
 * @param {object} parts
 * @param {string|(() => string)} parts.title
 * @param {string} parts.testid
 * @param {() => Face} [parts.face]
 * @param {{text: string|(() => string), command?: () => string|null}} [parts.empty] what would
 *   be here, and the command that makes it appear.
 * @param {any} [parts.aside] beside the title.
 * @param {string} [parts.kind] classes.
 * @param {any} content shown when the face is live or stale.
 */
export function panel(
  { title, testid, face = () => ({ name: "live" }), empty = { text: "Nothing yet." }, aside = null, kind = "" },
  ...content
) {
  const id = `panel-${++panels}`;
  const shown = computed(() => face().name);
  const isBare = () => ["empty", "loading", "failed", "refused"].includes(shown.value);
  return h(
    "section",
    { class: `panel ${kind}`, "aria-labelledby": id, testid, "data-face": () => shown.value },
    h(
      "header.panel-head",
      {},
      h("h2", { id }, title),
      when(
        () => shown.value === "stale",
        () => staleBadge(() => face().text ?? ""),
      ),
      h("div.panel-aside", {}, aside),
    ),
    when(isBare, () => bareFace(shown, face, empty)),
    h("div.panel-body", { hidden: isBare }, ...content),
  );
}

function bareFace(shown, face, empty) {
  const isPatient = signal(true);
  setTimeout(() => (isPatient.value = false), PATIENCE);
  const text = () => {
    if (shown.value === "loading") return isPatient.value ? "" : "Loading…";
    if (shown.value === "failed") return `Cannot be shown: ${face().text}`;
    if (shown.value === "refused") return face().text;
    return typeof empty.text === "function" ? empty.text() : empty.text;
  };
  return h(
    "div.panel-bare",
    { role: () => (shown.value === "failed" ? "status" : null) },
    h("p", {}, text),
    denial(() => (shown.value === "refused" ? (face().lacks ?? null) : null)),
    when(
      () => shown.value === "empty" && Boolean(empty.command?.()),
      () => commandLineToCopy(() => empty.command() ?? ""),
    ),
  );
}

/**
 * A state: a colour, a shape and a word.
 * @param {"ok"|"waiting"|"trouble"|"gone"|"plain"|(() => string)} state
 * @param {any} text
 * @param {object} [attributes]
 * @param {string} [tag]
 */
export function badge(state, text, attributes = {}, tag = "span") {
  return h(`${tag}.badge`, { "data-state": state, ...attributes }, h("span.dot", { "aria-hidden": "true" }), h("span", {}, text));
}

/** Tells since when the content is out of date, and why. @param {() => string} [why] */
export const staleBadge = (why = notConnected) => badge("trouble", () => `stale ${why() ?? ""}`);
