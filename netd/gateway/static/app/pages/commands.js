/** Commands: the user's functions, each with a form made of its arguments, and the runs. */

import { action, form, results } from "../action.js";
import { commandTile } from "../board/model.js";
import { pinButton } from "../board/pin.js";
import { commandLine, commandLineToCopy } from "../commandline.js";
import { choice, each, h, prose } from "../dom.js";
import { clock, excerpt, shortSpan, visible } from "../format.js";
import { instanceOf, tag } from "../instances.js";
import { polled, recent, told } from "../live.js";
import { keptHint, log } from "../log.js";
import { needsService } from "../no_service.js";
import { namedArgument } from "../operation_line.js";
import { badge, faceOf, faceOfEvents, panel } from "../panel.js";
import { computed, signal } from "../signal.js";
import { argumentForm } from "./argument_form.js";

const EVERY = 30;
const MOST_RUNS = 200;
const PATIENCE = 120;

/** The runs from this page, newest first. They are kept while other pages are open. */
const runs = recent(MOST_RUNS);

/** The chosen command. */
const chosen = signal("");

export function commands() {
  return h("div.grid.commands-page", {}, needsService("command", content));
}

function content() {
  const instance = instanceOf("command");
  const list = polled("command.list", instance, EVERY);
  const all = computed(() => list.answer.value ?? []);
  const current = computed(
    () =>
      all.value.find((one) => one.command_id === chosen.value) ??
      all.value.find((one) => one.arguments.length) ??
      all.value[0] ??
      null,
  );
  const shape = computed(() => JSON.stringify(current.value));
  return h(
    "div.two-columns.reversed",
    {},
    panel(
      {
        title: "Commands",
        testid: "commands-list",
        face: faceOf(list), // never empty: command.list is always there
        aside: instance.select,
      },
      names(all, current),
    ),
    h(
      "div.stack",
      {},
      choice(
        () => shape.value,
        (text) => (text === "null" ? null : runner(JSON.parse(text), instance)),
      ),
      ownRuns(),
      allRuns(instance),
    ),
  );
}

function names(all, current) {
  const item = (one) => {
    const { command_id: name } = one.peek();
    const isCurrent = () => current.value?.command_id === name;
    return h(
      "li",
      {},
      h(
        "button.choice",
        {
          type: "button",
          testid: "command",
          "data-command": name,
          "aria-pressed": () => String(isCurrent()),
          onclick: () => (chosen.value = name),
        },
        h("span.mono", {}, visible(name)),
        h("span.hint", {}, () => excerpt(one.value.help.split("\n")[0].replaceAll("`", "") || "without help", 120)),
      ),
    );
  };
  return h(
    "ul.choices",
    {},
    each(
      () => all.value,
      (one) => one.command_id,
      item,
    ),
  );
}

function runner(command, instance) {
  const written = signal(0);
  const inputs = argumentForm(command.arguments, () => (written.value += 1));
  const run = runAction(command.command_id, inputs, instance);
  const line = () => {
    void written.value;
    return instance.line("call", command.command_id, ...wordsOf(command, inputs));
  };
  const given = () => ({ command_id: command.command_id, arguments: inputs.peek() });
  const tile = () => ({ ...commandTile("command.run", given()), instance: instance.name.peek() ?? "main" });
  return panel(
    { title: visible(command.command_id), testid: "run-panel" },
    h("p.help", {}, prose(excerpt(command.help || "Without help.", 2000))),
    command.blocking ? h("p.hint", {}, "It runs in a thread.") : null,
    command.more ? h("p.hint", {}, "It takes further arguments, too: give them with the command line.") : null,
    form(
      { class: "stack", testid: "run-form" },
      run.run,
      command.arguments.length ? inputs.element : h("p.hint", {}, "It takes no arguments."),
      h("div.row", {}, run.button, pinButton(tile, visible(command.command_id))),
    ),
    results(run),
    commandLineToCopy(line),
  );
}

