/** Publishing an event under `custom.…`, the subjects that are free for people and programs. */

import { action, field, form, results } from "../action.js";
import { commandLine, commandLineToCopy } from "../commandline.js";
import { h } from "../dom.js";
import { bytes } from "../format.js";
import { panel } from "../panel.js";
import { inaudible } from "../rights.js";
import { computed, signal } from "../signal.js";

const CUSTOM = "custom.";

/** What is being written; kept while other pages are looked at. */
const draft = { subject: signal(""), text: signal("") };

/** The event's data: the text parsed as JSON, or the text itself where it is no JSON. */
function contentOf(text) {
  if (text.trim() === "") return null;
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

const subject = computed(() => (draft.subject.value.startsWith(CUSTOM) ? draft.subject.value : CUSTOM + draft.subject.value));

export function publishPanel() {
  const publish = action({
    label: () => (draft.subject.value ? `Publish under ${subject.value}` : "Publish"),
    method: "bus.publish",
    objection: () => inaudible(`${CUSTOM}>`),
    params: () => ({ subject: subject.peek(), data: contentOf(draft.text.peek()) }),
    told: (result) => ({ state: "ok", text: `Published under ${result.subject}: ${bytes(result.size)} of JSON.` }),
    kind: "main",
    testid: "publish",
  });
  const line = () =>
    commandLine("bus", "publish", draft.subject.value ? subject.value : "custom.SUBJECT", ["--data", draft.text.value.trim()]);
  return panel(
    { title: "Publish", testid: "publish-panel" },
    form({ class: "row publish", testid: "publish-form" }, publish.run, subjectField(), contentField(), publish.button),
    results(publish),
    commandLineToCopy(line),
  );
}

function subjectField() {
  const input = h("input.mono", {
    value: draft.subject.peek(),
    required: true,
    pattern: "[A-Za-z0-9_\\-]+(\\.[A-Za-z0-9_\\-]+)*",
    title: "letters, digits, _ and -, with dots between tokens",
    placeholder: "lab.note",
    spellcheck: "false",
    autocapitalize: "none",
    autocomplete: "off",
    testid: "publish-subject",
    oninput: (event) => (draft.subject.value = event.target.value.trim()),
  });
  return field("Subject (netd puts custom. in front)", input);
}

function contentField() {
  const area = h("textarea", {
    value: draft.text.peek(),
    rows: "1",
    spellcheck: "false",
    placeholder: '{"light": "on"}',
    testid: "publish-data",
    oninput: (event) => (draft.text.value = event.target.value),
  });
  return field("Event: JSON, or else a text", area, "", { class: "wide-field" });
}
