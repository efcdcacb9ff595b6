/**
 * The form in which a question is asked differently.
 */

import { el } from "./dom.js";
import { t } from "./strings.js";

/** Whether this Enter ends a line of an input method, not of the reader. @param {KeyboardEvent} event */
export function isComposing(event) {
  // Safari ends the composition before the key arrives; 229 gives it away.
  return event.isComposing || event.keyCode === 229;
}

/** Grow with the text. @param {HTMLTextAreaElement} area */
export function autosize(area) {
  area.style.height = "auto";
  area.style.height = `${area.scrollHeight}px`;
}

/**
 * @param {string} text
 * @param {(prompt: string | null) => void} close null: nothing was changed
 */
export function editForm(text, close) {
  const area = /** @type {HTMLTextAreaElement} */ (
    el("textarea", { value: text, rows: 1, "aria-label": t("editLabel"), dir: "auto" })
  );
  const cancel = el("button", { type: "button", className: "quiet", onclick: () => close(null) }, t("cancel"));
  const send = el("button", { type: "submit", className: "primary" }, t("editSend"));
  const form = el("form", { className: "edit" }, area, el("div", { className: "buttons" }, cancel, send));
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    const prompt = area.value.trim();
    if (prompt) close(prompt === text ? null : prompt);
  });
  area.addEventListener("input", () => autosize(area));
  area.addEventListener("focus", () => autosize(area), { once: true });
  area.addEventListener("keydown", (event) => {
    if (event.key === "Escape") {
      event.stopPropagation();
      close(null);
    } else if (event.key === "Enter" && !event.shiftKey && !isComposing(event)) {
      event.preventDefault();
      /** @type {HTMLFormElement} */ (form).requestSubmit();
    }
  });
  return form;
}
