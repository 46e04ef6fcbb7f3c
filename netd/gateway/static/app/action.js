/** Doing something: a button that says what it does, asks first if that is dangerous, and shows what became of it. */

import { forbidden, isLive, netd } from "/static/app/connection.js";
import { asCommands } from "/static/app/commandline.js";
import { h, when } from "/static/app/dom.js";
import { signal } from "/static/app/signal.js";

/**
 * @typedef {object} Outcome
 * @property {"ok"|"waiting"|"trouble"|"gone"} state
 * @property {string} text
 */

/**
 * @param {object} parts
 * @param {string|(() => string)} parts.label what it does.
 * @param {string} parts.method the operation.
 * @param {() => object|null|Promise<object|null>} parts.params its arguments; null when they are not complete yet.
 * @param {(result: any) => Outcome} parts.told what is said of a result.
 * @param {(result: any, error: Error|null) => void} [parts.done]
 * @param {string|(() => string)} [parts.question] asked before; for what cannot be undone.
 * @param {number|(() => number)} [parts.timeout] seconds.
 * @param {"main"|"plain"|"quiet"} [parts.kind]
 * @param {string} parts.testid
 * @returns {{button: Node, outcome: Node, run: () => Promise<void>}}
 */
export function action({ label, method, params, told, done = () => {}, question = null, timeout, kind = "plain", testid }) {
  const outcome = signal(null);
  const isBusy = signal(false);
  const isAsking = signal(false);
  const why = () => forbidden(method);
  const cannot = () => isBusy.value || !isLive.value || why() !== "";

  const run = async () => {
    isAsking.value = false;
    if (cannot()) return;
    try {
      isBusy.value = true;
      const given = await params();
      if (given === null) return;
      outcome.value = { state: "waiting", text: "…" };
      const result = await netd.call(method, given, { timeout: typeof timeout === "function" ? timeout() : timeout });
      outcome.value = told(result);
      done(result, null);
    } catch (error) {
      outcome.value = { state: "trouble", text: asCommands(error.message) };
      done(null, error);
    } finally {
      isBusy.value = false;
    }
  };

  const press = () => (question === null ? run() : (isAsking.value = true));
  const button = h(
    "span.action",
    {},
    h(
      "button",
      {
        type: question === null && kind === "main" ? "submit" : "button",
        class: kind,
        testid,
        disabled: cannot,
        hidden: () => isAsking.value,
        title: () => why() || (isLive.value ? null : "Not connected to netd"),
        onclick: kind === "main" ? (event) => event.currentTarget.form === null && press() : press,
      },
      label,
    ),
    when(
      () => isAsking.value,
      () => confirmation(question, label, run, () => (isAsking.value = false), testid),
    ),
  );
  return { button, outcome: outcomeOf(outcome, why), run, last: outcome };
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
    h("button.quiet", { type: "button", onclick: keep }, "Keep"),
  );
}

function outcomeOf(outcome, why) {
  return h(
    "p.outcome",
    { role: "status", testid: "outcome", "data-state": () => outcome.value?.state ?? (why() ? "gone" : "none") },
    () => outcome.value?.text ?? why(),
  );
}

/** A labelled field of a form. @param {string} label @param {Element} input @param {string} [hint] */
export function field(label, input, hint = "", attributes = {}) {
  return h("label.field", attributes, h("span.field-label", {}, label), input, hint ? h("span.field-hint", {}, hint) : null);
}

/** A form that does *run* instead of going anywhere. */
export function form(attributes, run, ...children) {
  const submit = (event) => {
    event.preventDefault();
    run();
  };
  return h("form", { onsubmit: submit, novalidate: false, ...attributes }, ...children);
}

/** One of a few words. @param {string} label @param {[any, string][]} options @param {{value: any}} chosen */
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
