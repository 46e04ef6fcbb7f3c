/** Audit: who did what, to which device, and what came of it. Live at its top; the past is the recorder's. */

import { field, segments } from "../action.js";
import { commandLine, commandLineToCopy } from "../commandline.js";
import { isLive, starts, status } from "../connection.js";
import { DEEDS, deedOf, mentions, merged } from "../deeds.js";
import { choice, h, when } from "../dom.js";
import { clock, count, duration, excerpt, fullTime, shortSpan, visible } from "../format.js";
import { told } from "../live.js";
import { lostHint } from "../log.js";
import { nodeOf, nodeStates } from "../nodes.js";
import { badge, faceOfEvents, panel } from "../panel.js";
import { askRecorder, offers, recorder, within } from "../recorder.js";
import { effect, signal } from "../signal.js";
import { cell, longTable } from "../table.js";

/** Events that are asked for at a time, and kept at most. */
const PAGE = 200;
const MOST = 5000;
/** Milliseconds after the last letter of the filter. */
const PAUSE = 250;

/** @type {[number, string][]} */
const SPANS = [
  [3600, "1 h"],
  [86400, "1 d"],
  [7 * 86400, "1 week"],
  [30 * 86400, "30 d"],
];

/** @template T @typedef {import("../signal.js").Writable<T>} Writable */
/** @typedef {import("../deeds.js").Deed} Deed */

export function audit() {
  const [filter, span] = [signal(""), signal(SPANS[1][0])];
  const deeds = signal(/** @type {Deed[]} */ ([]));
  const past = pastDeeds(deeds, filter, span);
  const take = (event) => {
    const deed = deedOf(event);
    if (mentions(deed, filter.peek())) deeds.value = merged(deeds.peek(), [deed], MOST);
  };
  const sources = DEEDS.map((pattern) => told(() => pattern, {}, take));
  const shown = () => deeds.value.filter((deed) => mentions(deed, filter.value));
  const empty = {
    text: () => (filter.value ? "Nobody did anything that this text is in." : "Nobody has done anything yet. Send to a device:"),
    command: () => (filter.value ? null : "netd send greenhouse 'water 5'"),
  };
  return h(
    "div.grid",
    {},
    h("div.wide", {}, controls(filter, span)),
    panel(
      {
        title: "Who did what, newest first",
        testid: "audit",
        kind: "wide",
        face: faceOf(shown, past, sources),
        empty,
        aside: () => tally(shown().length),
      },
      choice(hasNodes, (isNamed) =>
        h(
          "div",
          {},
          longTable({
            columns: ["Time", ...(isNamed ? ["Node"] : []), "Who", "What", "About", "Outcome", "Took"],
            list: shown,
            keyOf: (deed) => deed.key,
            makeRow: (item) => row(item, isNamed),
            kind: "deeds",
          }),
        ),
      ),
      earlier(past),
      lostHint(() => sources.reduce((sum, { lost }) => sum + lost.value, 0)),
      commandLineToCopy(() => line(filter.value, span.value)),
    ),
    when(() => !offers("history.events") && isLive.value, forgetful),
  );
}

/** Whether there are several nodes, each of which tells its own deeds. */
const hasNodes = () => nodeStates.value.length > 1;

const tally = (number) => (number === 0 ? "" : `${count(number)} shown`);

const line = (text, seconds) => commandLine("audit", ["--since", `${seconds / 3600}h`], ["--who", text || null]);

/** While the recorder is asked for the first time, the list is loading; without one, it is live as any list of events. */
function faceOf(shown, past, sources) {
  const live = faceOfEvents(() => shown().length === 0, ...sources);
  /** @returns {import("../panel.js").Face} */
  return () => {
    const face = live();
    if (face.name === "empty" && past.error.value) return { name: "failed", text: past.error.value };
    return face.name === "empty" && past.isAsked.value ? { name: "loading" } : face;
  };
}

