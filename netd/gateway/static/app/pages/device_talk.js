/** What is said to and by devices, by whomever: what passes through the relay. */

import { each, h, when } from "../dom.js";
import { clock, count, excerpt, fullTime, payload, visible } from "../format.js";
import { commandLineToCopy, commandLine } from "../commandline.js";
import { recent, told } from "../live.js";
import { faceOfEvents, panel } from "../panel.js";

const MOST = 200;

/** @param {(what: string) => string|null} under the subject of something, under the relay that is shown. */
export function conversation(under) {
  const lines = recent(MOST);
  let number = 0;
  const take = (direction) => (event) => {
    const { device, text, base64, event: named } = event.data;
    const said = text ?? payload(base64 ?? "");
    lines.add({
      key: ++number,
      time: event.time,
      direction,
      device,
      said: named && named !== "message" ? `${named}: ${said}` : said,
    });
  };
  const toThem = told(() => under("sent.*"), { replay: 5 }, take("to"));
  const byThem = told(() => under("said.*"), { replay: 5 }, take("from"));
  const lost = () => toThem.lost.value + byThem.lost.value;
  const empty = { text: "What is sent to devices, and what they say of their own accord, appears here." };
  return panel(
    { title: "Passing through", testid: "talk", face: faceOfEvents(() => lines.value.length === 0, toThem, byThem), empty },
    h(
      "ol.log",
      { tabindex: "0", "aria-label": "What passes through the relay, newest first" },
      each(
        () => lines.value,
        (one) => one.key,
        (one) => row(one.peek()),
      ),
    ),
    when(
      () => lost() > 0,
      () => h("p.hint", {}, () => `${count(lost())} not shown: this browser read too slowly.`),
    ),
    commandLineToCopy(() => commandLine("tail", under(">") ?? "relay.>")),
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
