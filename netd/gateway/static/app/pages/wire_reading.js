/** How a wire reads what comes: rules, questions, events, and what did not fit. */

import { commandLine, commandLineToCopy } from "../commandline.js";
import { choice, h, prose, when } from "../dom.js";
import { clock, count, excerpt, fullTime, shortSpan, visible } from "../format.js";
import { polled, recent, told } from "../live.js";
import { log, lostHint } from "../log.js";
import { badge, faceOf, faceOfEvents, panel } from "../panel.js";
import { computed, effect } from "../signal.js";
import { cell, longTable, rowHead } from "../table.js";
import { keyed } from "./wire_rows.js";

/** Seconds between two questions for figures that no event tells. */
const EVERY = 4;
/** How many events are listed, how many characters of each, and the least seconds between two of one peer. */
const MOST = 100;
const SHOWN = 300;
const PACE = 0.25;

/** @typedef {import("../instances.js").Instance} Instance */

/** The rules with how many messages each has taken: one that never took any is seen. @param {Instance} instance */
export function rulesPanel(instance) {
  const rules = polled("wire.rules", instance, EVERY);
  const all = computed(() => keyed(rules.answer.value ?? []));
  const idle = () => all.value.filter(({ taken }) => taken === 0).length;
  const row = (item) =>
    h(
      "tr",
      { testid: "rule-row", "data-taken": () => String(item.value.taken) },
      rowHead(
        "Rule",
        h("code", {}, () => visible(item.value.rule)),
      ),
      cell(
        "Messages",
        counted(
          () => item.value.taken > 0,
          () => count(item.value.taken),
          () => badge("waiting", "never"),
        ),
        "number",
      ),
    );
  return panel(
    {
      title: "Rules",
      testid: "rules",
      face: faceOf(rules, () => all.value.length === 0),
      empty: { text: "The section has no rules: netd reads only the answers to its questions." },
      aside: h("span.hint", { hidden: () => idle() === 0 }, () => `${count(idle())} of ${count(all.value.length)} never matched`),
    },
    longTable({ columns: ["Rule", "Messages"], list: () => all.value, keyOf: ({ key, rule }) => `${key} ${rule}`, makeRow: row }),
    commandLineToCopy(() => instance.line("wire", "rules")),
  );
}

/** The questions of `ask`; nothing where the section has none. @param {Instance} instance */
export function questionsPanel(instance) {
  const questions = polled("wire.questions", instance, EVERY);
  const all = computed(() => keyed(questions.answer.value ?? []));
  const row = (item) =>
    h(
      "tr",
      { testid: "question-row", "data-answered": () => String(item.value.answered) },
      rowHead(
        "Question",
        h("code", { title: () => visible(item.value.rule) }, () => visible(item.value.question)),
      ),
      cell("Every", () => (item.value.period ? shortSpan(item.value.period) : "once"), "number"),
      cell("Answered", () => count(item.value.answered), "number"),
      cell(
        "Failed",
        counted(
          () => failed(item.value) === 0,
          () => "0",
          () => badge("trouble", () => count(failed(item.value))),
        ),
        "number",
        {
          title: () =>
            `${count(item.value.unanswered)} without an answer, ${count(item.value.unfit)} that its rule does not take`,
        },
      ),
      cell("Took", () => (item.value.seconds === null ? "–" : shortSpan(item.value.seconds)), "number", {
        title: () => (item.value.slowest === null ? null : `the slowest ${shortSpan(item.value.slowest)}`),
      }),
    );
  return when(
    () => all.value.length > 0,
    () =>
      panel(
        { title: "Questions", testid: "questions", face: faceOf(questions) },
        longTable({
          columns: ["Question", "Every", "Answered", "Failed", "Took"],
          list: () => all.value,
          keyOf: ({ key, question }) => `${key} ${question}`,
          makeRow: row,
        }),
        commandLineToCopy(() => instance.line("wire", "questions")),
      ),
  );
}

const failed = ({ unanswered, unfit }) => unanswered + unfit;

/** A number while all is well, and something louder otherwise. */
const counted = (isWell, number, loud) => choice(isWell, (well) => (well ? h("span", {}, number) : loud()));

/** What no rule takes, and whatever else did not fit. @param {Instance} instance */
export function misfitsPanel(instance) {
  const misfits = polled("wire.misfits", instance, EVERY);
  const all = computed(() => keyed([...(misfits.answer.value ?? [])].reverse()).reverse());
  const notes = () => Object.entries(instance.service()?.counters?.notes ?? {});
  const row = (item) => {
    const { time, kind, name, address, why, text } = item;
    return h(
      "li",
      { testid: "misfit", "data-kind": kind },
      badge("waiting", [visible(name || address)]),
      h("time", { title: fullTime(time) }, clock(time)),
      h("span.said.mono", { hidden: text === "" }, visible(text)),
      h("span.what", {}, prose(visible(why))),
    );
  };
  return panel(
    {
      title: "Did not fit",
      testid: "misfits",
      face: faceOf(misfits, () => all.value.length === 0),
      empty: { text: "Every message has fitted so far." },
    },
    h("p.hint", {}, () =>
      notes()
        .map(([kind, number]) => `${count(number)} ${kind}`)
        .join(" · "),
    ),
    log({
      label: "What did not fit, newest first",
      list: () => all.value.map((one) => ({ ...one, key: /** @type {any} */ (`${one.time} ${one.key}`) })),
      row,
      kind: "sent",
    }),
    commandLineToCopy(() => instance.line("wire", "misfits")),
  );
}

/** What peers say that is no number: the events of rules. @param {Instance} instance */
export function saidPanel(instance) {
  const events = recent(MOST);
  effect(() => {
    void instance.name.value;
    events.clear();
  });
  const take = ({ subject, data, time }) => events.add({ peer: subject.split(".")[3], text: textOf(data), time });
  const source = told(() => instance.subject("said.*"), { replay: 5, every: PACE }, take);
  const row = ({ peer, text, time }) =>
    h(
      "li",
      { testid: "said-row" },
      badge("plain", visible(peer)),
      h("time", { title: fullTime(time) }, clock(time)),
      h("span.said", {}, excerpt(text, SHOWN)),
    );
  return panel(
    {
      title: "Events",
      testid: "said",
      face: faceOfEvents(() => events.value.length === 0, source),
      empty: { text: "Messages that a rule event, tell or tell-all takes appear here." },
    },
    log({ label: "Events of peers, newest first", list: () => events.value, row, kind: "sent" }),
    lostHint(() => source.lost.value),
    commandLineToCopy(() => commandLine("tail", instance.subject("said.>") ?? "wire.>")),
  );
}

/** The fields of an event, as text. */
function textOf(data) {
  const fields = Object.entries(data);
  if (fields.length === 1) return String(fields[0][1]);
  return fields.map(([name, value]) => `${name} ${typeof value === "object" ? JSON.stringify(value) : value}`).join(", ");
}
