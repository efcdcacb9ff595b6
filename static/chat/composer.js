/**
 * Where the reader writes. Nothing typed is ever lost: a refused question comes back
 * here, and a reload finds the draft again.
 */

import { byId, icon } from "./dom.js";
import { autosize, isComposing } from "./edit.js";
import { noticeBox } from "./errors.js";
import { formatNumber, t } from "./strings.js";

/** As the server counts: code points, not UTF-16 units. @param {string} text */
function countCharacters(text) {
  let count = 0;
  for (const _ of text) count += 1;
  return count;
}

export class Composer {
  /**
   * @param {{maxChars: number, onSend: (text: string) => void, onStop: () => void}} options
   */
  constructor({ maxChars, onSend, onStop }) {
    this.maxChars = maxChars;
    this.onSend = onSend;
    this.onStop = onStop;
    this.form = /** @type {HTMLFormElement} */ (byId("composer"));
    this.area = /** @type {HTMLTextAreaElement} */ (byId("prompt"));
    this.button = /** @type {HTMLButtonElement} */ (byId("send"));
    this.hint = byId("prompt-hint");
    this.notice = byId("notice");
    this.busy = false;
    this.draftKey = "draft:";
    this.listen();
  }

  listen() {
    this.form.addEventListener("submit", (event) => {
      event.preventDefault();
      if (this.busy) this.onStop();
      else this.send();
    });
    this.area.addEventListener("input", () => this.changed());
    this.area.addEventListener("keydown", (event) => this.keyed(event));
  }

  /** @param {KeyboardEvent} event */
  keyed(event) {
    if (event.key !== "Enter" || event.shiftKey || isComposing(event)) return;
    event.preventDefault();
    // Enter never stops an answer: that would be too easy to do by mistake.
    if (!this.busy) this.send();
  }

  send() {
    const text = this.area.value.trim();
    if (!text || this.excess > 0) return this.area.focus();
    this.clearNotice();
    this.setText("");
    this.onSend(text);
  }

  /** How many characters too long the text is. */
  get excess() {
    const { length } = this.area.value;
    // Never more code points than units: the slow count only when it matters.
    return length > this.maxChars ? countCharacters(this.area.value.trim()) - this.maxChars : 0;
  }

  changed() {
    autosize(this.area);
    const { excess } = this;
    this.hint.hidden = excess <= 0;
    this.area.setAttribute("aria-invalid", String(excess > 0));
    if (excess > 0) {
      const values = { excess: formatNumber(excess), limit: formatNumber(this.maxChars) };
      this.hint.textContent = t("promptTooLong", values);
    }
    this.showButton();
    this.keepDraft();
  }

  showButton() {
    const { busy, button } = this;
    const empty = !this.area.value.trim();
    button.disabled = !busy && (empty || this.excess > 0);
    button.classList.toggle("stop", busy);
    const label = t(busy ? "stop" : "send");
    if (button.getAttribute("aria-label") === label) return;
    button.title = busy ? t("stopTitle") : label;
    button.setAttribute("aria-label", label);
    button.replaceChildren(icon(busy ? "stop" : "send"));
  }

  /** @param {boolean} busy an answer is being written */
  setBusy(busy) {
    this.busy = busy;
    this.form.classList.remove("stopping");
    this.showButton();
  }

  /** The wish to stop is on its way. */
  showStopping() {
    this.form.classList.add("stopping");
    this.button.disabled = true;
  }

  /** @param {string} text */
  setText(text) {
    this.area.value = text;
    this.changed();
  }

  /** Give a question back, before what was typed meanwhile. @param {string} text */
  giveBack(text) {
    const meanwhile = this.area.value.trim();
    this.setText(meanwhile ? `${text}\n\n${meanwhile}` : text);
    this.focus();
  }

  focus() {
    // On a phone it would open the keyboard over what there is to read.
    if (matchMedia("(pointer: fine)").matches) this.area.focus();
  }

  /** @param {import("./errors.js").Told} told @param {(() => void) | null} onRetry */
  showNotice(told, onRetry) {
    const retry = onRetry && (() => (this.clearNotice(), onRetry()));
    this.notice.replaceChildren(noticeBox(told, retry));
  }

  clearNotice() {
    this.notice.replaceChildren();
  }

  /** @param {string | null} conversation whose draft this is from now on */
  useDraft(conversation) {
    this.draftKey = `draft:${conversation ?? ""}`;
    this.setText(sessionStorage.getItem(this.draftKey) ?? "");
  }

  keepDraft() {
    const { value } = this.area;
    try {
      if (value) sessionStorage.setItem(this.draftKey, value);
      else sessionStorage.removeItem(this.draftKey);
    } catch {
      // Storage is full or forbidden: the draft lives as long as the page.
    }
  }
}
