/** A plot of channels that shows the time of a page's view: what was recorded, and what is said now. Gestures move the view. */

import { answers, archive } from "../channels.js";
import { plot } from "./plot.js";
import { targetOf } from "./view.js";

/**
 * @param {Omit<Parameters<typeof plot>[0], "view"|"target"|"gaps"> & {view: import("./view.js").View,
 *   press?: (key: string) => boolean}} parts as of `plot`; `press` takes further keys.
 * @returns {Element}
 */
export function timePlot({ view, press, changes = () => null, ...parts }) {
  return plot({
    ...parts,
    view: () => view.shown(),
    gaps: () => archive.gaps,
    target: targetOf(view, press),
    changes: () => [view.marked.value, answers.value, changes()], // the target tells of another window, at once
  });
}
