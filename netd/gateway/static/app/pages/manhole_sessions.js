/** The connections to the manhole, for admins. */

import { commandLineToCopy } from "../commandline.js";
import { each, h } from "../dom.js";
import { visible } from "../format.js";
import { instanceOf, portOf } from "../instances.js";
import { polled } from "../live.js";
import { badge, faceOf, panel } from "../panel.js";

const METHOD = "manhole.sessions";
const EVERY = 5;

export function manholeSessions() {
  const instance = instanceOf("manhole");
  const list = polled(METHOD, instance, EVERY);
  const empty = {
    text: "Nobody is logged in. Connect with:",
    command: () => `telnet 127.0.0.1 ${portOf(instance.service(), null) ?? ""}`,
  };
  const rows = () => list.answer.value ?? [];
  const one = (item) =>
    h(
      "li",
      { testid: "manhole-session" },
      badge(
        () => (item.value.user === null ? "waiting" : "ok"),
        () => (item.value.user === null ? "not logged in" : visible(item.value.user)),
      ),
      h("span.what", {}, () => visible(item.value.who.replace(`${item.value.user} from `, "from "))),
    );
  return panel(
    {
      title: "Manhole",
      testid: "manhole",
      face: faceOf(list, () => rows().length === 0),
      empty,
      aside: instance.select,
    },
    h(
      "ul.log",
      { "aria-label": "Connections to the manhole" },
      each(rows, (item) => item.who, one),
    ),
    commandLineToCopy(() => instance.line("manhole", "sessions")),
  );
}
