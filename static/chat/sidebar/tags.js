/** Choose the tags of a conversation: from one's own, or a new one. */

import { tags } from "../api.js";
import { ask } from "../dialogs.js";
import { el } from "../dom.js";
import { t } from "../strings.js";

const MAX_CHARS = 40;

/** @param {string} name @param {boolean} checked */
function box(name, checked) {
  const input = el("input", { type: "checkbox", value: name, checked });
  return el("label", { className: "tag-choice" }, input, el("span", { dir: "auto" }, name));
}

/**
 * @param {string[]} chosen
 * @returns {Promise<string[] | null>} null: leave them
 */
export async function chooseTags(chosen) {
  const { items } = await tags.list();
  const own = items.map((/** @type {{name: string}} */ { name }) => name);
  const names = [...new Set([...chosen, ...own])];
  const boxes = el("div", { className: "tag-choices" }, ...names.map((name) => box(name, chosen.includes(name))));
  const field = /** @type {HTMLInputElement} */ (
    el("input", { type: "text", maxLength: MAX_CHARS, dir: "auto", "aria-label": t("tagNew"), placeholder: t("tagNew") })
  );
  if (!(await ask(t("tags"), [boxes, field], t("save"), "primary"))) return null;
  const checked = [...boxes.querySelectorAll("input")].filter((input) => input.checked);
  return [...checked.map(({ value }) => value), field.value.trim()].filter(Boolean);
}
