/** Sending a text, JSON or a file to a device, and the outcome of each. */

import { action, field, form, results, segments } from "../action.js";
import { asCommands, commandLine, commandLineToCopy } from "../commandline.js";
import { choice, each, h, when } from "../dom.js";
import { bytes, clock, excerpt, payload, shortSpan, visible } from "../format.js";
import { tag } from "../instances.js";
import { isFar } from "../nodes.js";
import { recent } from "../live.js";
import { log } from "../log.js";
import { badge, panel } from "../panel.js";
import { signal } from "../signal.js";

/** @type {[string, string][]} */
const KINDS = [
  ["text", "Text"],
  ["json", "JSON"],
  ["file", "File"],
];
/** @type {Record<string, string>} */
const STATES = { sent: "ok", acknowledged: "ok", queued: "waiting", expired: "trouble", failed: "trouble" };
const MOST_SENT = 30;

/** The id of the input for the message. */
export const MESSAGE = "message";

/** The largest file in bytes: as base64 it must fit in one message of 1 MiB. */
const LARGEST = 740 * 1024;
/** How many devices are suggested while a name is typed. */
const SUGGESTED = 50;
/** Seconds to wait for an answer without a deadline. netd's own time-out is shorter. */
const PATIENCE = 60;
/** Seconds beyond the deadline in which netd's outcome arrives. */
const MARGIN = 10;

/** The payload cannot be sent; the message tells why. */
class UnfitPayload extends Error {}

/** The messages sent from this page, newest first. They are kept while other pages are open. */
const sent = recent(MOST_SENT);

/** What is known of a message that failed; where the device has got it, the reason says so. @type {Record<string, string>} */
const KNOWN = { no: " (the device has not got it)", maybe: " (the device may have got it)" };

/** An outcome in words. @param {{status: string, error?: string, answer?: string, known?: string}} result */
const words = (result, target) => told(result, target) + (KNOWN[result.known ?? ""] ?? "");

function told(result, target) {
  const answer = result.answer ? payload(result.answer) : "";
  if (result.status === "sent") return "sent: it was handed to the device, which does not answer";
  if (result.status === "acknowledged") return answer ? `acknowledged: ${answer}` : "acknowledged";
  if (result.status === "queued") return `queued: ${target} is away, and gets it when it comes back`;
  if (result.status === "expired") return `expired: ${result.error || `${target} did not answer in time`}`;
  return `failed: ${result.error || "no reason was given"}${answer ? ` (${answer})` : ""}`;
}

/** What is being written; kept while other pages are looked at. */
const draft = {
  kind: signal("text"),
  text: signal(""),
  file: signal(/** @type {File|null} */ (null)),
  deadline: signal(""),
  waits: signal(true),
};

const deadlineOf = () => (Number(draft.deadline.value) > 0 ? Number(draft.deadline.value) : null);

/** The outcome of a message. @param {any} result of `relay.send`. @param {string} target @returns {import("../action.js").Outcome} */
export const outcomeOfSending = (result, target) => ({ state: STATES[result.status] ?? "gone", text: words(result, target) });

/** @template T @typedef {import("../signal.js").Readable<T>} Readable */
/** @template T @typedef {import("../signal.js").Writable<T>} Writable */

/**
 * Where a message goes: to the relay that is picked; where all nodes are shown, to whichever of them has the device. Only another
 * relay of this node must be named then, because that is not looked for.
 */
function wayTo(instance, chosen) {
  const named = () => {
    if (!instance.isAll()) return instance.name.value;
    const { where = "main" } = chosen.value ?? {};
    const hasOwn = !isFar({ instance: instance.name.value ?? "main" });
    return (isFar({ instance: where }) && hasOwn) || where === "main" ? null : where;
  };
  const params = (given = {}) => (named() === null ? instance.params(given) : { ...given, instance: named() });
  return { ...instance, params, where: () => chosen.peek()?.where ?? instance.name.peek() };
}

