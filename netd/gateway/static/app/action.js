/** Actions: a button that calls an operation, asks first where that is dangerous, and shows the outcome. */

import { identity, isLive, netd, starts } from "./connection.js";
import { asCommands } from "./commandline.js";
import { h, when } from "./dom.js";
import { denial } from "./late.js";
import { forbidden, missing } from "./rights.js";
import { computed, effect, signal } from "./signal.js";

let reasons = 0;

/** @template T @typedef {import("./signal.js").Writable<T>} Writable */

/**
 * @typedef {object} Outcome
 * @property {string} state "ok", "waiting", "trouble" or "gone".
 * @property {string} text
 * @property {import("./denial.js").Denial|null} [lacks] what is missing, where the user may not do it.
 */

/**
 * @typedef {object} Action
 * @property {Element} button
 * @property {Writable<Outcome|null>} told the outcome; see `results`.
 * @property {boolean} isOffered whether users who may not do it see the button.
 * @property {() => string} why the reason why the user may not do it; "" where they may.
 * @property {() => import("./denial.js").Denial|null} lacks what is missing, where the user may not do it.
 * @property {Writable<string>} reason the id of the element that shows this reason.
 * @property {() => Promise<void>} run calls the operation.
 * @property {() => void} press does what a press of the button does: it asks first, where there is a question. Forms call it.
 */

/**
 * @param {object} parts
 * @param {string|(() => string)} parts.label what the button does.
 * @param {string} parts.method the operation.
 * @param {import("./instances.js").Instance|null} [parts.instance] the service, where there may be several.
 * @param {() => string} [parts.objection] a further reason why the user may not do it; "" for none.
 * @param {() => object|null|Promise<object|null>} [parts.params] the arguments, without the instance; null while incomplete.
 * @param {(result: any) => Outcome} parts.told makes the outcome of a result.
 * @param {string} [parts.refused] a line that stands before the reason, where netd refuses.
 * @param {(result: any, error: Error|null) => void} [parts.done]
 * @param {string|(() => string)|null} [parts.question] asked before an action that cannot be undone.
 * @param {() => void} [parts.asking] called before the question is shown.
 * @param {string} [parts.about] the button's name for screen readers, where the label alone says too little.
 * @param {() => any} [parts.until] the outcome is shown until this value changes, the user changes, or netd restarts.
 * @param {Writable<Outcome|null>} [parts.outcome] a signal for the outcome, which outlives the button.
 * @param {boolean} [parts.isLasting] a success stays shown when *until* changes.
 * @param {number|(() => number)} [parts.timeout] seconds.
 * @param {string} [parts.kind] "main" submits the form that it is in; "plain", "quiet".
 * @param {boolean} [parts.isOffered] whether users who may not do it see the button, disabled; otherwise it is hidden.
 * @param {string} parts.testid
 * @returns {Action}
 */
export function action(parts) {
  const { method, instance = null, objection = () => "", params = () => ({}), told, done = () => {}, timeout } = parts;
  const outcome = parts.outcome ?? signal(/** @type {Outcome|null} */ (null));
  const [isBusy, isAsking, reason] = [signal(false), signal(false), signal("")];
  const why = () => forbidden(method, instance?.name.value) || objection();
  const lacks = () => missing(method, instance?.name.value);

  const run = async () => {
    isAsking.value = false;
    if (isBusy.value || !isLive.value || why()) return;
    try {
      isBusy.value = true;
      const own = await params();
      const given = own === null || instance === null ? own : instance.params(own);
      if (given === null) return;
      outcome.value = { state: "waiting", text: "…" };
      const result = await netd.call(method, given, { timeout: typeof timeout === "function" ? timeout() : timeout });
      outcome.value = told(result);
      done(result, null);
    } catch (error) {
      const isRefused = parts.refused !== undefined && typeof error.code === "number"; // a word is a failure on the way
      const text = (isRefused ? `${parts.refused}\n` : "") + asCommands(error.message);
      outcome.value = { state: "trouble", text, lacks: error.data?.remedy ? error.data : null };
      done(null, error);
    } finally {
      isBusy.value = false;
    }
  };
  const press = () => {
    if (parts.question === undefined || parts.question === null) return void run();
    parts.asking?.();
    isAsking.value = true;
  };
  forget(outcome, parts);
  const button = buttonOf(parts, { run, press, why, isBusy, isAsking, reason });
  return { button, told: outcome, isOffered: parts.isOffered ?? true, why, lacks, reason, run, press };
}

/**
 * Remove the outcome when it no longer matters.
 * @param {Writable<Outcome|null>} outcome @param {{until?: () => any, isLasting?: boolean}} parts
 */
