/**
 * Keys that reach everything, and the sheet that tells them. Each has a modifier: a
 * single letter would get in the way of speech input and screen readers (WCAG 2.1.4).
 *
 * @typedef {object} Shortcut
 * @property {string} keys as they are shown; Mod is Ctrl, or Command on a Mac
 * @property {string} name of its words
 * @property {() => void} [run] none: something else listens for it
 */

import { byId, el } from "./dom.js";
import { isComposing } from "./edit.js";
import { t } from "./strings.js";

const mac = /Mac|iP(hone|ad)/.test(navigator.platform);

/** @param {KeyboardEvent} event @returns {string} as in `Shortcut.keys` */
function pressed(event) {
  const command = mac ? event.metaKey : event.ctrlKey;
  const parts = [command && "Mod", event.altKey && "Alt", event.shiftKey && "Shift"];
  const key = event.key.length === 1 ? event.key.toUpperCase() : event.key;
  return [...parts.filter(Boolean), key].join("+");
}

/** @param {string} keys @returns {HTMLElement} */
function shown(keys) {
  const names = { Mod: mac ? "⌘" : "Ctrl", ArrowUp: "↑", ArrowDown: "↓", Escape: "Esc" };
  const parts = keys.split("+").map((key) => el("kbd", {}, /** @type {any} */ (names)[key] ?? key));
  return el("span", {}, ...parts.flatMap((part, at) => (at ? [" + ", part] : [part])));
}

export class Shortcuts {
  /** @param {Shortcut[]} shortcuts */
  constructor(shortcuts) {
    this.all = [...shortcuts, { keys: "Mod+/", name: "shortcutSheet", run: () => this.show() }];
    document.addEventListener("keydown", (event) => this.keyed(event));
    byId("shortcuts").addEventListener("click", () => this.show());
  }

  /** @param {KeyboardEvent} event */
  keyed(event) {
    if (isComposing(event) || event.defaultPrevented || document.querySelector("dialog[open]")) return;
    const keys = pressed(event);
    const run = this.all.find((one) => one.keys === keys)?.run;
    if (!run) return;
    event.preventDefault();
    run();
  }

  show() {
    const rows = this.all.map(({ keys, name }) => el("div", {}, el("dt", {}, t(name)), el("dd", {}, shown(keys))));
    const close = el("button", { type: "submit", className: "primary" }, t("close"));
    const dialog = /** @type {HTMLDialogElement} */ (
      el(
        "dialog",
        { className: "shortcuts", "aria-labelledby": "shortcuts-title" },
        el("h2", { id: "shortcuts-title" }, t("shortcuts")),
        el("dl", {}, ...rows),
        el("form", { method: "dialog" }, el("div", { className: "buttons" }, close)),
      )
    );
    dialog.addEventListener("close", () => dialog.remove());
    document.body.append(dialog);
    dialog.showModal();
  }
}
