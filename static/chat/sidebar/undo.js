/**
 * What was just done, and the way back. It stays a while, longer under a pointer or
 * the focus, and no longer than the server can take it back.
 */

import { el } from "../dom.js";
import { t } from "../strings.js";

const SHOWN = 10_000;
const POSSIBLE = 27_000;

/** @type {HTMLElement | null} */
let shown = null;

/**
 * @param {string} text
 * @param {() => void} onUndo
 */
export function offerUndo(text, onUndo) {
  shown?.remove();
  const undo = () => {
    close();
    onUndo();
  };
  const button = el("button", { type: "button", onclick: undo }, t("undo"));
  const box = el("div", { className: "undo", role: "status" }, el("p", { dir: "auto" }, text), button);
  const began = Date.now();
  const timer = setInterval(() => {
    const age = Date.now() - began;
    const held = box.matches(":hover") || box.contains(document.activeElement);
    if (age > POSSIBLE || (age > SHOWN && !held)) close();
  }, 500);
  const close = () => {
    clearInterval(timer);
    box.remove();
    if (shown === box) shown = null;
  };
  shown = box;
  document.body.append(box);
}
