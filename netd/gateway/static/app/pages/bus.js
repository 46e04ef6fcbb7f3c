/** The bus: all events, as they are published. */

import { field, form } from "../action.js";
import { commandLine, commandLineToCopy, copyButton } from "../commandline.js";
import { foreignKinds, identity, isLive, netd, servicesOf, status } from "../connection.js";
import { each, h, when } from "../dom.js";
import { clock, count, excerpt, fullTime, plural } from "../format.js";
import { keptHint, log, pauseButton } from "../log.js";
import { PAGES, SERVICE, titleOf } from "../pages.js";
import { faceOfEvents, panel } from "../panel.js";
import { audible, inaudible, subjects } from "../rights.js";
import { computed, effect, onCleanup, signal } from "../signal.js";
import { publishPanel } from "./bus_publish.js";

const MOST = 300;
const REPLAYED = 1;
const SHOWN = 400;

const EVERYTHING = ">";

/** The chosen pattern, or null. It is kept while other pages are open. */
const chosen = signal(/** @type {string|null} */ (null));
const isPaused = signal(false);

/** The pattern to listen to: the chosen one, or the first that the token covers. */
const pattern = computed(() => chosen.value ?? subjects.value?.[0] ?? EVERYTHING);

/** Common patterns: of netd itself, and of each kind of service that runs. */
function usual() {
  const runs = (kind) => kind === null || status.value === null || servicesOf(kind).length > 0;
  const own = PAGES.filter(({ kind }) => runs(kind)).flatMap(({ suggest = [] }) => suggest);
  return [...own, ...foreignKinds.value.map((kind) => [`${kind}.>`, titleOf(SERVICE, kind).toLowerCase()])];
}

/** The offered patterns: those of the token, and the common ones that it covers whole. */
const suggested = () => {
  const heard = usual().filter(([one]) => audible(one).includes(one));
  const own = (subjects.value ?? []).filter((one) => !heard.some(([value]) => value === one));
  return [...own.map((one) => [one, one]), ...heard];
};

export function bus() {
  const tail = follow();
  return h("div.grid.bus", {}, controls(tail), tailPanel(tail), publishPanel());
}

/** Collect the newest events, with a row for each gap. */
function follow() {
  const rows = signal(/** @type {any[]} */ ([]));
  const error = signal("");
  const seen = signal(0);
  const waiting = signal(0);
  /** @type {any[]} */
  let collected = [];
  let number = 0;
  const add = (row) => {
    row.key = ++number;
    collected.push(row);
    if (collected.length > 2 * MOST) collected = collected.slice(-MOST);
    if (isPaused.peek()) waiting.value += 1;
    else publish.touch();
  };
  const publish = signal(0);
  effect(() => {
    void publish.value;
    if (isPaused.value) return;
    waiting.value = 0;
    rows.value = collected.slice(-MOST).reverse();
  });
  effect(() => {
    const wanted = pattern.value;
    collected = [];
    seen.value = 0;
    error.value = "";
    rows.value = [];
    if (identity.value === "") return;
    const refusal = audible(wanted).includes(wanted) ? "" : notWhole(wanted);
    if (refusal) {
      error.value = refusal;
      return;
    }
    const subscription = netd.subscribe(
      wanted,
      {
        replay: REPLAYED,
        onDropped: ({ count: lost }) => add({ lost: `Missing here: ${plural(lost, "event")}; this browser read too slowly.` }),
        onGap: ({ from, to }) =>
          add({
            lost:
              to === null
                ? "Events are missing here: netd was away."
                : `Missing here: ${plural(to - from + 1, "event")}; netd was away, and keeps only so many.`,
          }),
        onError: (refused) => (error.value = refused.message),
      },
      (event) => {
        seen.value += 1;
        add(event);
      },
    );
    onCleanup(() => subscription.close());
  });
  const clear = () => {
    collected = [];
    rows.value = [];
    seen.value = 0;
  };
  return { rows, error, seen, waiting, clear };
}

