/** A row's title becomes a field, and a title again. */

import { el } from "../dom.js";
import { isComposing } from "../edit.js";
import { t } from "../strings.js";

/**
 * @param {HTMLElement} row
 * @param {string} title
 * @returns {Promise<string | null>} the new title; null: it stays
 */
export function renameIn(row, title) {
  const field = /** @type {HTMLInputElement} */ (
    el("input", { type: "text", value: title, maxLength: 200, dir: "auto", className: "rename", "aria-label": t("title") })
  );
  const hidden = [...row.children].map((child) => /** @type {HTMLElement} */ (child));
  return new Promise((resolve) => {
    let over = false;
    /** @param {boolean} save */
    const end = (save) => {
      if (over) return;
      over = true;
      const changed = field.value.trim();
      const held = document.activeElement === field;
      field.remove();
      hidden.forEach((child) => (child.hidden = false));
      if (held) row.querySelector("a")?.focus();
      resolve(save && changed && changed !== title ? changed : null);
    };
    field.addEventListener("keydown", (event) => {
      if (isComposing(event)) return;
      if (event.key === "Enter" || event.key === "Escape") {
        event.preventDefault();
        event.stopPropagation();
        end(event.key === "Enter");
      }
    });
    field.addEventListener("blur", () => end(true));
    hidden.forEach((child) => (child.hidden = true));
    row.append(field);
    field.focus();
    field.select();
  });
}
