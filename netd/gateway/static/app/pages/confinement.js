/** For a token that is for some subjects only: what it sees, in place of how netd as a whole does. */

import { each, h } from "../dom.js";
import { panel } from "../panel.js";
import { audible, subjects } from "../rights.js";
import { address, PAGES } from "../router.js";

const KINDS = { sessions: "session", devices: "relay", feed: "feed", commands: "command", rooms: "room", bus: "" };

export function confinement() {
  const pages = () => PAGES.filter(([name]) => name === "bus" || (KINDS[name] && audible(`${KINDS[name]}.>`).length));
  return panel(
    { title: "What you see", testid: "confinement", kind: "wide" },
    h("p", {}, "Your token is for these subjects, and netd shows you what is under them:"),
    h(
      "ul.patterns",
      {},
      each(
        () => subjects.value ?? [],
        (one) => one,
        (one) => h("li.mono", {}, one.peek()),
      ),
    ),
    h(
      "ul.row.ways",
      { "aria-label": "Pages with something to see" },
      each(
        pages,
        ([name]) => name,
        (one) => h("li", {}, h("a", { href: address(one.peek()[0]) }, one.peek()[1])),
      ),
    ),
  );
}
