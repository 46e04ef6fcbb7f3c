/** The dialog with the settings of a tile: its title, kind, subjects, and what its kind takes beside these. */

import { field, form } from "../action.js";
import { h } from "../dom.js";
import { signal } from "../signal.js";
import { openDialog } from "./dialogs.js";
import { KINDS } from "./model.js";

/** Kinds that show channels, and so can be exchanged for each other. */
const OF_CHANNELS = ["plot", "number", "many"];

/** @typedef {import("./model.js").Tile} Tile */

/** @param {Tile} tile @param {(changes: Partial<Tile>) => void} change */
export function editTile(tile, change) {
  openDialog({ title: `${KINDS[tile.kind]?.word ?? tile.kind}: settings`, testid: "tile-dialog" }, (close) => {
    const error = signal("");
    const fields = fieldsOf(tile);
    const save = () => {
      try {
        change(Object.assign({}, ...fields.map(({ read }) => read())));
        close();
      } catch (unfit) {
        error.value = unfit.message;
      }
    };
    return [
      form(
        { class: "stack", testid: "tile-form" },
        save,
        fields.map(({ element }) => element),
        h("p.outcome", { role: "alert", "data-state": "trouble" }, () => error.value),
        h("div.row", {}, h("button.main", { type: "submit", testid: "tile-save" }, "Apply")),
      ),
    ];
  });
}

/** @param {Tile} tile @returns {{element: Element, read: () => object}[]} */
function fieldsOf(tile) {
  const own = {
    plot: () => [kindField(tile), subjectsField(tile), rangeField(tile, "low"), rangeField(tile, "high"), limitsField(tile)],
    number: () => [kindField(tile), subjectsField(tile), textField(tile, "unit", "Unit"), limitsField(tile)],
    many: () => [kindField(tile), subjectsField(tile), sortField(tile)],
    events: () => [subjectsField(tile)],
    room: () => [subjectsField(tile)],
    state: () => (tile.service ? [] : [subjectsField(tile)]),
    note: () => [areaField(tile, "text", "Text", "`code` and [[board]] are marked")],
    command: () => [
      textField(tile, "label", "Label of the button"),
      textField(tile, "question", "Question before it runs, if any"),
    ],
  }[tile.kind];
  return [textField(tile, "title", "Title"), ...(own?.() ?? [])];
}

/** An empty text removes the member. */
function textField(tile, name, label) {
  const input = h("input", { value: tile[name] ?? "", autocomplete: "off", testid: `tile-${name}` });
  return { element: field(label, input), read: () => ({ [name]: input.value.trim() || undefined }) };
}

function areaField(tile, name, label, hint) {
  const area = h("textarea", { value: tile[name] ?? "", rows: "5", testid: `tile-${name}` });
  return { element: field(label, area, hint), read: () => ({ [name]: area.value }) };
}

function subjectsField(tile) {
  const area = h("textarea", {
    value: (tile.subjects ?? []).join("\n"),
    rows: "3",
    spellcheck: "false",
    testid: "tile-subjects",
  });
  const read = () => {
    const subjects = area.value.split(/\s+/).filter(Boolean);
    if (subjects.length === 0) throw new Error("Subjects: at least one is needed.");
    return { subjects };
  };
  return { element: field("Subjects", area, "one a line; * is one token, a final > the rest"), read };
}

function kindField(tile) {
  const kinds = OF_CHANNELS.map((kind) => h("option", { value: kind, selected: kind === tile.kind }, KINDS[kind].word));
  const select = h("select", { testid: "tile-kind" }, kinds);
  return { element: field("Shown as", select), read: () => ({ kind: select.value }) };
}

function sortField(tile) {
  const options = ["name", "value"].map((by) => h("option", { value: by, selected: by === (tile.sort ?? "name") }, by));
  const select = h("select", { testid: "tile-sort" }, options);
  return { element: field("Sorted by", select), read: () => ({ sort: select.value }) };
}

function rangeField(tile, name) {
  const input = h("input.short", { type: "number", step: "any", value: tile[name] ?? "", testid: `tile-${name}` });
  const label = name === "low" ? "Axis from" : "Axis to";
  return {
    element: field(label, input, "otherwise what is seen"),
    read: () => ({ [name]: input.value === "" ? null : Number(input.value) }),
  };
}

const LIMIT = /^(over|under)\s+(-?[\d.]+(?:e[-+]?\d+)?)\s*(ok|waiting|trouble)?(?:\s+(.+))?$/i;

/** Limits as lines: "over 4.2 trouble too warm". @param {import("./judge.js").Limit[]} limits */
export const limitLines = (limits) =>
  limits
    .map(({ over, under, state = "trouble", word = "" }) =>
      `${over === undefined ? `under ${under}` : `over ${over}`} ${state} ${word}`.trim(),
    )
    .join("\n");

/** @param {string} lines @returns {import("./judge.js").Limit[]} @throws where a line is none. */
export function limitsIn(lines) {
  return lines
    .split("\n")
    .map((line) => line.trim())
    .filter(Boolean)
    .map((line) => {
      const [, side, number, state = "trouble", word] = LIMIT.exec(line) ?? [];
      if (side === undefined || !Number.isFinite(Number(number)))
        throw new Error(`Limits: “${line}” is none. One is written: over 4.2 trouble`);
      return { [side.toLowerCase()]: Number(number), state: state.toLowerCase(), ...(word ? { word } : {}) };
    });
}

function limitsField(tile) {
  const area = h("textarea", { value: limitLines(tile.limits ?? []), rows: "2", spellcheck: "false", testid: "tile-limits" });
  const read = () => {
    const limits = limitsIn(area.value);
    return { limits: limits.length ? limits : undefined };
  };
  return { element: field("Limits", area, "one a line: over 4.2 trouble too warm, under 1 waiting"), read };
}