function forget(outcome, { until = () => null, isLasting = false }) {
  const about = [computed(() => `${identity.value} ${starts.value}`), computed(until)];
  let before = about.map((one) => one.peek());
  effect(() => {
    const now = about.map((one) => one.value);
    const [isElsewhere, isPast] = now.map((one, index) => one !== before[index]);
    before = now;
    const told = outcome.peek();
    if (told === null || told.state === "waiting") return;
    if (isElsewhere || (isPast && !(isLasting && told.state === "ok"))) outcome.value = null;
  });
}

/** @param {any} parts @param {any} state */
function buttonOf({ label, question = null, kind = "plain", isOffered = true, testid, about = null }, state) {
  const { run, press, why, isBusy, isAsking, reason } = state;
  const pressed = h(
    "button",
    {
      type: kind === "main" ? "submit" : "button",
      class: kind,
      testid,
      ...restrained(why, reason),
      hidden: () => isAsking.value || (!isOffered && why() !== ""),
      "aria-label": about,
      "aria-busy": () => (isBusy.value ? "true" : null),
      onclick: kind === "main" ? (event) => event.currentTarget.form === null && press() : press,
    },
    label,
  );
  const asked = () => confirmation(question, label, run, () => (isAsking.value = false), testid);
  const element = h(
    "span.action",
    {},
    pressed,
    when(() => isAsking.value, asked),
  );
  let wasAsking = false;
  effect(() => {
    if (wasAsking && !isAsking.value) pressed.focus();
    wasAsking = isAsking.value;
  });
  return element;
}

function confirmation(question, label, run, keep, testid) {
  const yes = h("button.danger", { type: "button", onclick: run, testid: `${testid}-confirm` }, label);
  queueMicrotask(() => yes.focus());
  const leave = (event) => event.key === "Escape" && keep();
  return h(
    "span.confirmation",
    { role: "group", "aria-label": "Confirm", onkeydown: leave },
    h("span", {}, question),
    yes,
    h("button.quiet", { type: "button", onclick: keep, testid: `${testid}-keep` }, "Keep"),
  );
}

/** The line that tells an outcome, below the button. @param {import("./signal.js").Readable<Outcome|null>} outcome */
export const outcomeOf = (outcome) => [
  h(
    "p.outcome",
    { role: "status", testid: "outcome", "data-state": () => outcome.value?.state ?? "none" },
    () => outcome.value?.text ?? "",
  ),
  denial(() => outcome.value?.lacks ?? null),
];

/**
 * The newest outcome of *actions*, and the reasons why the user may not do them. An earlier outcome of another action would
 * contradict the newest one: "A reload would change …" stays wrong beside "Changed: …".
 * @param {...Action} actions
 */
export function results(...actions) {
  const newest = signal(/** @type {Writable<Outcome|null>|null} */ (null));
  for (const { told } of actions) effect(() => void (told.value !== null && (newest.value = told)));
  return [outcomeOf(computed(() => newest.value?.value ?? null)), restraint(...actions.filter((one) => one.isOffered))];
}

/** Attributes that disable a button while netd is away, or while *why* gives a reason. */
export const restrained = (why, reason) => ({
  disabled: () => !isLive.value || why() !== "",
  title: () => why() || (isLive.value ? null : "Not connected to netd"),
  "aria-describedby": () => (why() && reason.value) || null,
});

/**
 * The reasons why the user may not do *actions*, each reason once.
 * @param {...{why: () => string, lacks?: () => import("./denial.js").Denial|null, reason: Writable<string>}} actions
 */
export function restraint(...actions) {
  const id = `reason-${++reasons}`;
  for (const one of actions) one.reason.value = id;
  const text = computed(() => [...new Set(actions.map((one) => one.why()).filter(Boolean))].join(" "));
  const lacks = () => actions.map((one) => one.lacks?.() ?? null).find(Boolean) ?? null;
  return [h("p.restraint", { id, testid: "restraint", hidden: () => text.value === "" }, () => text.value), denial(lacks)];
}

/** A labelled field of a form. @param {string} label @param {Element} input @param {string} [hint] */
export function field(label, input, hint = "", attributes = {}) {
  return h("label.field", attributes, h("span.field-label", {}, label), input, hint ? h("span.field-hint", {}, hint) : null);
}

/** A form that calls *run* when it is submitted. */
export function form(attributes, run, ...children) {
  const submit = (event) => {
    event.preventDefault();
    run();
  };
  return h("form", { onsubmit: submit, novalidate: false, ...attributes }, ...children);
}

/**
 * A choice between a few words.
 * @param {string} label @param {[any, string][]} options @param {{value: any}} chosen @param {string} testid
 */
export function segments(label, options, chosen, testid) {
  return h(
    "div.segments",
    { role: "group", "aria-label": label, testid },
    options.map(([value, word]) =>
      h(
        "button",
        {
          type: "button",
          "aria-pressed": () => String(chosen.value === value),
          onclick: () => (chosen.value = value),
          "data-value": String(value),
        },
        word,
      ),
    ),
  );
}
