/** The latest changes of devices, sessions and rooms. */

import { h } from "../dom.js";
import { ago, fullTime, plural, visible } from "../format.js";
import { tag } from "../instances.js";
import { recent, told } from "../live.js";
import { log } from "../log.js";
import { badge, faceOfEvents, panel } from "../panel.js";
import { serverClock } from "../connection.js";
import { pageOfKind, PAGES } from "../pages.js";
import { subjects } from "../rights.js";
import { addressOf } from "../router.js";

const MOST = 60;
/** How many earlier changes of each device, session and room are asked for at first. */
const REPLAYED = 3;

const NOT_TOLD = "Your token does not cover the states of devices, sessions or rooms.";

const NEWS = PAGES.flatMap(({ news }) => (news === undefined ? [] : [news]));

export function lately() {
  const events = recent(MOST);
  const take = (event) => {
    const [kind, instance] = event.subject.split(".");
    const { news } = pageOfKind(kind);
    const said = news?.read(event.data, instance) ?? null;
    if (news === undefined || said === null) return;
    const folded = said.fold ? events.value.find((one) => one.fold === said.fold) : undefined;
    if (folded !== undefined && event.time < folded.time) return;
    const before = folded ? folded.before + 1 : 0;
    const item = { ...said, kind, instance, time: event.time, before, ...(folded ? { key: folded.key } : {}) };
    const others = events.value.filter((one) => one !== folded);
    const ofItsKind = others.filter((one) => one.kind === kind);
    const last = ofItsKind.length >= news.most ? ofItsKind.at(-1) : null;
    events.replace([item, ...others.filter((one) => one !== last)].sort((one, other) => other.time - one.time));
  };
  const sources = NEWS.map(({ pattern }) => told(() => pattern, { replay: REPLAYED }, take));
  const isPart = () => subjects.value !== null;
  const empty = {
    text: () => (isPart() ? "Nothing that your token covers has changed." : "Nothing has changed yet. Connect a device:"),
    command: () => (isPart() ? null : "netd device --name greenhouse"),
  };
  const shown = faceOfEvents(() => events.value.length === 0, ...sources);
  /** @returns {import("../panel.js").Face} */
  const face = () => (shown().name === "refused" ? { name: "refused", text: NOT_TOLD } : shown());
  return panel(
    { title: "Lately", testid: "lately", face, empty },
    log({ label: "Latest changes, newest first", list: () => events.value, row, kind: "lately" }),
  );
}

function row({ kind, instance, state }, item) {
  const before = () => (item.value.before ? `; ${plural(item.value.before, "other room")} before` : "");
  return h(
    "li",
    { testid: "lately-row", "data-kind": kind },
    badge(state, [h("a", { href: addressOf(kind, instance) }, () => visible(item.value.who)), tag(kind, () => instance)]),
    h("span.what", {}, () => visible(item.value.what) + before()),
    h("time", { title: () => fullTime(item.value.time) }, () => ago(item.value.time, serverClock.value)),
  );
}
