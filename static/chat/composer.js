/**
 * Where the reader writes. Nothing typed is ever lost: a refused question comes back
 * here, and a reload finds the draft again.
 */

import { compose, split } from "./composing/attachments.js";
import { keepDraft, readDraft } from "./composing/drafts.js";
import { Tray } from "./composing/tray.js";
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
   * @param {object} options
   * @param {number} options.maxChars
   * @param {(text: string) => void} options.onSend
   * @param {() => void} options.onStop
   * @param {() => void} options.onChange what is written, changed
   */
  constructor({ maxChars, onSend, onStop, onChange }) {
    this.maxChars = maxChars;
    this.onSend = onSend;
    this.onStop = onStop;
    this.onChange = onChange;
    this.form = /** @type {HTMLFormElement} */ (byId("composer"));
    this.area = /** @type {HTMLTextAreaElement} */ (byId("prompt"));
    this.button = /** @type {HTMLButtonElement} */ (byId("send"));
    this.hint = byId("prompt-hint");
    this.notice = byId("notice");
    this.busy = false;
    /** @type {string | null} whose draft this is */
    this.conversation = null;
    this.tray = new Tray({
      maxChars,
      onChange: () => this.changed(),
      onRefused: (what) => this.showNotice({ what, next: "", retryable: false, signIn: false }, null),
    });
    this.listen();
  }

  listen() {
    this.form.addEventListener("submit", (event) => {
      event.preventDefault();
      const { name, value } = /** @type {HTMLButtonElement} */ (event.submitter ?? {});
      if (name === "example") this.onSend(value);
      else if (this.busy) this.onStop();
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
    const prompt = this.prompt;
    if (!prompt || this.excess > 0) return this.area.focus();
    this.clearNotice();
    this.set("", []);
    this.onSend(prompt);
  }

  /** All that would be sent now. */
  get prompt() {
    return compose(this.area.value.trim(), this.tray.files);
  }

  /** How many characters too long the text is. */
  get excess() {
    const { prompt } = this;
    // Never more code points than units: the slow count only when it matters.
    return prompt.length > this.maxChars ? countCharacters(prompt) - this.maxChars : 0;
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
    this.onChange();
  }

  showButton() {
    const { busy, button } = this;
    const empty = !this.prompt;
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

  /** @param {string} text @param {import("./composing/attachments.js").File[]} files */
  set(text, files) {
    this.area.value = text;
    this.tray.set(files);
  }

  /** Give a question back, before what was typed meanwhile. @param {string} prompt */
  giveBack(prompt) {
    const { text, files } = split(prompt);
    const meanwhile = this.area.value.trim();
    this.set([text, meanwhile].filter(Boolean).join("\n\n"), [...files, ...this.tray.files]);
    this.focus();
  }

  /** Put a text where the cursor is. @param {string} text */
  insert(text) {
    const { selectionStart: start, selectionEnd: end } = this.area;
    this.area.setRangeText(text, start, end, "end");
    this.changed();
    this.area.focus();
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
    this.conversation = conversation;
    const { text, files } = readDraft(conversation);
    this.set(text, files);
  }

  /** A new conversation has its address: what is being written goes along. @param {string} id */
  moveDraft(id) {
    this.conversation = id;
    this.keepDraft();
  }

  keepDraft() {
    keepDraft(this.conversation, { text: this.area.value, files: this.tray.files });
  }
}
