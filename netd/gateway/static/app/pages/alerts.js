/** Alerts: the state of each on each of its subjects, to acknowledge and to try. */

import { action, results } from "../action.js";
import { commandLine, commandLineToCopy } from "../commandline.js";
import { servicesOf } from "../connection.js";
import { each, h } from "../dom.js";
import { excerpt, fullTime, shortSpan, visible } from "../format.js";
import { polled, settled, told } from "../live.js";
import { needsService } from "../no_service.js";
import { badge, faceOf, panel } from "../panel.js";
import { computed } from "../signal.js";
import { cell, rowHead, table } from "../table.js";

/** @type {Record<string, string>} */
const SHAPES = { firing: "trouble", unacknowledged: "trouble", acknowledged: "waiting", pending: "waiting", quiet: "ok" };

export const alerts = () => h("div.grid.alerts", {}, needsService("alert", list, "Values that are out of bounds appear here, and who was told."));

const list = () =>
  h(
    "div.stack.wide",
    {},
    each(
      () => loudestFirst(servicesOf("alert")).map(({ instance }) => instance),
      (name) => name,
      (name) => card(name.peek()),
    ),
  );

const ORDER = ["firing", "unacknowledged", "acknowledged", "pending"];

/** Alerts, those first that somebody has to look at. @template T @param {T[]} all with a state each. */
export function loudestFirst(all) {
  const rank = (/** @type {any} */ { state = "" }) => ORDER.indexOf(state) + 1 || ORDER.length + 1;
  return [...all].sort((one, other) => rank(one) - rank(other));
}

/** What `polled` and `action` need to know of one alert. @param {string} name */
const only = (name) => /** @type {any} */ ({ name: computed(() => name), params: (given = {}) => ({ ...given, instance: name }) });

/** @param {string} name */
function card(name) {
  const instance = only(name);
  const alert = polled("alert.list", instance, 5);
  const refresh = settled(alert.refresh, 200);
  told(() => `alert.${name}.>`, {}, refresh);
  const subjects = () => alert.answer.value?.subjects ?? [];
  const done = () => void alert.refresh();
  const isLoud = () => ["firing", "unacknowledged"].includes(alert.answer.value?.state ?? "");
  const everything = acknowledging(instance, ">", done, "Acknowledge all");
  const tried = trying(instance);
  return panel(
    {
      title: name,
      testid: "alert",
      face: faceOf(alert),
      aside: badge(
        () => SHAPES[alert.answer.value?.state ?? "quiet"],
        () => alert.answer.value?.state ?? "",
        { testid: "alert-state" },
      ),
    },
    h("p", {}, h("code", {}, () => alert.answer.value?.when ?? "")),
    h("p.hint", {}, () => actionsText(alert.answer.value?.then ?? [])),
    h(
      "div.alert-subjects",
      { hidden: () => subjects().length === 0 },
      table(
        ["Subject", "State", "Value", "Since", ""],
        subjects,
        (one) => one.subject,
        (item) => row(item, instance, done),
      ),
    ),
    h("div.row", {}, h("span", { hidden: () => subjects().length < 2 }, everything.button), tried.button),
    results(everything, tried),
    commandLineToCopy(() => commandLine("alert", isLoud() ? "acknowledge" : "test", name)),
  );
}

/** @param {string[]} then */
const actionsText = (then) => (then.length ? `Then: ${then.map(visible).join("; ")}` : "Nobody is told: its state is on the bus.");

function row(item, instance, done) {
  const { subject } = item.peek();
  const acknowledge = acknowledging(instance, subject, done, "Acknowledge");
  const isWaiting = () => ["firing", "unacknowledged"].includes(item.value.state);
  const state = () => (item.value.by ? `${item.value.state} by ${visible(item.value.by)}` : item.value.state);
  const since = () => (item.value.since === null ? `for ${shortSpan(item.value.held_for)}` : fullTime(item.value.since));
  return h(
    "tr",
    { testid: "alert-row", "data-subject": subject },
    rowHead("Subject", visible(subject)),
    cell(
      "State",
      badge(() => SHAPES[item.value.state], state),
    ),
    cell("Value", () => (item.value.value === null ? "–" : excerpt(String(item.value.value), 40)), "number"),
    cell("Since", since),
    cell("", [h("span", { hidden: () => !isWaiting() }, acknowledge.button), results(acknowledge)], "end"),
  );
}

const acknowledging = (instance, subject, done, label) =>
  action({
    label,
    method: "alert.acknowledge",
    instance,
    params: () => ({ subject }),
    told: ({ state }) => ({ state: "ok", text: `Acknowledged: ${state}.` }),
    done,
    testid: "acknowledge",
  });

const trying = (instance) =>
  action({
    label: "Test",
    method: "alert.test",
    instance,
    question: "Carry out its actions now?",
    timeout: 60,
    told: testText,
    testid: "alert-test",
  });

/** What came of each action. @param {{action: string, outcome: string, error: string, seconds: number}[]} tried */
export function testText(tried) {
  if (tried.length === 0) return { state: "waiting", text: "It has no actions." };
  const lines = tried.map(({ action: what, outcome, error, seconds }) =>
    error ? `${what}: ${outcome}: ${error}` : `${what}: ${outcome} in ${shortSpan(seconds)}`,
  );
  return { state: tried.every(({ outcome }) => outcome === "done") ? "ok" : "trouble", text: lines.join("\n") };
}
