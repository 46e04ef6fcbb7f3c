"""What keeps people from using a page: text of too little contrast, and what has no name for those who hear it."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from playwright.sync_api import Page

__all__ = ["obstacles"]

_SEARCH = """
() => {
  const found = [];
  const seen = (element) => element.checkVisibility({ opacityProperty: true, visibilityProperty: true });
  const channels = (colour) => {
    const [red, green, blue, alpha = 1] = colour.match(/[-+.e\\d]+%?/g).map(Number);
    return colour.startsWith("color(") ? [red * 255, green * 255, blue * 255, alpha] : [red, green, blue, alpha];
  };
  const over = ([r, g, b, a], [x, y, z]) => [r * a + x * (1 - a), g * a + y * (1 - a), b * a + z * (1 - a)];
  const luminance = (rgb) => {
    const [r, g, b] = rgb.map((one) => one / 255).map((one) => (one <= 0.04045 ? one / 12.92 : ((one + 0.055) / 1.055) ** 2.4));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const ground = (element) => {
    const own = channels(getComputedStyle(element).backgroundColor);
    return own[3] === 1 || element.parentElement === null ? own : over(own, ground(element.parentElement));
  };
  for (const element of document.body.querySelectorAll("*")) {
    const hasText = [...element.childNodes].some((node) => node.nodeType === 3 && node.data.trim() !== "");
    const isOff = element.closest(":disabled, .offscreen, .skip, svg, [aria-hidden=true]");
    if (!hasText || isOff || !seen(element)) continue;
    const style = getComputedStyle(element);
    const behind = ground(element);
    const [light, dark] = [luminance(over(channels(style.color), behind)), luminance(behind)].sort((a, b) => b - a);
    const size = parseFloat(style.fontSize);
    const least = size >= 24 || (size >= 18.66 && Number(style.fontWeight) >= 700) ? 3 : 4.5;
    const contrast = (light + 0.05) / (dark + 0.05);
    if (contrast < least) found.push(`contrast ${contrast.toFixed(2)}: ${element.textContent.trim().slice(0, 40)}`);
  }
  for (const element of document.querySelectorAll("a, button, input, select, textarea, summary, [tabindex='0']")) {
    if (!seen(element)) continue;
    const written = element.matches("input, select, textarea") ? element.labels[0]?.textContent : element.textContent;
    const name = element.getAttribute("aria-label") || (element.matches("ol, div") ? "" : written);
    if (!name?.trim()) found.push(`no name: ${element.outerHTML.slice(0, 120)}`);
  }
  for (const canvas of document.querySelectorAll("canvas")) {
    if (canvas.getAttribute("role") !== "img" || !canvas.getAttribute("aria-label")) found.push("a canvas has no name");
  }
  const ids = [...document.querySelectorAll("[id]")].map((element) => element.id);
  for (const id of ids) if (ids.indexOf(id) !== ids.lastIndexOf(id)) found.push(`two elements of the id ${id}`);
  for (const element of document.querySelectorAll("[aria-labelledby], [aria-describedby]")) {
    const id = element.getAttribute("aria-labelledby") ?? element.getAttribute("aria-describedby");
    if (document.getElementById(id) === null) found.push(`nothing has the id ${id}`);
  }
  return found;
}
"""


def obstacles(page: Page) -> list[str]:
    """Each text whose contrast is below 4.5:1 (3:1 where it is large), and each thing to press or fill in that has no name."""
    found: list[str] = page.evaluate(_SEARCH)
    return found
