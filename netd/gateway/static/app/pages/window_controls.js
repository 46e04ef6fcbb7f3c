/** What chooses the time that the plots of somebody's newest values show, and stops it. */

import { segments } from "../action.js";
import { h, when } from "../dom.js";
import { pauseButton } from "../log.js";
import { computed } from "../signal.js";

/** The lengths of the plots of somebody's newest values, with their words. @type {[number, string][]} */
const WINDOWS = [
  [10, "10 s"],
  [60, "1 min"],
  [600, "10 min"],
  [3600, "1 h"],
];

/** @param {import("../plots/view.js").View} view */
export function windowControls(view) {
  const isPaused = computed(() => !view.isLive.value);
  return h(
    "div.toolbar",
    {},
    segments("Time window", WINDOWS, view.length, "window"),
    pauseButton(isPaused, () => (view.isLive.peek() ? view.pause() : view.live()), "", "pause"),
    when(
      () => isPaused.value,
      () => h("span.hint", { role: "status" }, "The view stands still; samples are still collected."),
    ),
  );
}