/**
 * The panel for sending. On a phone it is a sheet at the foot of the window, because the list of devices may be long.
 * @param {import("../instances.js").Instance} instance
 * @param {Writable<string>} target
 * @param {Readable<any>} chosen the device of that name, or null.
 * @param {Readable<any[]>} all
 * @param {(device: any) => string} targetOf what it is called when it is sent to.
 * @returns {{element: Element, open: () => void}}
 */
export function sendSheet(instance, target, chosen, all, targetOf) {
  const isOpen = signal(false);
  const close = (event) => event.key === "Escape" && (isOpen.value = false);
  const element = h(
    "div.sheet",
    { "data-open": () => String(isOpen.value), onkeydown: close },
    sendPanel(isOpen, instance, target, chosen, all, targetOf),
  );
  const open = () => {
    element.dataset.open = "true"; // at once, not with the next update: it gets the focus now
    isOpen.value = true;
  };
  return { element, open };
}

const handle = (isOpen) =>
  h(
    "button.quiet.handle",
    {
      type: "button",
      testid: "sheet-handle",
      "aria-expanded": () => String(isOpen.value),
      "aria-label": () => (isOpen.value ? "Close sending" : "Open sending"),
      onclick: () => (isOpen.value = !isOpen.value),
    },
    () => (isOpen.value ? "Close" : "Open"),
  );

/** @param {Writable<boolean>} isOpen on a phone, whether more than the title is shown. */
function sendPanel(isOpen, instance, target, chosen, all, targetOf) {
  const send = sendAction(wayTo(instance, chosen), target);
  const isAway = () => target.value && chosen.value?.online === false;
  const isUnknown = () => target.value && chosen.value?.online === null;
  return panel(
    { title: "Send", testid: "send-panel", aside: handle(isOpen) },
    form(
      { class: "stack", testid: "send-form" },
      send.run,
      field(
        "Device",
        targetInput(target, () => suggestions(all.value.map(targetOf), target.value)),
        "one of the list, or any name or address that is connected",
      ),
      when(isAway, () => h("p.hint", {}, "It is away. netd keeps messages for it only where `queue_for` of its relay says so.")),
      when(isUnknown, () => h("p.hint", {}, "Its node cannot be reached now, so nothing can be sent to it.")),
      segments("Kind of message", KINDS, draft.kind, "send-kind"),
      choice(
        () => draft.kind.value === "file",
        (isFile) => (isFile ? fileInput() : textInput()),
      ),
      h("div.row", {}, deadlineInput(), waitInput()),
      h("div.row", {}, send.button),
    ),
    results(send),
    commandLineToCopy(() => lineFor(target.value, instance.option())),
    history(),
  );
}

/** The first few of *names* that contain *written*. */
const suggestions = (names, written) => names.filter((name) => name.includes(written)).slice(0, SUGGESTED);

function sendAction(instance, target) {
  /** @type {{target: string, instance: string|null, what: string, began: number}|null} */
  let sending = null;
  const params = async () => {
    const { kind, text, file, waits } = draft;
    sending = null;
    const said = await payloadOf(kind.peek(), text.peek(), file.peek());
    const chosen = kind.peek() === "file" ? file.peek() : null;
    const what = chosen === null ? text.peek() : `${chosen.name} (${bytes(chosen.size)})`;
    sending = { target: target.peek(), instance: instance.where(), what, began: performance.now() };
    const deadline = deadlineOf();
    return { target: target.peek(), wait: waits.peek(), ...said, ...(deadline === null ? {} : { deadline }) };
  };
  const outcomeOf = (result) => outcomeOfSending(result, sending?.target ?? "");
  const done = (result, error) => {
    if (sending === null) return;
    const outcome = result === null ? { state: "trouble", text: asCommands(error.message) } : outcomeOf(result);
    const seconds = (performance.now() - sending.began) / 1000;
    sent.add({ ...sending, time: Date.now() / 1000, seconds, ...outcome });
  };
  return action({
    label: () => (target.value ? `Send to ${visible(target.value)}` : "Send"),
    method: "relay.send",
    instance,
    params,
    told: outcomeOf,
    until: () => `${instance.name.value} ${target.value}`,
    done,
    kind: "main",
    timeout: () => (deadlineOf() ?? PATIENCE) + MARGIN,
    testid: "send",
  });
}

