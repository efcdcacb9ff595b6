/**
 * What a model thinks before it answers: folded away, with how long it takes.
 */

import { Typewriter } from "../answers/typewriter.js";
import { BlockRenderer } from "../blocks.js";
import { el } from "../dom.js";
import { preferences } from "../preferences.js";
import { formatDuration, t } from "../strings.js";

const SECOND = 1000;

export class Thoughts {
  constructor() {
    this.text = el("div", { className: "prose", dir: "auto" });
    this.summary = el("summary", {}, t("thinking"));
    this.node = /** @type {HTMLDetailsElement} */ (
      el("details", { className: "reasoning", hidden: true }, this.summary, this.text)
    );
    this.blocks = new BlockRenderer(this.text);
    const { typewriter } = preferences();
    // At a fixed speed the answer would have to wait for its thoughts.
    const mode = typewriter === "fixed" ? "smooth" : typewriter;
    this.typewriter = new Typewriter((text) => this.blocks.append(text), {
      typewriter: mode,
      typewriterSpeed: 0,
    });
    /** Whether the reader opened or closed it. */
    this.touched = false;
    this.summary.addEventListener("click", () => (this.touched = true));
    /** @type {number | null} when it began, by this page's clock */
    this.began = null;
    this.concluded = false;
    this.clock = 0;
  }

  /** Show what there is already. @param {string} text */
  reset(text) {
    this.typewriter.clear();
    this.blocks.reset(text);
    this.node.hidden = !text;
  }

  /** @param {string | undefined} text */
  append(text) {
    if (!text) return;
    this.node.hidden = false;
    this.typewriter.append(text);
  }

  /**
   * It thinks.
   * @param {number} already for so long, in milliseconds
   */
  begin(already = 0) {
    if (this.began !== null) return;
    this.began = performance.now() - already;
    this.clock = window.setInterval(() => this.tell(), SECOND);
    if (!this.touched) this.node.open = true;
    this.tell();
  }

  tell() {
    const past = this.elapsed ?? 0;
    this.summary.textContent =
      past < SECOND ? t("thinking") : t("thinkingFor", { duration: formatDuration(past) });
  }

  /** @returns {number | null} milliseconds since it began */
  get elapsed() {
    return this.began === null ? null : performance.now() - this.began;
  }

  /**
   * The answer itself begins.
   * @param {number | null} [ms] how long it thought; else as long as was seen here
   */
  conclude(ms = this.elapsed) {
    if (this.concluded) return;
    this.concluded = true;
    this.stopClock();
    if (!this.touched) this.node.open = false;
    this.showDuration(ms);
  }

  /** @param {number | null | undefined} ms how long it took, where that is known */
  showDuration(ms) {
    const known = typeof ms === "number";
    this.summary.textContent = known ? t("thoughtFor", { duration: formatDuration(ms) }) : t("thoughts");
  }

  /**
   * All of it; nothing follows.
   * @param {string} text
   * @param {number | null | undefined} ms
   */
  finish(text, ms) {
    this.conclude();
    if (typeof ms === "number") this.showDuration(ms);
    this.typewriter.clear();
    this.blocks.finish(text);
    this.node.hidden = !text;
  }

  stopClock() {
    clearInterval(this.clock);
  }

  /** Show no more of it. */
  leave() {
    this.stopClock();
    this.typewriter.clear();
    this.blocks.frame.cancel();
  }
}
