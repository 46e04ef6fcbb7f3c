/** The page of any kind of service, for third parties' kinds: made of its status, operations and events. */

import { action, form, results } from "../action.js";
import { commandLine, commandLineToCopy } from "../commandline.js";
import { operations } from "../connection.js";
import { choice, each, h } from "../dom.js";
import { excerpt, spoken, visible } from "../format.js";
import { instanceOf } from "../instances.js";
import { polled } from "../live.js";
import { needsService } from "../no_service.js";
import { operationLine } from "../operation_line.js";
import { dialText } from "../pages.js";
import { faceOf, panel } from "../panel.js";
import { place } from "../router.js";
import { ANY, statusOf } from "../schema.js";
import { computed, signal } from "../signal.js";
import { argumentForm } from "./argument_form.js";
import { sayings } from "./service_events.js";
import { factList, flattened, objectTable, written } from "./values.js";

/** Seconds between two calls of an operation. */
const EVERY = 4;
/** Members of a status that the page shows elsewhere. */
const UNTOLD = ["kind", "instance"];

export function service() {
  const kindNow = () => place.value.kind ?? "";
  return h(
    "div.grid.service",
    {},
    choice(kindNow, (kind) =>
      h(
        "div",
        {},
        needsService(kind, () => content(kind)),
      ),
    ),
  );
}

function content(kind) {
  const instance = instanceOf(kind);
  const offered = computed(() => [...operations.value.values()].filter((one) => isOffered(one, kind)));
  const panels = (isWanted, make) =>
    each(
      () => offered.value.filter(isWanted),
      ({ name }) => name,
      (one) => make(one.peek(), instance),
    );
  return h(
    "div.two-columns",
    {},
    h("div.stack", {}, status(kind, instance), h("div.answers", {}, panels(isQuestion, answer)), sayings(kind, instance)),
    h(
      "div.stack",
      {},
      panels((one) => !isQuestion(one), act),
    ),
  );
}

/** Operations whose effect ends with the connection have no button. */
const isOffered = ({ kind, lasting }, wanted) => kind === wanted && !lasting;

/** Whether an operation is polled: it changes nothing, and needs no argument. */
const isQuestion = ({ role, arguments: args }) => role === "viewer" && !args.some((one) => one.required);

const verbOf = ({ name }) => spoken(name.slice(name.indexOf(".") + 1));

function status(kind, instance) {
  const told = () => {
    const { listening = [], dialling = [], ...others } = instance.service() ?? {};
    const untold = dialling.length ? [...UNTOLD, "connections"] : UNTOLD;
    const own = Object.fromEntries(Object.entries(others).filter(([name]) => !untold.includes(name)));
    const where = listening.length ? [fact("Listens on", listening.map(({ address }) => address).join(", "))] : [];
    const schema = statusOf(operations.value.get("system.status")?.result ?? ANY, kind);
    return [...dialled(dialling), ...flattened(own, ["counters"], schema), ...where];
  };
  return panel(
    { title: "Status", testid: "service-status", aside: instance.select },
    factList(told),
    commandLineToCopy(() => commandLine("status")),
  );
}

/** @param {string} name @param {any} value @returns {import("./values.js").Fact} */
const fact = (name, value) => [name, value, ANY];

/**
 * The remotes that a service dials. Why the last attempt failed is told until a later one succeeds.
 * @param {import("../pages.js").Dialled[]} remotes
 */
function dialled(remotes) {
  return remotes.flatMap((one) => {
    const of = remotes.length > 1 ? ` ${one.remote}` : "";
    const failed = one.connected_for === null && one.last_failure ? [fact(`Last failure${of}`, one.last_failure)] : [];
    return [...(of ? [] : [fact("Dials", one.remote)]), fact(of ? `Dials${of}` : "Connection", dialText(one)), ...failed];
  });
}

/** The polled answer of an operation: a table for a list of objects, facts for an object. */
function answer(operation, instance) {
  const { name, summary, result } = operation;
  const question = polled(name, instance, EVERY);
  const shape = computed(() => shapeOf(question.answer.value));
  const read = () => question.answer.value;
  const faces = {
    table: () => objectTable(() => read() ?? [], result),
    facts: () => factList(() => flattened(read() ?? {}, [], result)),
    value: () => h("p.big", {}, () => written(read(), result)),
  };
  return panel(
    {
      title: verbOf(operation),
      testid: `answer-${name}`,
      face: faceOf(question, () => shape.value === "nothing"),
      empty: { text: "Nothing is there now." },
    },
    h("p.hint.summary", {}, visible(summary)),
    choice(
      () => shape.value,
      (one) => faces[one]?.() ?? null,
    ),
    commandLineToCopy(() => operationLine(operation, {}, instance.option())),
  );
}

/** How an answer is shown. */
function shapeOf(value) {
  if (Array.isArray(value)) return value.length ? "table" : "nothing";
  return value !== null && typeof value === "object" ? "facts" : "value";
}

/** The form for an operation that changes something, or needs an argument. */
function act(operation, instance) {
  const { name, summary, arguments: args, role, result: gives } = operation;
  const changes = signal(0);
  const inputs = argumentForm(args, () => (changes.value += 1));
  const verb = verbOf(operation);
  const run = action({
    label: verb,
    method: name,
    instance,
    params: inputs.read,
    told: (result) => ({ state: "ok", text: result === null ? "Done." : textOf(result, gives) }),
    kind: "main",
    question: role === "admin" ? "Sure?" : null,
    testid: `act-${name}`,
  });
  const line = () => {
    void changes.value;
    return operationLine(operation, inputs.peek(), instance.option());
  };
  return panel(
    { title: verb, testid: `panel-${name}` },
    h("p.hint.summary", {}, visible(summary)),
    form({ class: "stack" }, run.press, args.length > 0 ? inputs.element : null, h("div.row", {}, run.button)),
    results(run),
    commandLineToCopy(line),
  );
}

/** A result in a few lines: one fact a line, where it is an object. */
function textOf(result, schema) {
  if (Array.isArray(result) || typeof result !== "object") return written(result, schema);
  return excerpt(
    flattened(result, [], schema)
      .map(([name, value, described]) => `${name}: ${written(value, described)}`)
      .join("\n"),
    2000,
  );
}
