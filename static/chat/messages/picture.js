/**
 * One picture in full size, and the way to take it along.
 */

import { el, icon, iconButton } from "../dom.js";
import { t } from "../strings.js";

/** @param {import("./pictures.js").Picture} picture */
export function downloadLink({ url }) {
  const words = t("pictureSave");
  const props = { href: `${url}?download=1`, download: "", className: "button icon-button", title: words };
  return el("a", { ...props, "aria-label": words }, icon("save"));
}

/** @param {import("./pictures.js").Picture} picture @param {string} prompt */
export function showPicture(picture, prompt) {
  const { url, width, height, alt } = picture;
  const close = iconButton("close", t("close"), () => dialog.close());
  const tools = el("div", { className: "picture-tools" }, downloadLink(picture), close);
  const image = el("img", { src: url, width, height, alt });
  const words = el("p", { className: "picture-words", dir: "auto" }, prompt);
  const dialog = /** @type {HTMLDialogElement} */ (
    el("dialog", { className: "picture-full", "aria-label": t("picture") }, tools, image, words)
  );
  // Beside it is as good as the cross.
  dialog.addEventListener("click", ({ target }) => target === dialog && dialog.close());
  dialog.addEventListener("close", () => dialog.remove());
  document.body.append(dialog);
  dialog.showModal();
  close.focus();
}