function runAction(name, inputs, instance) {
  /** @type {{given: string, instance: string|null, began: number}|null} */
  let running = null;
  const params = () => {
    running = null;
    const given = inputs.read();
    running = { given: JSON.stringify(given), instance: instance.name.peek(), began: performance.now() };
    return { command_id: name, arguments: given };
  };
  const done = (result, error) => {
    if (running === null) return;
    const outcome =
      result === null
        ? { state: "trouble", outcome: "error", text: error.message }
        : { state: "ok", outcome: "success", text: shown(result.result) };
    const seconds = (performance.now() - running.began) / 1000;
    runs.add({ ...running, time: Date.now() / 1000, name, seconds, ...outcome });
  };
  return action({
    label: `Run ${visible(name)}`,
    method: "command.run",
    instance,
    params,
    told: ({ result }) => ({
      state: "ok",
      text: result === null ? "Success; it returned nothing." : `Success: ${shown(result)}`,
    }),
    done,
    kind: "main",
    timeout: PATIENCE,
    testid: "run-command",
  });
}

/** The arguments as words of a command line; their names, while they are incomplete. */
function wordsOf(command, inputs) {
  const schemas = new Map(command.arguments.map((one) => [one.name, one.schema]));
  try {
    return Object.entries(inputs.read()).map(([name, value]) => namedArgument(name, value, schemas.get(name)));
  } catch {
    return command.arguments.filter((one) => one.required).map((one) => `${one.name}=${one.name.toUpperCase()}`);
  }
}

/** A result as text. */
const shown = (result) => excerpt(typeof result === "string" ? result : (JSON.stringify(result) ?? "nothing"), 2000);

/** The runs from this page, with arguments and results. */
function ownRuns() {
  const empty = { text: "Your runs appear here, with their arguments and results." };
  return panel(
    {
      title: "Your runs",
      testid: "runs",
      face: () => ({ name: runs.value.length ? "live" : "empty" }),
      empty,
      aside: h("button.quiet", { type: "button", hidden: () => !runs.value.length, onclick: () => runs.clear() }, "Clear"),
    },
    log({ label: "Your runs, newest first", list: () => runs.value, row: runRow }),
    keptHint(() => runs.value, MOST_RUNS),
  );
}

/** All runs by anyone. netd publishes their outcome, but neither arguments nor results. */
function allRuns(instance) {
  const all = recent(MOST_RUNS);
  const take = ({ data, time }) => {
    const state = { success: "ok", expired: "waiting" }[data.outcome] ?? "trouble";
    const { command_id: name, seconds, outcome } = data;
    all.add({ time, name, given: "", seconds, state, outcome, text: "" });
  };
  const source = told(() => instance.subject("run"), { replay: 20 }, take);
  const empty = {
    text: "Runs of all programs appear here, with their outcome alone. To run something:",
    command: () => instance.line("call", "command.list"), // every service has this one
  };
  return panel(
    { title: "Everyone's runs", testid: "all-runs", face: faceOfEvents(() => all.value.length === 0, source), empty },
    log({ label: "Everyone's runs, newest first", list: () => all.value, row: runRow }),
    commandLineToCopy(() => commandLine("tail", instance.subject("run") ?? "command.>")),
  );
}

function runRow({ name, given, instance, state, outcome, text, time, seconds }) {
  return h(
    "li",
    { testid: "run-row", "data-outcome": outcome },
    badge(state, outcome),
    h(
      "span.what",
      {},
      h("span.mono", {}, visible(name)),
      instance ? tag("command", () => instance) : null,
      given ? h("span.said", {}, ` ${excerpt(given, 200)}`) : null,
      text ? h("span.answer", {}, ` ${excerpt(text, 500)}`) : null,
    ),
    h("time", {}, `${clock(time)}, ${shortSpan(seconds)}`),
  );
}
