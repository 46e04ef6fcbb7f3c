/** What there is to be seen: the tree of recorded subjects, with a search over it, and the runs. */

import { serverClock } from "../connection.js";
import { choice, each, h, when } from "../dom.js";
import { ago, count, duration, plural, visible } from "../format.js";
import { polled } from "../live.js";
import { faceOf, panel } from "../panel.js";
import { recorder } from "../recorder.js";
import { audible } from "../rights.js";
import { computed, effect, signal } from "../signal.js";
import { below, matching } from "./tree.js";
import * as state from "./state.js";

/** Seconds between two questions. */
const EVERY = 30;
const RUNS_EVERY = 10;
const MOST_FOUND = 60;

/** Which branches are open. It is kept while other pages are looked at. */
const open = signal(new Set(/** @type {string[]} */ ([])));

export function subjectsPanel() {
  const list = polled("history.subjects", recorder, EVERY, {
    get pattern() {
      return audible(">"); // a confined token may not ask for more than it sees
    },
  });
  const search = signal("");
  effect(() => void (list.answer.value !== null && (state.recorded.value = list.answer.value)));
  const numeric = computed(() => (list.answer.value ?? []).filter((one) => one.numeric));
  effect(() => openFirst(numeric.value));
  const face = faceOf(list, () => numeric.value.length === 0);
  const empty = {
    text: "Nothing has been recorded yet. Numbers appear here a moment after they are said: start a session, or",
    command: () => "netd demo",
  };
  const input = h("input", {
    type: "search",
    testid: "history-search",
    "aria-label": "Search the recorded subjects",
    placeholder: "Search",
    spellcheck: "false",
    oninput: (event) => (search.value = event.target.value),
  });
  const found = computed(() => matching(numeric.value, search.value));
  const shown = () => (search.value.trim() ? "found" : "tree");
  return panel(
    { title: "Recorded", testid: "history-subjects", face, empty, aside: recorder.select },
    h("div.padded", {}, input),
    choice(shown, (name) => (name === "tree" ? level(numeric, "") : foundList(found))),
  );
}

/** Open the branches above the first few channels, so that there is something to press. */
function openFirst(series) {
  if (open.peek().size > 0 || series.length === 0) return;
  const paths = below(series, "").map(({ path }) => path);
  if (paths.length > 3) return;
  open.value = new Set([...paths, ...paths.flatMap((path) => below(series, path).map((one) => one.path))].slice(0, 12));
}

function foundList(found) {
  const more = () => found.value.length - MOST_FOUND;
  return h(
    "div",
    {},
    h(
      "ul.tree",
      { testid: "tree" },
      each(
        () => found.value.slice(0, MOST_FOUND),
        (one) => `${one.subject} ${one.unit}`,
        (item) => leaf(item, item.peek().subject),
      ),
    ),
    h("p.hint.padded", { role: "status" }, () =>
      found.value.length === 0
        ? "Nothing has these words."
        : more() > 0
          ? `${plural(more(), "further one")}: write more of it.`
          : "",
    ),
  );
}

/** What is below *path*. */
function level(series, path) {
  const branches = () => below(series.value, path);
  const make = (item) =>
    item.peek().leaf === null
      ? branch(series, item)
      : leaf(
          computed(() => item.value.leaf),
          item.peek().name,
        );
  return h(
    "ul.tree",
    { testid: path === "" ? "tree" : "subtree" },
    each(branches, ({ path: own, leaf: is }) => `${own} ${is === null}`, make),
  );
}

function branch(series, item) {
  const { path } = item.peek();
  const isOpen = () => open.value.has(path);
  const toggle = () => {
    const next = new Set(open.peek());
    if (!next.delete(path)) next.add(path);
    open.value = next;
  };
  const attributes = {
    type: "button",
    "aria-expanded": () => String(isOpen()),
    onclick: toggle,
    testid: "branch",
    "data-path": path,
  };
  return h(
    "li",
    {},
    h(
      "button.quiet.branch",
      attributes,
      h("span.twist", { "aria-hidden": "true" }),
      h("span", {}, () => visible(item.value.name)),
      h("span.count", {}, () => count(item.value.count)),
    ),
    when(isOpen, () => level(series, path)),
  );
}

function leaf(item, name) {
  const { subject } = item.peek();
  const isShown = () => state.plots.value.flat().includes(subject);
  const attributes = {
    type: "button",
    testid: "leaf",
    "data-subject": subject,
    "aria-pressed": () => String(isShown()),
    draggable: "true",
    title: () => `${subject}: ${plural(item.value.count, "sample")}, the last ${ago(item.value.last, serverClock.peek())}`,
    onclick: () => state.toggle(subject),
    ondragstart: (event) => event.dataTransfer.setData("text/plain", subject),
  };
  const label = () => (item.value.label ? ` ${visible(item.value.label)}` : "");
  return h(
    "li",
    {},
    h(
      "button.quiet.leaf",
      attributes,
      h("span.tick", { "aria-hidden": "true" }),
      h("span", {}, visible(name), h("span.channel-name", {}, label)),
      h("span.count", {}, () => item.value.unit),
    ),
  );
}

export function runsPanel() {
  const list = polled("history.runs", recorder, RUNS_EVERY);
  const runs = () => list.answer.value ?? [];
  effect(() => state.showAsked(runs()));
  const empty = { text: "No run yet. A run gives a time a name:", command: () => "netd record begin 'first cool-down'" };
  return panel(
    { title: "Runs", testid: "history-runs", face: faceOf(list, () => runs().length === 0), empty },
    h(
      "ul.runs",
      {},
      each(runs, (one) => one.run, runRow),
    ),
  );
}

function runRow(item) {
  const { run } = item.peek();
  const time = () => {
    const { begin, end } = item.value;
    return `${ago(begin, serverClock.value)}, ${end === null ? "still open" : duration(end - begin)}`;
  };
  return h(
    "li",
    {},
    h(
      "button.quiet.run",
      {
        type: "button",
        testid: "run",
        "data-run": String(run),
        "aria-pressed": () => String(state.run.value === run),
        onclick: () => state.showRun(item.peek()),
      },
      h("span", {}, () => `${run} ${visible(item.value.name)}`),
      h("span.hint", {}, time),
    ),
  );
}