/** Why netd would refuse a pattern that the token does not cover whole. */
function notWhole(wanted) {
  const parts = audible(wanted);
  if (parts.length === 0) return inaudible(wanted);
  return `This token does not hear all of ${wanted}. Of it, it hears ${parts.join(", ")}.`;
}

function controls(tail) {
  const input = h("input.mono", {
    value: () => pattern.value,
    list: "bus-patterns",
    required: true,
    spellcheck: "false",
    autocapitalize: "none",
    testid: "bus-pattern",
  });
  const listen = () => (chosen.value = input.value.trim());
  return panel(
    { title: "Listen", testid: "bus-controls" },
    form(
      { class: "row", testid: "bus-form" },
      listen,
      field("Pattern of subjects", input),
      h(
        "datalist",
        { id: "bus-patterns" },
        each(
          suggested,
          ([value]) => value,
          (one) => h("option", { value: one.peek()[0] }, one.peek()[1]),
        ),
      ),
      h("button.main", { type: "submit", testid: "bus-listen" }, "Listen"),
      h("span.hint", {}, "* is one token, a final > the rest"),
    ),
    h(
      "div.row.tags",
      {},
      each(
        suggested,
        ([value]) => value,
        (one) => suggestion(...one.peek()),
      ),
    ),
    h("p.outcome", { role: "alert", "data-state": "trouble", testid: "bus-error" }, () => tail.error.value),
    commandLineToCopy(() => commandLine("tail", pattern.value)),
  );
}

const suggestion = (value, word) =>
  h(
    "button.quiet",
    {
      type: "button",
      testid: "bus-suggestion",
      class: value === word ? "mono" : "",
      "aria-pressed": () => String(pattern.value === value),
      onclick: () => (chosen.value = value),
    },
    word,
  );

function tailPanel({ rows, seen, waiting, clear }) {
  const asText = () =>
    rows
      .peek()
      .map((row) =>
        row.lost ? `# ${row.lost}` : JSON.stringify({ subject: row.subject, time: row.time, seq: row.seq, data: row.data }),
      )
      .join("\n");
  const pause = () => void (isPaused.value = !isPaused.value);
  const shape = computed(() => (rows.value.length ? "live" : "empty"));
  const aside = [
    h(
      "span.hint",
      { testid: "bus-count" },
      () => `${plural(seen.value, "event")}${waiting.value ? `, ${count(Math.min(waiting.value, MOST))} waiting` : ""}`,
    ),
    pauseButton(isPaused, pause, "quiet", "bus-pause"),
    copyButton(asText, "Copy all", { testid: "bus-copy", title: "Copy the shown events, one JSON object a line, newest first" }),
    h("button.quiet", { type: "button", onclick: clear }, "Clear"),
  ];
  const empty = { text: () => `Nothing has been said under ${pattern.value} yet.` };
  return panel(
    { title: "Tail", testid: "bus-tail", face: faceOfEvents(() => shape.value === "empty"), empty, aside },
    log({ label: "Events, newest first", list: () => rows.value, row: line, kind: "tail", testid: "bus-rows" }),
    keptHint(() => rows.value, MOST),
    when(
      () => !isLive.value,
      () => h("p.hint", {}, "Not connected. The events of this time are asked for when netd is back."),
    ),
  );
}

function line(row) {
  if (row.lost) return h("li.lost", { testid: "bus-lost" }, row.lost);
  const text = JSON.stringify(row.data);
  const isOpen = signal(false);
  const body = () => (isOpen.value ? excerpt(JSON.stringify(row.data, null, 2), 20000) : excerpt(text, SHOWN));
  return h(
    "li",
    { testid: "bus-row", "data-subject": row.subject, class: () => (isOpen.value ? "open" : "") },
    h(
      "time",
      { title: row.seq === null ? `${fullTime(row.time)}, from before` : `${fullTime(row.time)}, number ${row.seq}` },
      clock(row.time),
    ),
    h(
      "button.subject",
      { type: "button", "aria-expanded": () => String(isOpen.value), onclick: () => (isOpen.value = !isOpen.value) },
      row.subject,
    ),
    h("code.what", {}, body),
  );
}
