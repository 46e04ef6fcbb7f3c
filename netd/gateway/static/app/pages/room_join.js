/** Taking part in a room as a person. The place is kept while other pages are open. */

import { field, form, restrained, restraint } from "../action.js";
import { commandLine, commandLineToCopy } from "../commandline.js";
import { isLive, netd } from "../connection.js";
import { choice, each, h } from "../dom.js";
import { clock, excerpt, visible } from "../format.js";
import { elsewhere, farOf, portOf, tag } from "../instances.js";
import { recent } from "../live.js";
import { badge, panel } from "../panel.js";
import { forbidden, missing } from "../rights.js";
import { signal } from "../signal.js";

const MOST_LINES = 200;

/**
 * A place in a room.
 * @typedef {{name: string, instance: string, say: (text: string) => Promise<any>, leave: () => Promise<any>}} Place
 */

/** Our place, or null. @type {import("../signal.js").Writable<Place|null>} */
const seat = signal(null);
const lines = recent(MOST_LINES);
const outcome = signal({ state: "none", text: "" });

const keep = (who, text) => lines.add({ time: Date.now() / 1000, who, text });

async function join(name, instance) {
  outcome.value = { state: "waiting", text: "…" };
  lines.clear();
  const onLeft = (reason) => {
    seat.value = null;
    outcome.value = { state: "gone", text: `You have left${reason ? `: ${visible(reason)}` : ""}.` };
  };
  try {
    const place = await netd.join(name, ({ text }) => keep("", text), { onLeft, instance });
    seat.value = { ...place, instance };
    outcome.value = { state: "none", text: "" };
  } catch (error) {
    outcome.value = { state: "trouble", text: error.message };
  }
}

async function say(text) {
  try {
    await seat.peek()?.say(text);
    keep("You", text);
    outcome.value = { state: "none", text: "" };
    return true;
  } catch (error) {
    outcome.value = { state: "trouble", text: error.message };
    return false;
  }
}

async function leave() {
  const left = seat.peek();
  seat.value = null;
  outcome.value = { state: "gone", text: "You have left." };
  await left?.leave().catch(() => {});
}

export function joinPanel(instance) {
  const why = () => forbidden("room.join", instance.name.value);
  return panel(
    { title: "Join as a person", testid: "join-panel" },
    choice(
      () => (seat.value === null ? farOf(instance) : null),
      (far) => (far === null ? inside() : far ? elsewhere(far, "in a room") : outside(instance, why)),
    ),
    h("p.outcome", { role: "status", testid: "join-outcome", "data-state": () => outcome.value.state }, () => outcome.value.text),
  );
}

function outside(instance, why) {
  const [name, reason] = [signal(""), signal("")];
  const input = h("input", {
    required: true,
    maxlength: "64",
    testid: "join-name",
    autocomplete: "nickname",
    oninput: (event) => (name.value = event.target.value.trim()),
  });
  return h(
    "div",
    {},
    form(
      { class: "row", testid: "join-form" },
      () => join(name.peek(), instance.name.peek()),
      field("Your name", input),
      h("button.main", { type: "submit", testid: "join-room", ...restrained(why, reason) }, "Join the next room"),
      h("span.hint", {}, "You take a bot's place, and answer like one."),
    ),
    restraint({ why, lacks: () => missing("room.join", instance.name.value), reason }),
    commandLineToCopy(() => commandLine("bot", ["--name", name.value || "NAME"], ["--port", portOf(instance.service(), 4242)])),
  );
}

function inside() {
  const input = h("input", { required: true, maxlength: "500", autocomplete: "off", testid: "say-text" });
  const send = async () => {
    if (await say(input.value)) input.value = "";
  };
  queueMicrotask(() => input.focus());
  return h(
    "div",
    {},
    h(
      "p.row",
      {},
      badge("ok", `You are here as ${visible(seat.peek()?.name ?? "")}`),
      tag("room", () => seat.peek()?.instance ?? ""),
      h("button.quiet", { type: "button", testid: "leave-room", onclick: leave }, "Leave"),
    ),
    form(
      { class: "row", testid: "say-form" },
      send,
      field("Say", input),
      h("button.main", { type: "submit", testid: "say", disabled: () => !isLive.value }, "Say it"),
    ),
    h(
      "div.log.talk",
      { testid: "own-room", tabindex: "0", role: "log", "aria-label": "What the room says to you, and your lines" },
      h(
        "ol",
        {},
        each(
          () => [...lines.value].reverse(),
          (one) => one.key,
          (one) => heard(one.peek()),
        ),
      ),
    ),
  );
}

const heard = ({ who, text, time }) =>
  h(
    "li",
    { testid: "room-line" },
    who ? h("b", {}, who) : null,
    h("span.what", {}, excerpt(text, 500)),
    h("time", {}, clock(time)),
  );
