/**
 * The files that wait beside the message field.
 *
 * @typedef {import("./attachments.js").File} File
 *
 * @typedef {object} Options
 * @property {() => void} onChange
 * @property {(words: string) => void} onRefused a file could not be taken
 * @property {number} maxChars what a whole prompt may have
 */

import { byId, el, iconButton } from "../dom.js";
import { formatNumber, t } from "../strings.js";
import { decode } from "./attachments.js";

const MAX_FILES = 10;
const BYTES_PER_CHARACTER = 4;

export class Tray {
  /** @param {Options} options */
  constructor({ onChange, onRefused, maxChars }) {
    this.onChange = onChange;
    this.onRefused = onRefused;
    this.maxBytes = maxChars * BYTES_PER_CHARACTER;
    /** @type {File[]} */
    this.files = [];
    this.list = byId("attachments");
    this.input = /** @type {HTMLInputElement} */ (byId("attach-input"));
    byId("attach").addEventListener("click", () => this.input.click());
    this.input.addEventListener("change", () => this.chosen());
    this.listen(byId("main"), byId("prompt"));
  }

  /** @param {HTMLElement} zone @param {HTMLElement} field */
  listen(zone, field) {
    zone.addEventListener("dragover", (event) => {
      if (event.dataTransfer?.types.includes("Files")) event.preventDefault();
    });
    zone.addEventListener("drop", (event) => {
      if (!event.dataTransfer?.files.length) return;
      event.preventDefault();
      void this.take(event.dataTransfer.files);
    });
    field.addEventListener("paste", (event) => {
      const { clipboardData } = /** @type {ClipboardEvent} */ (event);
      if (!clipboardData?.files.length || clipboardData.getData("text/plain")) return;
      event.preventDefault();
      void this.take(clipboardData.files);
    });
  }

  async chosen() {
    await this.take(this.input.files ?? []);
    this.input.value = "";
  }

  /** @param {Iterable<globalThis.File>} files */
  async take(files) {
    for (const file of files) {
      const refusal = await this.add(file);
      if (refusal) this.onRefused(refusal);
    }
  }

  /** @param {globalThis.File} file @returns {Promise<string>} why not; empty if taken */
  async add(file) {
    const { name } = file;
    if (this.files.length >= MAX_FILES) return t("attachTooMany", { limit: MAX_FILES });
    if (file.size > this.maxBytes) return t("attachTooLarge", { name });
    const text = decode(await file.arrayBuffer());
    if (text === null) return t("attachNoText", { name });
    if (!text) return t("attachEmpty", { name });
    this.set([...this.files, { name, text }]);
    return "";
  }

  /** @param {File[]} files */
  set(files) {
    this.files = files;
    this.list.hidden = files.length === 0;
    this.list.replaceChildren(...files.map((file) => this.chip(file)));
    this.onChange();
  }

  /** @param {File} file */
  chip(file) {
    const { name, text } = file;
    const size = t("characters", { count: formatNumber(text.length) });
    const remove = iconButton("close", t("attachRemove", { name }), () => {
      this.set(this.files.filter((one) => one !== file));
      byId("attach").focus();
    });
    return el("li", { className: "chip" }, el("span", { dir: "auto" }, name), el("small", {}, size), remove);
  }
}
