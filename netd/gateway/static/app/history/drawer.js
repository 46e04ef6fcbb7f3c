/** Beside the plots: what is at the pointer, what is selected and what can be made of it, and what happened. */

import { action, form, results } from "../action.js";
import { answers, channel } from "../channels.js";
import { serverNow } from "../connection.js";
import { each, h, when } from "../dom.js";
import { count, excerpt, measure, plural, precisionOf, shortSpan, visible } from "../format.js";
import { panel } from "../panel.js";
import { windowOf } from "../plots/grid.js";
import { offers, recorder } from "../recorder.js";
import { timeWritten } from "../said_times.js";
import { computed, effect, onCleanup, signal } from "../signal.js";
import { zone } from "../zones.js";
import { saveCsv, savePicture } from "./export.js";
import { readable, slopeOf } from "./figures.js";
import { SIGNS } from "./lane.js";
import * as state from "./state.js";

/** Columns into which a selection is divided for its slope. */
const COLUMNS = 1000;
const MOST_MARKS = 60;
const EXCERPT = 160;
/** Milliseconds between two looks at the window while time goes on. */
const BEAT = 1000;

const unitOf = (subject) => state.bySubject.value.get(subject)?.unit ?? "";
const written = (value, unit) => `${measure(value, precisionOf(Number(value.toPrecision(5))))}${unit ? `\u00a0${unit}` : ""}`;

export const drawer = () => h("div.history-drawer", { testid: "history-drawer" }, chosenPanel(), valuesPanel(), marksPanel());

/** The selection; without one, the window. */
const chosenSpan = () => state.view.marked.peek() ?? state.view.read();

/** What a note is on without a selection: the time at the pointer, or the newest that is seen. */
function pointedOrNewest() {
  const time = state.pointed.peek()?.time ?? Math.min(state.view.read().to, serverNow());
  return { from: time, to: time };
}

function chosenPanel() {
  const isMarked = () => state.view.marked.value !== null;
  const title = () => {
    const span = state.view.marked.value;
    return span === null ? "" : `${timeWritten(span.from, zone.value)}, ${shortSpan(span.to - span.from)}`;
  };
  const subjects = () => state.plots.value.flat().filter((subject) => !state.hidden.value.has(subject));
  return panel(
    { title: "Selection", testid: "selection" },
    when(
      () => !isMarked(),
      () =>
        h(
          "p.hint",
          {},
          "Shift and drag, or Shift and the arrow keys, select a time. Without a selection, what is seen is meant; a note is put at the pointer, or at the newest value.",
        ),
    ),
    h("p", { hidden: () => !isMarked() }, title),
    each(
      subjects,
      (subject) => subject,
      (item) => selected(item.peek()),
    ),
    buttons(subjects),
    noteForm(),
  );
}

function selected(subject) {
  const one = channel(subject);
  const figures = computed(() => {
    const span = state.view.marked.value;
    if (span === null || answers.value < 0) return null;
    const { times, values, summary } = windowOf(one, span.from, span.to, COLUMNS);
    return { ...summary, slope: slopeOf(times, values) };
  });
  const read = (name) => () => (figures.value?.count ? written(figures.value[name], "") : "–");
  const slope = () => {
    const [value, unit] = readable(figures.value?.slope ?? NaN);
    return Number.isFinite(value)
      ? `${value > 0 ? "+" : ""}${written(value, `${unitOf(subject)}/${unit}`.replace(/^\//, "1/"))}`
      : "–";
  };
  const fact = (name, value) => h("div", {}, h("dt", {}, name), h("dd", { testid: `selected-${name}` }, value));
  return h(
    "div.selected",
    { hidden: () => figures.value === null, testid: "selected", "data-subject": subject },
    h("h4", {}, () => `${visible(subject)}${unitOf(subject) ? ` in ${unitOf(subject)}` : ""}`),
    h(
      "dl.stats",
      {},
      ["min", "mean", "max"].map((name) => fact(name, read(name))),
      fact("count", () => count(figures.value?.count ?? NaN)),
      fact("slope", slope),
    ),
  );
}

function buttons(subjects) {
  const trouble = signal("");
  const nothing = () => subjects().length === 0;
  const csv = async () => {
    try {
      trouble.value = "";
      await saveCsv(subjects(), chosenSpan());
    } catch (error) {
      trouble.value = error.message;
    }
  };
  const png = () => savePicture([...document.querySelectorAll(".history-plot")], chosenSpan());
  const note = () => (state.noted.value = state.view.marked.peek() ?? pointedOrNewest());
  const button = (word, testid, onclick) => h("button", { type: "button", testid, disabled: nothing, onclick }, word);
  const replay = action({
    label: "Replay",
    method: "history.replay",
    instance: recorder,
    params: () => ({ pattern: subjects(), begin: chosenSpan().from, end: chosenSpan().to }),
    objection: () => (nothing() ? "Choose a subject first." : ""),
    told: ({ number, subjects: made }) => ({
      state: "ok",
      text: `Replay ${number} runs: ${made} has its values, on the page Bus and on boards.`,
    }),
    until: () => `${state.view.marked.value?.from} ${state.view.marked.value?.to} ${subjects()}`,
    isOffered: false,
    testid: "replay",
  });
  return h(
    "div",
    {},
    h(
      "div.row",
      {},
      button("CSV", "csv", csv),
      button("PNG", "png", png),
      h("span", { hidden: () => !offers("history.replay") }, replay.button),
      h("button", { type: "button", testid: "note", hidden: () => !offers("history.annotate"), onclick: note }, "Note"),
    ),
    results(replay),
    h("p.restraint", { role: "alert", hidden: () => trouble.value === "" }, () => trouble.value),
  );
}

