/** The list of boards, and a form for a new one. */

import { action, field, form, outcomeOf, results } from "../action.js";
import { commandLine, commandLineToCopy } from "../commandline.js";
import { serverClock } from "../connection.js";
import { h } from "../dom.js";
import { ago, count, fullTime, visible } from "../format.js";
import { faceOf, panel } from "../panel.js";
import { signal } from "../signal.js";
import { cell, longTable, rowHead } from "../table.js";
import { splitName } from "./far.js";
import { nameFor, WINDOW } from "./model.js";
import { mayNotWrite, meaning } from "./store.js";

/** @typedef {import("./store.js").Listed} Listed */

/** @param {ReturnType<typeof import("./store.js").boardList>} list */
export function boardsPage(list) {
  const cut = signal(null);
  const empty = { text: () => mayNotWrite() || "There is no board yet. Give one a title, and make it of what is connected." };
  return h(
    "div.grid.boards",
    {},
    panel(
      { title: "Boards", testid: "boards", face: faceOf(list, () => list.all.value.length === 0), empty },
      longTable({
        columns: ["Board", "Tiles", "Changed", ""],
        list: () => list.all.value,
        keyOf: (one) => one.name,
        makeRow: (one) => row(one, cut, list.refresh),
      }),
      outcomeOf(cut),
      commandLineToCopy(() => commandLine("board", "list")),
    ),
    newBoard(list),
  );
}

/** @param {import("../signal.js").Readable<any>} item */
function row(item, outcome, refresh) {
  const { name } = item.peek();
  const [, node] = splitName(name);
  const remove = action({
    label: "Delete",
    about: `Delete the board ${name}`,
    method: "board.delete",
    params: () => meaning(name),
    told: () => ({ state: "ok", text: `${name} is deleted.` }),
    done: refresh,
    question: "Delete it with all its versions?",
    outcome,
    kind: "quiet",
    isOffered: false,
    testid: "delete-board",
  });
  return h(
    "tr",
    { testid: "board-row", "data-name": name },
    rowHead(
      "Board",
      h("a", { href: `#/board/${name}` }, () => visible(item.value.title || name)),
      node === undefined ? null : h("span.section-tag", {}, `on ${node}`),
    ),
    cell("Tiles", () => count(item.value.tiles ?? NaN), "number"),
    cell(
      "Changed",
      h(
        "time",
        { title: () => fullTime(item.value.time) },
        () => `${ago(item.value.time, serverClock.value)}${item.value.who ? ` by ${visible(item.value.who)}` : ""}`,
      ),
    ),
    h("td.end", {}, remove.button),
  );
}

function newBoard(list) {
  const title = signal("");
  const input = h("input", {
    required: true,
    maxlength: "80",
    testid: "new-title",
    autocomplete: "off",
    placeholder: "Cryostat",
    oninput: (event) => (title.value = event.target.value),
  });
  let name = "";
  const make = action({
    label: "Make board",
    method: "board.write",
    params: () => {
      name = nameFor(
        title.peek(),
        list.all.peek().map((one) => one.name),
      );
      return { name, version: 0, board: { title: title.peek().trim(), window: WINDOW, tiles: [] } };
    },
    told: () => ({ state: "ok", text: "Made." }),
    done: (_, error) => {
      if (error === null) location.hash = `#/board/${name}`;
    },
    kind: "main",
    testid: "make-board",
  });
  return panel(
    { title: "New board", testid: "new-board" },
    form({ class: "row" }, make.run, field("Title", input), make.button),
    results(make),
  );
}
