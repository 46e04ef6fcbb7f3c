/** What was recorded beside the samples of the watched sessions, for the marks of their plots: asked once for all cards. */

import { followMarks } from "../history/marks.js";
import { visible } from "../format.js";
import { onCleanup, scope, signal } from "../signal.js";
import { watched } from "./session_watch.js";

/** Characters of a mark's word. */
const EXCERPT = 24;
/** Seconds within which two marks of a connect are the same one. */
const SAME = 2;

/** @type {import("../signal.js").Writable<import("../history/figures.js").Happening[]>} */
const happened = signal([]);
let holders = 0;
let end = () => {};

/** What happened in the window of *view*, until the card that asks is gone. @param {import("../plots/view.js").View} view */
export function sessionMarks(view) {
  if (holders === 0) {
    const subjects = () => [...watched.value.values()].map(({ subject }) => `${subject}.*`);
    [, end] = scope(() => followMarks(view, subjects, happened));
  }
  holders += 1;
  onCleanup(() => {
    holders -= 1;
    if (holders === 0) end();
  });
  return happened;
}

/** Shorter words, where the plot says of which session. @type {Record<string, string>} */
const WORDS = { connect: "connected", gone: "disconnected" };

/** @type {Record<string, "ok"|"gone"|"trouble">} */
const KINDS = { connect: "ok", gone: "gone", note: "gone", run: "gone", alert: "trouble" };

const shortened = (word) => (word.length > EXCERPT ? `${visible(word.slice(0, EXCERPT))}…` : visible(word));

/**
 * The marks for the plots of one session: those that the page has heard, and what was recorded.
 * @param {{subject: string, marks: import("../plots/marks.js").Mark[]}} watch
 * @param {import("../history/figures.js").Happening[]} all
 */
export function marksOf({ subject, marks }, all) {
  const isHeard = (one) => marks.some((mark) => Math.abs(mark.time - one.time) < SAME);
  const concerns = (one) => one.kind in KINDS && (one.subject === undefined || (one.subject === subject && !isHeard(one)));
  const mark = ({ time, kind, word }) => ({ time, kind: KINDS[kind], word: WORDS[kind] ?? shortened(word) });
  return [...marks, ...all.filter(concerns).map(mark)];
}
