/**
 * Copying, also where the page is not served over HTTPS and the clipboard interface
 * is therefore missing.
 */

import { icon, iconButton } from "./dom.js";
import { announce } from "./status.js";
import { t } from "./strings.js";

const SHOWN = 1600;

/** @param {string} text @returns {Promise<boolean>} */
async function copy(text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    return copyOldWay(text);
  }
}

/** @param {string} text */
function copyOldWay(text) {
  const area = document.createElement("textarea");
  area.value = text;
  area.className = "visually-hidden";
  const focused = /** @type {HTMLElement | null} */ (document.activeElement);
  // What is outside an open dialog cannot be selected.
  (focused?.closest("dialog") ?? document.body).append(area);
  area.select();
  const done = document.execCommand("copy");
  area.remove();
  focused?.focus();
  return done;
}

/**
 * @param {() => string} source what to copy, asked at the click
 * @param {string} [label]
 */
export function copyButton(source, label = t("copy")) {
  const button = iconButton("copy", label, async () => {
    const done = await copy(source());
    announce(t(done ? "copied" : "copyFailed"));
    if (!done) return;
    button.replaceChildren(icon("check"));
    setTimeout(() => button.replaceChildren(icon("copy")), SHOWN);
  });
  return button;
}
