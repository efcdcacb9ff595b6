/**
 * What a page asks and tells.
 */

import { el } from "./dom.js";
import { t } from "./strings.js";

/**
 * @param {string} title
 * @param {Node[]} fields
 * @param {string} action what the button says
 * @param {string} kind its class
 * @returns {Promise<boolean>} whether the reader agreed
 */
export function ask(title, fields, action, kind) {
  const cancel = el("button", { type: "button", className: "quiet" }, t("cancel"));
  const agree = el("button", { type: "submit", className: kind }, action);
  const form = el("form", { method: "dialog" }, el("h2", { id: "dialog-title" }, title), ...fields);
  form.append(el("div", { className: "buttons" }, cancel, agree));
  const dialog = /** @type {HTMLDialogElement} */ (
    el("dialog", { "aria-labelledby": "dialog-title" }, form)
  );
  return new Promise((resolve) => {
    let agreed = false;
    form.addEventListener("submit", () => (agreed = true));
    cancel.addEventListener("click", () => dialog.close());
    dialog.addEventListener("close", () => {
      dialog.remove();
      resolve(agreed);
    });
    document.body.append(dialog);
    dialog.showModal();
  });
}

/** Say something that wants no decision. @param {string} title @param {string[]} paragraphs */
export function tell(title, paragraphs) {
  const close = el("button", { type: "submit", className: "primary" }, t("close"));
  const words = paragraphs.map((text) => el("p", {}, text));
  const form = el("form", { method: "dialog" }, ...words, el("div", { className: "buttons" }, close));
  const heading = el("h2", { id: "dialog-title" }, title);
  const dialog = /** @type {HTMLDialogElement} */ (el("dialog", { "aria-labelledby": "dialog-title" }, heading, form));
  dialog.addEventListener("close", () => dialog.remove());
  document.body.append(dialog);
  dialog.showModal();
}
