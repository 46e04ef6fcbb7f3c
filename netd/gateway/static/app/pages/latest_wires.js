/** The newest values of wires on Overview. Loaded where there is a wire. */

import { h, when } from "../dom.js";
import { plural } from "../format.js";
import { instanceOf } from "../instances.js";
import { faceOf, panel } from "../panel.js";
import { addressOf } from "../router.js";
import { computed, effect } from "../signal.js";
import { counted, MOST_CHANNELS, MOST_ROWS } from "./latest.js";
import { latestTiles } from "./latest_tiles.js";
import { asSession, PEER_HINT } from "./wire_rows.js";

/** The newest values of the first peers of a wire. @param {import("../signal.js").Writable<boolean>} isTold is set while there are any. */
export function latestOfWires(isTold) {
  const instance = instanceOf("wire");
  const list = counted("wire.peers", instance, MOST_ROWS);
  const rows = computed(() => (list.answer.value?.rows ?? []).map(asSession));
  const channels = computed(() =>
    rows.value.flatMap((session) => Object.keys(session.channels).map((name) => ({ session, name }))).slice(0, MOST_CHANNELS),
  );
  const samples = { ...instance, subject: (rest) => instance.subject(`sample.${rest}`) };
  const toggle = ({ session }) => (location.hash = `#/wires?${new URLSearchParams({ instance: instance.name.peek() ?? "", peer: session })}`);
  const further = () => (list.answer.value?.matching ?? 0) - rows.value.length;
  const made = panel(
    { title: "Latest values of wires", aside: instance.select, testid: "latest-wires", face: faceOf(list), kind: "wide" },
    latestTiles(samples, channels, toggle, PEER_HINT),
    when(
      () => further() > 0,
      () => h("p.hint", {}, h("a", { href: addressOf("wire") }, () => plural(further(), "further peer"))),
    ),
  );
  effect(() => (made.hidden = !(isTold.value = channels.value.length > 0)));
  return made;
}
