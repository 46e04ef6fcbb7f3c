/** History: everything that was recorded, on one time; what happened; and what can be made of it. */

import { answers, archive } from "../channels.js";
import { h, when } from "../dom.js";
import { brush } from "../history/brush.js";
import { drawer } from "../history/drawer.js";
import { lane } from "../history/lane.js";
import { followMarks } from "../history/marks.js";
import { rangeBar } from "../history/range.js";
import { runsPanel, subjectsPanel } from "../history/side.js";
import { isWide, stack } from "../history/stack.js";
import * as state from "../history/state.js";
import { needsService } from "../no_service.js";
import { recording } from "../recorder.js";
import { sheet } from "../sheet.js";
import { signal } from "../signal.js";

await sheet("history");

export const history = () => h("div.grid", {}, needsService("recorder", content, "All numbers of the past appear here, once they are recorded."));

function content() {
  state.followAddress();
  followMarks(state.view, () => state.plots.value.flat(), state.happened);
  const isOpen = signal(false);
  const attributes = {
    type: "button",
    testid: "tree-handle",
    "aria-expanded": () => String(isOpen.value),
    onclick: () => (isOpen.value = !isOpen.value),
  };
  const side = h(
    "div.history-side",
    { "data-open": () => String(isOpen.value) },
    h("button.history-handle", attributes, () => (isOpen.value ? "Close the list" : "Choose what is shown")),
    h("div.history-side-body", {}, subjectsPanel(), runsPanel()),
  );
  return h("div.history", { testid: "history" }, side, middle(), drawer());
}

function middle() {
  const isEmpty = () => state.plots.value.length === 0;
  return h(
    "div.history-middle",
    {},
    rangeBar(),
    h(
      "p.outcome",
      {
        role: "status",
        "data-state": "trouble",
        hidden: () => (void answers.value, archive.trouble === ""),
        testid: "history-trouble",
      },
      () => (void answers.value, archive.trouble),
    ),
    h(
      "p.outcome",
      { role: "status", "data-state": "waiting", hidden: () => !recording.value?.reason, testid: "history-paused" },
      () => recording.value?.reason ?? "",
    ),
    when(isEmpty, nothing),
    h(
      "div.stack",
      { hidden: isEmpty },
      h("div.panel.history-lane", {}, lane(state.view, state.happened, isWide)),
      stack(),
      h("div.panel.history-brush", {}, h("h2.offscreen", {}, "The whole recording"), brush()),
    ),
    keys(),
  );
}

const nothing = () =>
  h(
    "section.panel",
    { testid: "history-empty" },
    h(
      "div.panel-bare",
      {},
      h("p", {}, "Choose a subject: its plot appears here. Several share the time and the pointer."),
    ),
  );

/** @type {[string, string][]} */
const GESTURES = [
  ["drag, or one finger sideways", "moves the time"],
  ["wheel on a plot that was pressed, Ctrl and wheel, two fingers", "zooms"],
  ["Shift and drag, Shift and arrows", "selects; Enter zooms to it, Escape forgets it"],
  ["double press, End", "live again; Home: the oldest"],
  ["← → + −", "a quarter of the window; a fifth closer or further"],
  ["Backspace", "what was shown before"],
  [". ,", "next and previous mark"],
  ["l y o", "logarithmic; lock the scale; draw over the neighbour, or take apart"],
  ["n c", "write a note; copy the values at the pointer"],
];

const keys = () =>
  h(
    "details.commands.history-keys",
    {},
    h("summary", {}, "Gestures and keys"),
    h(
      "table",
      {},
      h(
        "tbody",
        {},
        GESTURES.map(([how, what]) => h("tr", {}, h("th", { scope: "row" }, how), h("td", {}, what))),
      ),
    ),
  );
