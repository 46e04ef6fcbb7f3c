/** A tile with a button that runs an operation with fixed arguments. */

import { action, outcomeOf, restraint } from "../../action.js";
import { knownAt, operations } from "../../connection.js";
import { h } from "../../dom.js";
import { ago, excerpt, fullTime, visible } from "../../format.js";
import { outcomeOfSending } from "../../pages/device_send.js";
import { badge } from "../../panel.js";
import { computed, signal } from "../../signal.js";
import { isSameCall } from "../judge.js";
import { fixedInstance } from "../operations.js";
import { shared } from "../values.js";

/** Seconds that a command may take. */
const PATIENCE = 120;
/** @type {Record<string, string>} */
const OUTCOMES = { done: "ok", success: "ok", expired: "waiting" };

/** A result in words. @param {any} result @returns {import("../../action.js").Outcome} */
function outcomeIn(result) {
  const shown = result !== null && typeof result === "object" && "result" in result ? result.result : result;
  if (shown === null || shown === undefined) return { state: "ok", text: "Done." };
  return { state: "ok", text: `Done: ${excerpt(typeof shown === "string" ? shown : JSON.stringify(shown), 300)}` };
}

/** @param {import("../model.js").Tile} tile @param {import("./frame.js").Surroundings} around */
export function command(tile, around) {
  const { operation = "", arguments: given = {}, instance = "main", question = "" } = tile;
  const kind = computed(() => operations.value.get(operation)?.kind);
  const service = fixedInstance(instance);
  const name = given.command_id ?? operation;
  const last = signal(/** @type {{state: string, text: string, time: number}|null} */ (null));
  followRuns(around, tile, last);
  const run = action({
    label: () => visible(tile.label || tile.title || name),
    method: operation,
    instance: { ...service, params: () => (kind.peek() === null ? { ...given } : service.params(given)) },
    objection: () =>
      operations.value.size > 0 && !operations.value.has(operation) ? `This netd has no operation ${operation}.` : "",
    told: (result) => (operation === "relay.send" ? outcomeOfSending(result, given.target) : outcomeIn(result)),
    question: question || null,
    timeout: PATIENCE,
    testid: "tile-run",
  });
  const lastText = () => (last.value === null ? "" : `${last.value.text} ${ago(last.value.time, knownAt.value)}`);
  const body = h(
    "div.tile-command",
    {},
    run.button,
    outcomeOf(run.told),
    h(
      "p.last-run",
      {
        testid: "last-run",
        hidden: () => last.value === null,
        title: () => (last.value === null ? null : fullTime(last.value.time)),
      },
      badge(() => last.value?.state ?? "plain", lastText),
    ),
    restraint(run),
  );
  return { body, title: () => [name, ...valuesOf(given.arguments ?? given)].join(" · ") };
}

/** The arguments as texts, to tell buttons of one operation apart. @param {Record<string, any>} given */
const valuesOf = (given) =>
  Object.entries(given)
    .filter(([argument]) => argument !== "command_id")
    .map(([, value]) => excerpt(typeof value === "string" ? value : JSON.stringify(value), 30));

/**
 * Follow who ran it last: what netd publishes of all calls, or else of the user's functions.
 * @param {import("./frame.js").Surroundings} around @param {any} tile @param {any} last takes the last run.
 */
function followRuns(around, tile, last) {
  const { operation = "", arguments: given = {}, instance = "main" } = tile;
  const note = (found) => (last.value === null || found.time >= last.value.time) && (last.value = found);
  const replay = { replay: 20 };
  shared(around, operation ? `audit.*.${operation}` : "", "audit.>", replay, ({ data, time }) => {
    if (isSameCall(given, data.arguments)) note(runOf(data.who, data.outcome, time));
  });
  if (operation !== "command.run") return;
  shared(around, `command.${instance}.run`, `command.${instance}.run`, replay, ({ data, time }) => {
    const isSame = data.command_id === given.command_id && isSameCall(given.arguments ?? {}, data.arguments);
    if (isSame) note(runOf(data.from, data.outcome, time));
  });
}

const runOf = (who, outcome, time) => ({
  state: OUTCOMES[outcome] ?? "trouble",
  text: `${outcome === "done" || outcome === "success" ? "run" : outcome}${who ? ` by ${visible(String(who))}` : ""}`,
  time,
});
