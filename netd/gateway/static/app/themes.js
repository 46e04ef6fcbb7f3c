/** The switch between dark, light and the system's theme; and the colours for canvases. */

import { h } from "./dom.js";
import { icon } from "./icons.js";
import { effect, signal } from "./signal.js";

const KEY = "netd.theme";
/** The theme that a press of the switch chooses. @type {Record<string, string>} */
const NEXT = { system: "light", light: "dark", dark: "system" };
const COLOURS = ["text", "muted", "line", "panel", "accent", "ok", "waiting", "trouble", "gone"].concat(
  Array.from({ length: 8 }, (_, index) => `ink${index + 1}`),
);

const chosen = signal(localStorage.getItem(KEY) ?? "system");
const systemIsDark = matchMedia("(prefers-color-scheme: dark)");

/**
 * Colours by name, for canvases; they change with the theme.
 * @type {import("./signal.js").Writable<Record<string, string>>}
 */
export const palette = signal({});

/** Apply the chosen theme, and follow its changes. */
export function start() {
  const probe = h("span.offscreen", { "aria-hidden": "true" });
  document.body.append(probe);
  const read = () => {
    /** @type {Record<string, string>} */
    const colours = {};
    for (const name of COLOURS) {
      probe.setAttribute("class", `offscreen ink-${name}`);
      colours[name] = getComputedStyle(probe).color;
    }
    palette.value = colours;
  };
  effect(() => {
    const theme = chosen.value;
    if (theme === "system") delete document.documentElement.dataset.theme;
    else document.documentElement.dataset.theme = theme;
    localStorage.setItem(KEY, theme);
    read();
  });
  systemIsDark.addEventListener("change", read);
}

/** The switch. */
export function themeSwitch() {
  /** @type {Record<string, string>} */
  const words = { system: "Theme: as the system", light: "Theme: light", dark: "Theme: dark" };
  return h(
    "button.quiet.icon-only",
    {
      type: "button",
      testid: "theme",
      "aria-label": () => words[chosen.value],
      title: () => words[chosen.value],
      onclick: () => (chosen.value = NEXT[chosen.value]),
    },
    .../** @type {const} */ (["system", "light", "dark"]).map((name) =>
      h("span", { hidden: () => chosen.value !== name }, icon(name)),
    ),
  );
}