/**
 * The past of *deeds*, asked of the recorder for the time *span*, and again for another text.
 * @param {Writable<Deed[]>} deeds @param {Writable<string>} filter @param {Writable<number>} span
 */
function pastDeeds(deeds, filter, span) {
  const [isAsked, hasMore, error] = [signal(false), signal(false), signal("")];
  let turn = 0;
  const ask = async (end) => {
    const mine = ++turn;
    const pattern = DEEDS.flatMap(within);
    isAsked.value = pattern.length > 0 && offers("history.events");
    if (!isAsked.peek()) return;
    const text = filter.peek().trim();
    const asked = { pattern, begin: `-${span.peek()}s`, end, newest: PAGE, contains: text || null };
    try {
      const found = (await askRecorder("history.events", asked)).map(deedOf);
      if (mine !== turn) return;
      deeds.value = merged(deeds.peek(), found, MOST);
      hasMore.value = found.length === PAGE && deeds.peek().length < MOST;
      error.value = "";
    } catch (failure) {
      if (mine === turn) error.value = failure.message;
    } finally {
      if (mine === turn) isAsked.value = false;
    }
  };
  let timer = 0;
  effect(() => {
    void [filter.value, span.value, recorder.name.value, recorder.picked(), offers("history.events"), starts.value];
    clearTimeout(timer);
    if (!isLive.value) return;
    isAsked.value = offers("history.events");
    timer = setTimeout(() => {
      deeds.value = deeds.peek().filter((deed) => deed.time > Date.now() / 1000 - span.peek());
      ask("now");
    }, PAUSE);
  });
  const more = () => ask((deeds.peek().at(-1)?.time ?? 0) + 0.000001);
  return { isAsked, hasMore, error, more };
}

function controls(filter, span) {
  const input = h("input", {
    type: "search",
    testid: "audit-filter",
    placeholder: "user, device or operation",
    oninput: (event) => (filter.value = event.target.value),
  });
  return h("div.row.controls", {}, field("Filter", input), segments("How far back", SPANS, span, "audit-span"));
}

/** @param {ReturnType<typeof pastDeeds>} past */
const earlier = (past) =>
  h(
    "p.row.more",
    { hidden: () => !past.hasMore.value },
    h("span.hint", {}, "There is more before these."),
    h(
      "button",
      { type: "button", testid: "earlier", disabled: () => past.isAsked.value || !isLive.value, onclick: past.more },
      "Ask for earlier ones",
    ),
  );

/** Without a recorder, only what happens while the page is open is here. */
const forgetful = () =>
  panel(
    { title: "Nothing is recorded", testid: "forgetful", kind: "wide" },
    h("p", {}, "Only what happens while this page is open is shown. To keep it, add a section [recorder] to the configuration:"),
    commandLineToCopy(() => "netd reload"),
  );

/** The time of day, with the date unless it is today's. @param {number} time */
const shortTime = (time) => (new Date(time * 1000).toDateString() === new Date().toDateString() ? clock(time) : fullTime(time));

/** @param {import("../signal.js").Readable<Deed>} item @param {boolean} isNamed whether the node is named. */
function row(item, isNamed) {
  const { time, where, who, from, what, given, about, outcome, error, state, seconds } = item.peek();
  return h(
    "tr",
    { testid: "deed", "data-state": state, "data-node": nodeOf(where) },
    cell("Time", h("time", { title: fullTime(time) }, shortTime(time)), "mono"),
    isNamed ? cell("Node", () => visible(nodeOf(where) || (status.value?.name ?? ""))) : null,
    cell("Who", [h("b", {}, visible(who)), who ? h("div.remark", {}, visible(from)) : visible(from)]),
    cell("What", [visible(what), given ? h("div.remark.mono.given", {}, excerpt(given, 120)) : null], "long"),
    cell("About", visible(about), "mono"),
    cell("Outcome", [badge(state, visible(outcome)), error ? h("div.remark", {}, excerpt(error, 200)) : null]),
    cell("Took", seconds < 60 ? shortSpan(seconds) : duration(seconds), "number"),
  );
}
