/**
 * Being a device as a person: messages to it are shown here, and answered by hand or by a fixed text. The device stays attached
 * while other pages are open.
 */

import { field, form, outcomeOf, restrained, restraint, segments } from "../action.js";
import { commandLine, commandLineToCopy } from "../commandline.js";
import { isLive, netd, now } from "../connection.js";
import { choice, h, when } from "../dom.js";
import { clock, duration, excerpt, payload, visible } from "../format.js";
import { elsewhere, farOf, portOf, tag } from "../instances.js";
import { recent } from "../live.js";
import { log } from "../log.js";
import { badge, panel } from "../panel.js";
import { forbidden, missing } from "../rights.js";
import { effect, onCleanup, signal } from "../signal.js";

/** How many messages are kept. A message that leaves the list unanswered is refused. */
const MOST = 50;
const TOO_MANY = "too many messages wait for an answer by hand";

/** @type {[string, string][]} */
const WAYS = [
  ["hand", "By hand"],
  ["itself", "By itself"],
];

/**
 * The device that this page is, or null.
 * @type {import("../signal.js").Writable<{name: string, instance: string, detach: () => Promise<void>}|null>}
 */
const self = signal(null);
const messages = recent(MOST);
/** @type {import("../signal.js").Writable<import("../action.js").Outcome|null>} */
const outcome = signal(null);
const way = signal("hand");
const answer = signal("ok");

/**
 * @typedef {object} Received
 * @property {string} from @property {string} said
 * @property {number} time when it came, in seconds since the epoch by the browser's clock.
 * @property {number|null} until when its sender stops waiting.
 * @property {import("../signal.js").Writable<{state: string, text: string}|null>} fate null while it waits for an answer.
 * @property {(text: string) => void} answer @property {(reason: string) => void} refuse
 */

/** Take a message. The promise's value is the answer; its error is a refusal. */
function receive(/** @type {any} */ { from, text, base64, deadline }) {
  const time = Date.now() / 1000;
  /** @type {Received["fate"]} */
  const fate = signal(null);
  const settle = (act, state, said) => {
    if (fate.peek() !== null) return;
    fate.value = { state, text: said };
    act();
  };
  return new Promise((resolve, reject) => {
    const one = {
      from,
      said: text ?? payload(base64 ?? ""),
      time,
      until: deadline === undefined || deadline === null ? null : time + deadline,
      fate,
      answer: (reply) => settle(() => resolve(reply), "ok", `answered: ${reply}`),
      refuse: (reason) => settle(() => reject(new Error(reason)), "gone", `refused: ${reason}`),
    };
    if (messages.value.length >= MOST) messages.value.at(-1).refuse(TOO_MANY);
    messages.add(one);
    if (way.peek() === "itself") one.answer(answer.peek());
  });
}

function refuseAll(reason) {
  for (const one of messages.value) one.refuse(reason);
}

/** netd's reason when it stops: netd.js attaches the device again when netd is back. */
const STOPPING = "netd stops";

/** A lost connection takes the unanswered messages with it. */
const forget = () => netd.state.name === "live" || refuseAll("the connection was lost");

/** This page is no longer a device. @param {string} said */
function over(said) {
  netd.removeEventListener("state", forget);
  refuseAll("it is no device any more");
  self.value = null;
  outcome.value = { state: "gone", text: said };
}

async function be(name, instance) {
  outcome.value = { state: "waiting", text: "…" };
  messages.clear();
  let isOver = false;
  const onDetached = (reason) => {
    if (reason === STOPPING) return;
    isOver = true;
    over(`You are ${visible(name)} no more: ${visible(reason)}.`);
  };
  try {
    const { detach } = await netd.attach(name, receive, { onDetached, instance });
    if (isOver) return;
    netd.addEventListener("state", forget);
    self.value = { name, instance, detach };
    outcome.value = null;
  } catch (error) {
    outcome.value = { state: "trouble", text: error.message };
  }
}

async function leave() {
  const { name, detach } = /** @type {NonNullable<typeof self.value>} */ (self.peek());
  over(`You are ${visible(name)} no more.`);
  await detach().catch(() => {});
}

/** @param {import("../instances.js").Instance} instance */
export function beingPanel(instance) {
  const why = () => forbidden("relay.attach", instance.name.value);
  const element = panel(
    { title: "Be a device", testid: "being-panel" },
    choice(
      () => (self.value === null ? farOf(instance) : null),
      (far) => (far === null ? being() : far ? elsewhere(far, "a device") : outside(instance, why)),
    ),
    outcomeOf(outcome),
    when(() => messages.value.length > 0, received),
  );
  keepFocus(element);
  return element;
}

/** Where the focus goes when its element is removed: to the first of these that exists. */
const NEXT = ["reply-text", "being-way", "being-name"];
/** Where the focus is taken from when a message comes. */
const IDLE = ["being-way", "received"];

const within = (testid) => `[data-testid="${testid}"]`;

