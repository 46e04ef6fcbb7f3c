/** Starting a session with the address of an agent. */

import { action, field, form, results } from "../action.js";
import { commandLineToCopy } from "../commandline.js";
import { h } from "../dom.js";
import { visible } from "../format.js";
import { sectionOf, tagOf } from "../instances.js";
import { panel } from "../panel.js";
import { signal } from "../signal.js";

/**
 * @param {object} parts
 * @param {import("../instances.js").Instance} parts.instance
 * @param {() => any[]} parts.all the sessions.
 * @param {() => boolean} parts.isOpen
 * @param {(result: any) => void} parts.done
 */
export function sessionStart({ instance, all, isOpen, done }) {
  const [host, started] = [signal(""), signal(null)];
  const isOver = () => all().some((one) => one.session === started.value && one.state === "ended");
  const input = h("input", {
    name: "host",
    required: true,
    placeholder: "127.0.0.1",
    spellcheck: "false",
    autocapitalize: "none",
    testid: "session-host",
    oninput: (event) => (host.value = event.target.value.trim()),
  });
  const start = action({
    label: "Start session",
    method: "session.start",
    instance,
    params: () => ({ host: host.peek() }),
    told: (result) => ({
      state: "ok",
      text: `Session ${result.session} streams ${Object.keys(result.channels ?? {})
        .map(visible)
        .join(", ")}.`,
    }),
    done: (result) => {
      started.value = result?.session ?? null;
      if (result !== null) done(result);
    },
    until: () => `${instance.name.value} ${host.value} ${isOver()}`,
    kind: "main",
    testid: "start-session",
  });
  const element = panel(
    { title: "Start a session", testid: "start-panel" },
    form(
      { class: "row", testid: "start-form" },
      start.run,
      field("Agent's address", input),
      start.button,
      h("span.hint", {}, () => dialled(instance)),
    ),
    results(start),
    commandLineToCopy(() => instance.line("session", "start", host.value || "HOST")),
  );
  return { element: h("div", { hidden: () => !isOpen() }, element), focus: () => input.focus() };
}

function dialled(instance) {
  const port = instance.service()?.agent_port;
  if (port === undefined) return "";
  const whose = tagOf("session", instance.name.value) ? `[${sectionOf("session", instance.name.value)}]` : "netd";
  return `${whose} dials port ${port} there`;
}