/** A note at the pointer, or over the selection: it is open while `noted` has a time. */
function noteForm() {
  const text = signal("");
  const span = () => state.noted.value ?? { from: 0, to: 0 };
  const write = action({
    label: "Write note",
    method: "history.annotate",
    instance: recorder,
    params: () => {
      const { from, to } = span();
      const words = text.peek().trim();
      return words === "" ? null : { text: words, time: from, ...(to > from ? { until: to } : {}) };
    },
    told: ({ time }) => ({ state: "ok", text: `The note at ${timeWritten(time, zone.peek())} is written.` }),
    until: () => state.noted.value !== null,
    isLasting: true,
    done: (result) => {
      if (result === null) return;
      state.addNote(result);
      text.value = "";
      state.noted.value = null;
    },
    kind: "main",
    testid: "write-note",
  });
  const input = h("input", {
    testid: "note-text",
    required: true,
    maxlength: "2000",
    value: () => text.value,
    oninput: (event) => (text.value = event.target.value),
  });
  let before = /** @type {HTMLElement|null} */ (null); // what had the focus, and gets it back
  effect(() => {
    const isOpen = state.noted.value !== null;
    if (isOpen) before = /** @type {HTMLElement|null} */ (document.activeElement);
    queueMicrotask(() => (isOpen ? input.focus() : before?.focus({ preventScroll: true })));
  });
  const leave = (event) => {
    if (event.key === "Escape") state.noted.value = null;
  };
  const about = () =>
    span().to > span().from
      ? `Note on ${timeWritten(span().from, zone.value)} to ${timeWritten(span().to, zone.value)}`
      : `Note at ${timeWritten(span().from, zone.value)}`;
  return h(
    "div",
    {},
    h(
      "div",
      { hidden: () => state.noted.value === null, testid: "note-form", onkeydown: leave },
      form({ class: "stack" }, write.run, h("label.field", {}, h("span.field-label", {}, about), input), write.button),
    ),
    results(write),
  );
}

function valuesPanel() {
  const rows = () => (state.pointed.value === null ? [] : state.plots.value.flat());
  const time = () => (state.pointed.value === null ? "Point at a plot." : timeWritten(state.pointed.value.time, zone.value));
  const row = (item) => {
    const subject = item.peek();
    const at = () => state.pointed.value?.values.get(subject) ?? null;
    const value = () => (at() === null ? "–" : written(at().value, unitOf(subject)));
    const band = () =>
      at() !== null && at().count > 1
        ? `${written(at().low, "")} to ${written(at().high, "")}, ${plural(at().count, "sample")}`
        : "";
    return h(
      "div.value-row",
      { testid: "value", "data-subject": subject },
      h("dt", {}, visible(subject)),
      h(
        "dd",
        {},
        value,
        h("span.hint", {}, () => ` ${band()}`),
      ),
    );
  };
  return panel(
    { title: "At the pointer", testid: "values" },
    h("p.hint", {}, time),
    h(
      "dl.values",
      {},
      each(rows, (subject) => subject, row),
    ),
  );
}

function marksPanel() {
  const span = signal(state.view.read());
  const look = () => (span.value = state.view.read());
  const beat = setInterval(() => state.view.isLive.peek() && look(), BEAT);
  const end = state.view.watch(look);
  onCleanup(() => {
    clearInterval(beat);
    end();
  });
  const seen = computed(() =>
    state.happened.value.filter((one) => one.time < span.value.to && (one.until ?? one.time) >= span.value.from),
  );
  const listed = () => seen.value.slice(-MOST_MARKS).reverse();
  const row = (item) => {
    const { time, kind } = item.peek();
    const go = () => {
      const { from, to } = state.view.read();
      state.view.go({ from: time - (to - from) / 2, to: time + (to - from) / 2 });
    };
    return h(
      "li",
      {},
      h(
        "button.quiet.happening",
        { type: "button", "data-kind": kind, testid: "happening", onclick: go },
        h("span.mark-word", { "aria-hidden": "true" }, SIGNS[kind]),
        h(
          "span",
          {},
          h("time", {}, () => timeWritten(time, zone.value)),
          " ",
          () => excerpt(item.value.word, EXCERPT),
          h("span.hint", {}, () => (item.value.who ? ` ${visible(item.value.who)}` : "")),
        ),
      ),
    );
  };
  return panel(
    {
      title: "Happened",
      testid: "happened",
      face: () => ({ name: listed().length ? "live" : "empty" }),
      empty: { text: "Nothing in this window: runs, notes, commands, connects and alerts stand here." },
    },
    h(
      "ul.happenings",
      {},
      each(listed, (one) => `${one.kind} ${one.time} ${one.word}`, row),
    ),
  );
}