/** Keep the focus within *panel*, and move it to a message that waits for an answer. */
function keepFocus(panel) {
  let isHere = false;
  const note = (/** @type {any} */ { target }) => (isHere = panel.contains(target));
  const places = ["focusin", "pointerdown"];
  for (const event of places) document.addEventListener(event, note);
  onCleanup(() => places.forEach((event) => document.removeEventListener(event, note)));
  const lead = () => {
    const at = document.activeElement;
    const isLost = at === null || at === document.body;
    const isIdle = IDLE.some((testid) => at?.closest(within(testid))) && !at?.matches("input, form *");
    const find = (testid) => panel.querySelector(`input${within(testid)}, ${within(testid)} [aria-pressed="true"]`);
    const [reply, ...others] = NEXT.map(find);
    const next = reply ?? (isLost ? others.find(Boolean) : null);
    if (isHere && panel.isConnected && (isLost || isIdle)) next?.focus();
  };
  effect(() => {
    void self.value;
    for (const one of messages.value) void one.fate.value;
    const timer = setTimeout(lead, 0); // after the effects that add and remove these elements
    onCleanup(() => clearTimeout(timer));
  });
}

function outside(instance, why) {
  const [name, reason] = [signal(""), signal("")];
  const input = h("input", {
    required: true,
    maxlength: "63",
    pattern: "[A-Za-z0-9_\\-]+",
    title: "1 to 63 letters, digits, _ and -",
    autocapitalize: "none",
    autocomplete: "off",
    spellcheck: "false",
    testid: "being-name",
    oninput: (event) => {
      name.value = event.target.value.trim();
      outcome.value = null;
    },
  });
  const attributes = { type: "submit", testid: "be-device", ...restrained(why, reason) };
  const line = () => commandLine("device", ["--name", name.value || "NAME"], ["--port", portOf(instance.service(), 5050)]);
  return h(
    "div",
    {},
    form(
      { class: "row", testid: "being-form" },
      () => be(name.peek(), instance.name.peek()),
      field("Name", input),
      h("button.main", attributes, () => (name.value ? `Be ${name.value}` : "Be a device")),
    ),
    restraint({ why, lacks: () => missing("relay.attach", instance.name.value), reason }),
    h(
      "p.hint.below",
      {},
      "Messages to that name come here, and you answer them. A device of that name on this computer gives it up; one elsewhere keeps it.",
    ),
    commandLineToCopy(line),
  );
}

function being() {
  const { name, instance } = /** @type {NonNullable<typeof self.value>} */ (self.peek());
  const input = h("input", {
    value: answer.peek(),
    testid: "being-answer",
    autocomplete: "off",
    oninput: (event) => (answer.value = event.target.value),
  });
  return h(
    "div.stack",
    {},
    h(
      "p.row",
      {},
      badge("ok", () => (isLive.value ? `You are ${visible(name)}` : `You are ${visible(name)} again as soon as netd is back`)),
      tag("relay", () => instance),
      h("button.quiet", { type: "button", testid: "be-no-device", onclick: leave }, "Be it no more"),
    ),
    segments("How to answer", WAYS, way, "being-way"),
    when(
      () => way.value === "itself",
      () => field("Answer each message with", input),
    ),
    when(
      () => messages.value.length === 0,
      () => h("p.hint", {}, () => `Nothing has been sent to it yet. Send it something above, or: netd send ${name} hello`),
    ),
  );
}

function received() {
  const label = "Messages to you, newest first";
  return log({ label, list: () => messages.value, row: messageRow, kind: "received", role: "log", testid: "received" });
}

/** @param {Received} one */
function messageRow(one) {
  const isWaiting = () => one.fate.value === null;
  const isLate = () => isWaiting() && one.until !== null && now.value > one.until;
  const state = () => (isLate() ? "trouble" : (one.fate.value?.state ?? "waiting"));
  const word = () => {
    if (one.fate.value !== null) return one.fate.value.text;
    if (isLate()) return "expired: its sender waits no longer";
    return one.until === null ? "waits for your answer" : `waits for your answer for ${duration(one.until - now.value)}`;
  };
  return h(
    "li",
    { testid: "received-row", "data-state": state },
    h("span.said", {}, excerpt(one.said, 500)),
    h("time", { title: `from ${visible(one.from ?? "")}` }, clock(one.time)),
    badge(state, () => excerpt(word(), 300)),
    when(
      () => isWaiting() && !isLate(),
      () => reply(one),
    ),
  );
}

/** @param {Received} one */
function reply(one) {
  const input = h("input", { "aria-label": "Answer", placeholder: "ok", autocomplete: "off", testid: "reply-text" });
  return form(
    { class: "row reply" },
    () => one.answer(input.value || "ok"),
    input,
    h("button.main", { type: "submit", testid: "reply" }, "Answer"),
    h("button.quiet", { type: "button", testid: "refuse", onclick: () => one.refuse("refused by hand") }, "Refuse"),
  );
}