/** The command line for the same. */
function lineFor(target, instance) {
  const isFile = draft.kind.value === "file";
  return commandLine(
    "send",
    target || "TARGET",
    isFile ? null : draft.text.value || "TEXT",
    ["--file", isFile ? (draft.file.value?.name ?? "FILE") : null],
    ["--deadline", deadlineOf()],
    ["--no-wait", !draft.waits.value],
    ["--instance", instance],
  );
}

function fileInput() {
  draft.file.value = null;
  const choose = (event) => (draft.file.value = event.target.files[0] ?? null);
  const hint = `at most ${bytes(LARGEST)}; larger ones with the command line`;
  return field("File", h("input", { type: "file", testid: "send-file", onchange: choose }), hint);
}

function textInput() {
  const area = h("textarea", {
    id: MESSAGE,
    value: draft.text.peek(),
    rows: "3",
    spellcheck: "false",
    testid: "send-text",
    placeholder: () => (draft.kind.value === "json" ? '{"light": "on"}' : "light on"),
    oninput: (event) => (draft.text.value = event.target.value),
  });
  return field("Message", area);
}

function deadlineInput() {
  const input = h("input.short", {
    type: "number",
    min: "0.01",
    step: "any",
    inputmode: "decimal",
    placeholder: "10",
    value: draft.deadline.peek(),
    testid: "deadline",
    oninput: (event) => (draft.deadline.value = event.target.value),
  });
  return field("Deadline in seconds", input);
}

function waitInput() {
  const change = (event) => (draft.waits.value = event.target.checked);
  const box = h("input", { type: "checkbox", checked: draft.waits.peek(), testid: "send-wait", onchange: change });
  return h("label.check", {}, box, h("span", {}, "Wait for the answer"));
}

function targetInput(target, options) {
  return h(
    "span.combo",
    {},
    h("input", {
      value: () => target.value,
      list: "device-names",
      required: true,
      autocapitalize: "none",
      spellcheck: "false",
      placeholder: "name or host:port",
      testid: "send-target",
      oninput: (event) => (target.value = event.target.value.trim()),
    }),
    h(
      "datalist",
      { id: "device-names" },
      each(
        options,
        (one) => one,
        (one) => h("option", { value: one.peek() }),
      ),
    ),
  );
}

/** The arguments for the payload. @throws {UnfitPayload} */
async function payloadOf(kind, text, file) {
  if (kind === "text") return { text };
  if (kind === "json") {
    try {
      JSON.parse(text);
      return { text };
    } catch (error) {
      throw new UnfitPayload(`This is no JSON: ${error.message}`);
    }
  }
  if (file === null) throw new UnfitPayload("Choose a file first.");
  if (file.size > LARGEST)
    throw new UnfitPayload(`${file.name} has ${bytes(file.size)}; at most ${bytes(LARGEST)} go from here.`);
  const url = await new Promise((resolve, reject) => {
    const reader = new FileReader();
    reader.onload = () => resolve(reader.result);
    reader.onerror = () => reject(reader.error);
    reader.readAsDataURL(file);
  });
  return { base64: url.slice(url.indexOf(",") + 1) };
}

function history() {
  return when(
    () => sent.value.length > 0,
    () =>
      h(
        "div.sent-from-here",
        {},
        h("h3.small", {}, "Sent from here"),
        log({
          label: "Messages sent from here, newest first",
          list: () => sent.value,
          row: sentRow,
          kind: "sent",
          testid: "sent-log",
        }),
      ),
  );
}

function sentRow({ state, text, target, instance, what, time, seconds }) {
  return h(
    "li",
    { testid: "sent-row", "data-state": state },
    badge(state, [visible(target), tag("relay", () => instance)]),
    h("time", {}, `${clock(time)}, ${shortSpan(seconds)}`),
    h("span.said", {}, excerpt(what, 120)),
    h("span.what", {}, text),
  );
}
