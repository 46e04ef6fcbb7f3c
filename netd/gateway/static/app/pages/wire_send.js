/** What the peers of a wire are sent: a text to one, a question to one, or the same text to all. */

import { action, field, form, results } from "../action.js";
import { commandLineToCopy } from "../commandline.js";
import { each, h, when } from "../dom.js";
import { excerpt, plural, visible } from "../format.js";
import { panel } from "../panel.js";
import { computed, signal } from "../signal.js";

/** How many peers are suggested while a name is typed. */
const SUGGESTED = 50;
/** Seconds to wait for an answer. netd's own time-out, `answer_timeout`, is shorter in most sections. */
const PATIENCE = 120;

/** What is being written; kept while other pages are looked at. */
const text = signal("");

/**
 * @param {import("../instances.js").Instance} instance
 * @param {import("../signal.js").Writable<string>} target
 * @param {import("../signal.js").Readable<any>} chosen the peer of that name, or the one that is shown anyway; null for none.
 * @param {import("../signal.js").Readable<any[]>} peers
 */
export function sendPanel(instance, target, chosen, peers) {
  const named = computed(() => target.value || (chosen.value?.name ?? ""));
  const parts = {
    instance,
    params: () => (named.peek() && text.peek() ? { name: named.peek(), text: text.peek() } : null),
    until: () => `${instance.name.value} ${named.value}`,
    timeout: PATIENCE,
  };
  const send = action({
    ...parts,
    label: () => (named.value ? `Send to ${visible(named.value)}` : "Send"),
    method: "wire.send",
    told: ({ answer }) => ({
      state: "ok",
      text: answer ? `acknowledged: ${excerpt(answer)}` : "sent; the section has no ack, so that no answer is awaited",
    }),
    kind: "main",
    testid: "send",
  });
  const ask = action({
    ...parts,
    label: "Ask",
    about: "Ask, and show the next message as the answer",
    method: "wire.ask",
    told: ({ answer }) => ({ state: "ok", text: `answered: ${excerpt(answer)}` }),
    testid: "ask",
  });
  const tell = action({
    ...parts,
    label: "Tell all",
    about: "Tell all peers",
    method: "wire.tell",
    params: () => (text.peek() ? { text: text.peek() } : null),
    told: (number) => ({
      state: number ? "ok" : "waiting",
      text: number ? `told to ${plural(number, "peer")}` : "no peer is connected",
    }),
    testid: "tell",
  });
  const isAway = () => chosen.value?.name === named.value && chosen.value?.online === false;
  const suggested = () =>
    peers.value
      .map(({ name }) => name)
      .filter((name) => name.includes(target.value))
      .slice(0, SUGGESTED);
  return panel(
    { title: "Send", testid: "send-panel" },
    form(
      { class: "stack", testid: "send-form" },
      send.press,
      field("Peer", peerInput(named, target, suggested)),
      when(isAway, () => h("p.hint", {}, "It is away: nothing reaches it until it comes back.")),
      field("Text", textInput()),
      h("div.row", {}, send.button, ask.button, tell.button),
    ),
    results(send, ask, tell),
    commandLineToCopy(() => instance.line("wire", "send", named.value || "NAME", text.value || "TEXT")),
  );
}

const peerInput = (named, target, suggested) =>
  h(
    "span.combo",
    {},
    h("input", {
      value: () => named.value,
      list: "peer-names",
      required: true,
      autocapitalize: "none",
      spellcheck: "false",
      placeholder: "name of a peer",
      testid: "send-target",
      oninput: (event) => (target.value = event.target.value.trim()),
    }),
    h(
      "datalist",
      { id: "peer-names" },
      each(
        suggested,
        (one) => one,
        (one) => h("option", { value: one.peek() }),
      ),
    ),
  );

const textInput = () =>
  h("textarea", {
    value: text.peek(),
    rows: "2",
    required: true,
    spellcheck: "false",
    testid: "send-text",
    placeholder: "*IDN?",
    oninput: (event) => (text.value = event.target.value),
  });
