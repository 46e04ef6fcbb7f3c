/** The feed: the records of each type, and the reports of its clients. */

import { segments } from "../action.js";
import { commandLine, commandLineToCopy } from "../commandline.js";
import { serverClock } from "../connection.js";
import { choice, each, h } from "../dom.js";
import { ago, clock, count, excerpt, shortSpan, visible } from "../format.js";
import { instanceOf, portOf } from "../instances.js";
import { polled, settled, told } from "../live.js";
import { needsService } from "../no_service.js";
import { badge, faceOf, faceOfEvents, panel } from "../panel.js";
import { computed, signal } from "../signal.js";
import { cell, longTable, rowHead } from "../table.js";

const EVERY = 4;
/** How many values of each type are shown; seconds between two rounds, at least. */
const KEPT = 6;
const THIN = 0.25;

const isPaused = signal(false);

export function feed() {
  return h("div.grid.feed", {}, needsService("feed", content));
}

function content() {
  const instance = instanceOf("feed");
  return h("div.stack", {}, records(instance), reports(instance));
}

function records(instance) {
  const rounds = signal(/** @type {any[]} */ ([]));
  const passes = computed(() => (instance.service()?.source ?? "faker") !== "faker");
  const pattern = () => (passes.value ? null : instance.subject("round"));
  const take = ({ data }) => {
    if (!isPaused.peek()) rounds.value = [data, ...rounds.peek()].slice(0, KEPT);
  };
  const source = told(pattern, { every: THIN, replay: KEPT, policy: "latest" }, take);
  const types = computed(() => Object.keys(rounds.value[0]?.values ?? {}).join("\n"));
  const empty = {
    text: () =>
      passes.value
        ? `This feed passes on ${instance.service().source}: the page Bus shows it as it comes.`
        : "No round has been made yet.",
    command: () => commandLine("tail", passes.value ? instance.service().source : "feed.>"),
  };
  const pause = segments(
    "Scrolling",
    [
      [false, "Live"],
      [true, "Paused"],
    ],
    isPaused,
    "feed-pause",
  );
  return panel(
    {
      title: "Records",
      testid: "feed-records",
      face: faceOfEvents(() => rounds.value.length === 0, source),
      empty,
      aside: [instance.select, pause],
    },
    choice(
      () => types.value,
      (names) =>
        h(
          "div.types",
          {},
          names.split("\n").map((type) => typeColumn(type, rounds)),
        ),
    ),
    h("p.hint", {}, () => (rounds.value.length ? `Round ${count(rounds.value[0].seq)} at ${clock(rounds.value[0].time)}` : "")),
    commandLineToCopy(() => commandLine("tail", pattern() ?? "feed.>")),
  );
}

function typeColumn(type, rounds) {
  return h(
    "section.type",
    { "aria-label": type, testid: "feed-type", "data-type": type },
    h("h3.small", {}, type),
    h(
      "ol",
      {},
      each(
        () => rounds.value,
        (one) => one.seq,
        (one) => h("li", {}, excerpt(one.peek().values[type] ?? "–", 300)),
      ),
    ),
  );
}

function reports(instance) {
  const list = polled("feed.reports", instance, EVERY);
  const subscribers = polled("feed.subscribers", instance, EVERY);
  const soon = settled(list.refresh, 400);
  told(() => instance.subject("report"), { every: 0.5 }, soon);
  const clients = computed(() => joined(list.answer.value ?? [], subscribers.answer.value ?? []));
  const empty = {
    text: "No client is connected, and none has reported a block. To be one:",
    command: () =>
      commandLine("feed", ["--name", "me"], ["--type", "name"], ["--block", 10], ["--port", portOf(instance.service(), 8000)]),
  };
  return panel(
    { title: "Clients and their reports", testid: "feed-reports", face: faceOf(list, () => clients.value.length === 0), empty },
    longTable({
      columns: ["Client", "State", "Gets", "Blocks", "Mean block", "Rate", "Last seen", "Remark"],
      list: () => clients.value,
      keyOf: (one) => one.client,
      makeRow: clientRow,
    }),
    commandLineToCopy(() => instance.line("feed", "reports")),
  );
}

/** Clients that have reported, then those that are connected and have not. */
function joined(reported, connected) {
  const gets = new Map(connected.map((one) => [one.client, one]));
  const known = reported.map((one) => ({ ...one, gets: gets.get(one.client) ?? null }));
  const names = new Set(reported.map((one) => one.client));
  const silent = connected.filter((one) => !names.has(one.client));
  return [
    ...known,
    ...silent.map((one) => ({
      client: one.client,
      address: one.address,
      online: true,
      blocks: 0,
      seconds: 0,
      rate: null,
      last_seen: one.since,
      remarks: [],
      gets: one,
    })),
  ];
}

function clientRow(item) {
  const gets = () => (item.value.gets?.types?.length ? item.value.gets.types.join(", ") : item.value.gets ? "everything" : "–");
  const mean = () => (item.value.blocks ? shortSpan(item.value.seconds / item.value.blocks) : "–");
  return h(
    "tr",
    { testid: "feed-client", "data-client": item.peek().client },
    rowHead("Client", h("span", { title: item.peek().address }, visible(item.peek().client))),
    cell(
      "State",
      badge(
        () => (item.value.online ? "ok" : "gone"),
        () => (item.value.online ? "connected" : "away"),
      ),
    ),
    cell("Gets", () => visible(gets())),
    cell("Blocks", () => count(item.value.blocks), "number"),
    cell("Mean block", mean, "number"),
    cell(
      "Rate",
      () => (item.value.rate === null ? "–" : `${item.value.rate.toFixed(item.value.rate < 10 ? 2 : 0)} /s`),
      "number",
    ),
    cell("Last seen", () => ago(item.value.last_seen, serverClock.value)),
    cell(
      "Remark",
      () => excerpt(item.value.remarks.at(-1) ?? "–", 120),
      () => (item.value.remarks.length ? "remark long" : "remark is-nothing"),
    ),
  );
}
