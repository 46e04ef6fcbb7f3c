/** What came and went lately: devices, sessions, rooms. */

import { each, h } from "../dom.js";
import { ago, fullTime, plural, visible } from "../format.js";
import { pageOf, tag } from "../instances.js";
import { recent, told } from "../live.js";
import { badge, faceOfEvents, panel } from "../panel.js";
import { serverClock } from "../connection.js";
import { subjects } from "../rights.js";
import { REDIALLED } from "./session_reason.js";

const MOST = 60;
/** So that many sessions do not hide a device that has gone. */
const MOST_OF_A_KIND = { room: 5, session: 20, relay: 35 };
/** Rooms, sessions and devices whose newest change is shown when the page is opened. */
const REPLAYED = 3;

const NOT_TOLD = "Your token is not for the comings and goings of devices, sessions or rooms.";

const SESSION_STATES = { streaming: "ok", resting: "trouble", failing: "trouble", ended: "gone" };

/**
 * What each kind of event says. Of those with the same `fold`, the newest stands for all: rooms end all the time.
 * @returns {{kind: string, instance: string, state: string, who: string, what: string, fold?: string}|null}
 */
function read({ subject, data }) {
  const [kind, instance, third, fourth] = subject.split(".");
  if (kind === "relay" && third === "presence") {
    const came = data.online ? "connected" : `disconnected${data.reason ? `: ${data.reason}` : ""}`;
    return { kind, instance, state: data.online ? "ok" : "gone", who: data.device, what: came };
  }
  if (kind === "session" && fourth === undefined) {
    const reason = data.reason.replace(REDIALLED, "it is dialled again");
    const what = `${data.state}${reason ? `: ${reason}` : ""}`;
    return {
      kind,
      instance,
      state: SESSION_STATES[data.state] ?? "waiting",
      who: `Session ${data.session} (${data.host})`,
      what,
    };
  }
  if (kind === "room" && fourth === "state" && data.state === "over") {
    return { kind, instance, state: "gone", who: `Room ${data.room}`, what: `over: ${data.reason}`, fold: `room ${instance}` };
  }
  return null;
}

export function lately() {
  const events = recent(MOST);
  let number = 0;
  const take = (event) => {
    const said = read(event);
    if (said === null) return;
    const folded = said.fold ? events.value.find((one) => one.fold === said.fold) : undefined;
    if (folded !== undefined && event.time < folded.time) return;
    const item = { ...said, time: event.time, key: folded?.key ?? ++number, before: folded ? folded.before + 1 : 0 };
    const others = events.value.filter((one) => one !== folded);
    const ofItsKind = others.filter((one) => one.kind === item.kind);
    const last = ofItsKind.length >= MOST_OF_A_KIND[item.kind] ? ofItsKind.at(-1) : null;
    events.replace([item, ...others.filter((one) => one !== last)].sort((one, other) => other.time - one.time));
  };
  const sources = ["relay.*.presence.*", "session.*.*", "room.*.*.state"].map((pattern) =>
    told(() => pattern, { replay: REPLAYED }, take),
  );
  const isPart = () => subjects.value !== null;
  const empty = {
    text: () => (isPart() ? "Nothing that your token sees has come or gone." : "Nothing has come or gone. Connect a device:"),
    command: () => (isPart() ? null : "netd device --name greenhouse"),
  };
  const shown = faceOfEvents(() => events.value.length === 0, ...sources);
  const face = () => (shown().name === "refused" ? { name: "refused", text: NOT_TOLD } : shown());
  return panel(
    { title: "Lately", testid: "lately", face, empty },
    h(
      "ol.log.lately",
      { tabindex: "0", "aria-label": "What came and went, newest first" },
      each(
        () => events.value,
        (item) => item.key,
        row,
      ),
    ),
  );
}

function row(item) {
  const { kind, instance, state } = item.peek();
  const before = () => (item.value.before ? `; ${plural(item.value.before, "other room")} before` : "");
  return h(
    "li",
    { testid: "lately-row", "data-kind": kind },
    badge(state, [h("a", { href: pageOf(kind, instance) }, () => visible(item.value.who)), tag(kind, () => instance)]),
    h("span.what", {}, () => visible(item.value.what) + before()),
    h("time", { title: () => fullTime(item.value.time) }, () => ago(item.value.time, serverClock.value)),
  );
}
