/** The dialog that adds a tile: a search over what there is, and the arguments of what is to be run. */

import { field, form } from "../action.js";
import { choice, each, h } from "../dom.js";
import { excerpt, plural } from "../format.js";
import { argumentForm } from "../pages/argument_form.js";
import { computed, signal } from "../signal.js";
import { openDialog } from "./dialogs.js";
import { find, groups, heard, ranked } from "./found.js";
import { KINDS } from "./model.js";

/** How many matches are shown. */
const MOST = 40;

/** @typedef {import("./found.js").Found} Found */

/** Let the user choose what to add. @param {(tile: any) => void} add */
export function addTile(add) {
  openDialog({ title: "Add to this board", testid: "add-dialog" }, (close) => {
    const take = (tile) => {
      add(tile);
      close();
    };
    const chosen = signal(/** @type {Found|null} */ (null));
    return [
      choice(
        () => chosen.value,
        (found) =>
          found === null ? search((one) => (needsArguments(one) ? (chosen.value = one) : take(one.tile))) : preset(found, take),
      ),
    ];
  });
}

const needsArguments = ({ operation }) => operation !== undefined && operation.arguments.some(({ name }) => name !== "instance");

function search(choose) {
  const written = signal("");
  const fixed = signal(/** @type {Found[]} */ ([]));
  const live = heard();
  find().then((all) => (fixed.value = all));
  const all = computed(() => {
    const subjects = [...live.value.values()];
    const [first, others] = [fixed.value.filter(isFirst), fixed.value.filter((one) => !isFirst(one))];
    const channels = [...subjects, ...others].filter(({ tile }) => tile.kind === "plot");
    return distinct([...first, ...groups(channels), ...subjects.sort(byName), ...others]);
  });
  const matching = computed(() => ranked(all.value, written.value));
  const input = h("input", {
    type: "search",
    testid: "add-search",
    placeholder: "temperature, greenhouse, send…",
    autocomplete: "off",
    spellcheck: "false",
    oninput: (event) => (written.value = event.target.value),
  });
  queueMicrotask(() => input.focus());
  const first = () => matching.peek().length > 0 && choose(matching.peek()[0]);
  return h(
    "div.stack",
    {},
    form({ class: "stack" }, first, field("Search channels, devices, commands and operations", input)),
    h(
      "ul.found",
      { testid: "found", "aria-label": "What can be added" },
      each(
        () => matching.value.slice(0, MOST),
        (one) => `${one.tile.kind} ${one.name}`,
        (one) => foundRow(one.peek(), choose),
      ),
    ),
    h("p.hint", { role: "status" }, () =>
      matching.value.length > MOST
        ? `${MOST} of ${plural(matching.value.length, "match").replace("matchs", "matches")} are shown.`
        : matching.value.length
          ? ""
          : "Nothing matches.",
    ),
  );
}

/** Of those that make the same tile, the first. @param {Found[]} all */
function distinct(all) {
  const seen = new Set();
  return all.filter(({ tile }) => {
    const made = JSON.stringify(tile);
    return !seen.has(made) && seen.add(made);
  });
}

const isFirst = ({ tile }) => tile.kind === "note" || tile.kind === "device";
const byName = (one, other) => one.name.localeCompare(other.name, "en", { numeric: true });

/** @param {Found} one */
const foundRow = (one, choose) =>
  h(
    "li",
    {},
    h(
      "button.choice",
      { type: "button", testid: "found-row", "data-name": one.name, onclick: () => choose(one) },
      h("span.kind-word", {}, KINDS[one.tile.kind].word),
      h("span.mono", {}, excerpt(one.name, 100)),
      h("span.hint", {}, excerpt(one.hint.replaceAll("`", ""), 100)),
    ),
  );

/** The arguments with which the button runs *found*. */
function preset(found, take) {
  const operation = /** @type {import("../connection.js").Operation} */ (found.operation);
  const error = signal("");
  const inputs = argumentForm(
    operation.arguments.filter(({ name }) => name !== "instance"),
    () => (error.value = ""),
  );
  const add = () => {
    try {
      const given = inputs.read();
      const { arguments: before } = found.tile;
      take({ ...found.tile, arguments: before.command_id === undefined ? given : { ...before, arguments: given } });
    } catch (unfit) {
      error.value = unfit.message;
    }
  };
  queueMicrotask(() => /** @type {HTMLElement|null} */ (inputs.element.querySelector("input, select, textarea"))?.focus());
  return form(
    { class: "stack", testid: "preset-form" },
    add,
    h("p", {}, `Each press of the button runs ${found.name} with these arguments:`),
    inputs.element,
    h("p.outcome", { role: "alert", "data-state": "trouble" }, () => error.value),
    h("div.row", {}, h("button.main", { type: "submit", testid: "add-command" }, "Add")),
  );
}
