/** All messages to and from devices: the traffic of the relay. */

import { h } from "../dom.js";
import { clock, excerpt, fullTime, payload, visible } from "../format.js";
import { commandLineToCopy, commandLine } from "../commandline.js";
import { recent, told } from "../live.js";
import { log, lostHint } from "../log.js";
import { faceOfEvents, panel } from "../panel.js";

const MOST = 200;

/** @param {import("../instances.js").Instance} instance */
export function conversation(instance) {
  const lines = recent(MOST);
  const take = (direction) => (event) => {
    const { device, text, base64, event: named } = event.data;
    const said = text ?? payload(base64 ?? "");
    lines.add({ time: event.time, direction, device, said: named && named !== "message" ? `${named}: ${said}` : said });
  };
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

function row({ direction, device, said, time }) {
  return h(
    "li",
    { testid: "talk-row", "data-direction": direction },
    h("span.direction", {}, direction === "to" ? "to" : "from", " ", h("b", {}, visible(device))),
    h("span.what", {}, excerpt(said, 200)),
    h("time", { title: fullTime(time) }, clock(time)),
  );
}
