/** What a page shows while no service of its kind runs. */

import { commandLineToCopy, copyButton } from "./commandline.js";
import { servicesOf, status } from "./connection.js";
import { choice, h } from "./dom.js";
import { reaches, subjects } from "./rights.js";

/**
 * The page that *make* makes; while no service of its kind runs, how to get one.
 * @param {string} kind @param {() => Element} make @param {string} promise what would be there.
 */
export function needsService(kind, make, promise = "") {
  return choice(
    () => {
      if (status.value === null || servicesOf(kind).length > 0) return make;
      return reaches(kind) ? absent : outOfReach;
    },
    (shown) => shown(kind, promise),
  );
}

/** Sections of kinds that do not go by their defaults alone. @type {Record<string, string>} */
const SECTIONS = {
  alert: "[alert:hot]\nwhen = session.main.greenhouse.temp > 30 for 2m",
  wire: "[wire:shed]\nlisten = tcp:9000\nrules = sample T={temp °C}",
  cluster: "[cluster]\nservers = nats://nats.lab:4222",
};

/** Kinds that a reload cannot start. */
const RESTARTED = new Set(["cluster"]);

function absent(kind, promise) {
  const section = SECTIONS[kind] ?? `[${kind}]`;
  return h(
    "section.panel",
    { testid: "no-service" },
    h(
      "div.panel-bare",
      {},
      h("p", {}, `${promise} No [${kind === "wire" ? "wire:NAME" : kind}] section runs in this netd. Add one to its configuration:`.trim()),
      h("div.command-line.section", {}, h("code", {}, section), copyButton(() => `${section}\n`)),
      RESTARTED.has(kind)
        ? h("p", {}, "and restart netd.")
        : [h("p", {}, "and have netd read that again:"), commandLineToCopy(() => "netd reload")],
    ),
  );
}

function outOfReach(kind) {
  const own = subjects.peek()?.join(", ");
  const text = `This token is for ${own}: there is nothing of [${kind}] to see with it. If such a section runs in this netd, this one shows it:`;
  return instead(text, () => `netd token add NAME --role viewer --subject '${kind}.>'`);
}

const instead = (text, command) =>
  h("section.panel", { testid: "no-service" }, h("div.panel-bare", {}, h("p", {}, text), commandLineToCopy(command)));
