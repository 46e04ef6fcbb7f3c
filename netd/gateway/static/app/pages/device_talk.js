/** All messages to and from devices: the traffic of the relay. */

import { h } from "../dom.js";
import { clock, excerpt, fullTime, payload, visible } from "../format.js";
import { commandLineToCopy, commandLine } from "../commandline.js";
import { tag } from "../instances.js";
import { told } from "../live.js";
import { log, lostHint } from "../log.js";
import { faceOfEvents, panel } from "../panel.js";
import { effect, signal } from "../signal.js";
import { entered } from "./device_lines.js";

const MOST = 200;

/** @param {import("../instances.js").Instance} instance */
export function conversation(instance) {
  const lines = signal(/** @type {import("./device_lines.js").Line[]} */ ([]));
  let number = 0;
  const take = (direction) => (event) => {
    const { device, text, base64, event: named } = event.data;
    const own = text ?? payload(base64 ?? "");
    const said = named && named !== "message" ? `${named}: ${own}` : own;
    const where = event.subject.split(".")[1];
    const line = { key: ++number, time: event.time, direction, device, where, said };
    lines.value = entered(lines.peek(), line, event.isNew, MOST);
  };
  effect(() => {
    void instance.subject(""); // those of another relay are another conversation
    lines.value = [];
  });
  const toThem = told(() => instance.subject("sent.*"), { replay: 5 }, take("to"));
  const byThem = told(() => instance.subject("said.*"), { replay: 5 }, take("from"));
  const lost = () => toThem.lost.value + byThem.lost.value;
  const empty = { text: "Messages to devices, and those that devices send of their own accord, appear here." };
  return panel(
    { title: "Messages", testid: "talk", face: faceOfEvents(() => lines.value.length === 0, toThem, byThem), empty },
    log({ label: "Messages through the relay, newest first", list: () => lines.value, row }),
    lostHint(lost),
    commandLineToCopy(() => commandLine("tail", instance.subject(">") ?? "relay.>")),
  );
}

function row({ direction, device, where, said, time }) {
  return h(
    "li",
    { testid: "talk-row", "data-direction": direction },
    h("span.direction", {}, direction === "to" ? "to" : "from", " ", h("b", {}, visible(device)), tag("relay", () => where)),
    h("span.what", {}, excerpt(said, 200)),
    h("time", { title: fullTime(time) }, clock(time)),
  );
}
