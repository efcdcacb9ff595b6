/**
 * How full the model's context is, and from where on it still sees the conversation.
 *
 * @typedef {object} Outlook as `GET /api/conversations/ID/context` tells it
 * @property {number | null} context_tokens
 * @property {number} reserved_tokens
 * @property {number} used_tokens
 * @property {string | null} first_sent
 * @property {boolean} cut
 */

import { call } from "../api.js";
import { byId, el } from "../dom.js";
import { formatNumber, sentences, t } from "../strings.js";
import { tell } from "../dialogs.js";

const PAUSE_MS = 600;
const BYTES_PER_TOKEN = 4;
const bytes = new TextEncoder();

/** @param {string} text @returns {number} tokens, about, as the server estimates */
export function estimate(text) {
  return text ? Math.floor(bytes.encode(text).length / BYTES_PER_TOKEN) + 1 : 0;
}

export class ContextMeter {
  /**
   * @param {object} page
   * @param {() => string | null} page.conversation
   * @param {() => string | undefined} page.model
   * @param {() => string} page.draft
   */
  constructor(page) {
    this.page = page;
    this.button = byId("context");
    this.scale = /** @type {HTMLMeterElement} */ (byId("context-scale"));
    this.words = byId("context-words");
    /** @type {Outlook | null} */
    this.outlook = null;
    this.mark = el("p", { className: "cut-mark", role: "note" }, t("contextMark"));
    this.button.addEventListener("click", () => this.explain());
    /** @type {ReturnType<typeof setTimeout> | undefined} */
    this.timer = undefined;
    this.asked = 0;
  }

  /** Something changed: look again, when the reader pauses. */
  changed() {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => void this.look(), PAUSE_MS);
  }

  async look() {
    const id = this.page.conversation();
    const ask = ++this.asked;
    if (!id) return this.show(null);
    const query = new URLSearchParams({ draft: String(estimate(this.page.draft())) });
    const model = this.page.model();
    if (model) query.set("model", model);
    // Nobody misses the meter when it fails.
    const outlook = await call("GET", `/api/conversations/${id}/context?${query}`).catch(() => null);
    if (ask === this.asked) this.show(outlook);
  }

  /** @param {Outlook | null} outlook */
  show(outlook) {
    this.outlook = outlook;
    const size = outlook?.context_tokens ?? 0;
    this.button.hidden = !size;
    this.place(outlook?.cut ? outlook.first_sent : null);
    if (!outlook || !size) return;
    const used = outlook.used_tokens + outlook.reserved_tokens;
    this.scale.value = Math.min(1, used / size);
    this.button.classList.toggle("full", outlook.cut);
    const values = { used: formatNumber(outlook.used_tokens), size: formatNumber(size) };
    this.words.textContent = t(outlook.cut ? "contextCut" : "contextUsed", values);
  }

  /** Mark where the part begins that the model still sees. @param {string | null} message */
  place(message) {
    const first = message && document.querySelector(`#messages [data-message="${message}"]`);
    if (first) first.before(this.mark);
    else this.mark.remove();
  }

  explain() {
    if (!this.outlook?.context_tokens) return;
    const { context_tokens: size, used_tokens: used, reserved_tokens: kept } = this.outlook;
    const values = { used: formatNumber(used), size: formatNumber(size), kept: formatNumber(kept) };
    tell(t("contextTitle"), [sentences(t("contextSays", values)), t("contextHow")]);
  }
}
