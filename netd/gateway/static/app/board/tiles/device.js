/** A tile with a device: whether it is there, what it said last, and sending to it. */

import { action, form, outcomeOf, restraint } from "../../action.js";
import { asCommands } from "../../commandline.js";
import { knownAt } from "../../connection.js";
import { h } from "../../dom.js";
import { ago, excerpt, payload } from "../../format.js";
import { outcomeOfSending } from "../../pages/device_send.js";
import { badge } from "../../panel.js";
import { signal } from "../../signal.js";
import { fixedInstance } from "../operations.js";
import { shared } from "../values.js";

/** Seconds to wait for the answer of a device; netd's own time-out is shorter. */
const PATIENCE = 70;

/** @param {import("../model.js").Tile} tile @param {import("./frame.js").Surroundings} around */
export function device({ device: name = "", instance: section = "main" }, around) {
  const seen = signal(/** @type {number|null} */ (null));
  const isOnline = signal(/** @type {boolean|null} */ (null));
  const said = signal(/** @type {{text: string, time: number}|null} */ (null));
  const note = (time) => (seen.value = Math.max(seen.peek() ?? 0, time));
  const follow = (what, take) => {
    const under = `relay.${section}.${what}`;
    return shared(around, name ? `${under}.${name}` : "", `${under}.*`, { replay: 1 }, take);
  };
  const presence = follow("presence", ({ data, time }) => {
    isOnline.value = data.online;
    note(time);
  });
  follow("said", ({ data, time }) => {
    const text = data.text ?? payload(data.base64 ?? "");
    said.value = { text: data.event && data.event !== "message" ? `${data.event}: ${text}` : text, time };
    note(time);
  });
  const words = () => (isOnline.value === null ? "not seen yet" : isOnline.value ? "online" : "away");
  const since = () => (seen.value === null ? "" : ago(seen.value, knownAt.value));
  const body = h(
    "div.tile-device",
    {},
    h(
      "p.device-presence",
      {},
      badge(() => (isOnline.value ? "ok" : "gone"), words, { testid: "tile-presence" }),
      h("span.hint", {}, () => presence.refusal.value || since()),
    ),
    h("p.device-said", { testid: "tile-said", title: "What it said last" }, () =>
      said.value === null ? "" : excerpt(said.value.text, 200),
    ),
    around.isWall ? null : sending(name, section),
  );
  return { body, title: () => excerpt(name, 40) };
}

function sending(name, section) {
  const input = h("input", {
    "aria-label": `Message to ${name}`,
    placeholder: "message",
    autocomplete: "off",
    spellcheck: "false",
    testid: "tile-text",
  });
  const send = action({
    label: "Send",
    about: `Send to ${name}`,
    method: "relay.send",
    instance: fixedInstance(section),
    params: () => ({ target: name, text: input.value, wait: true }),
    told: (result) => outcomeOfSending(result, name),
    done: (_, error) => error === null && (input.value = ""),
    kind: "main",
    timeout: PATIENCE,
    testid: "tile-send",
  });
  return h("div.tile-send", {}, form({ class: "send-box" }, send.run, input, send.button), outcomeOf(send.told), restraint(send));
}
