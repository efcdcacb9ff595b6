/**
 * What an answer took, shown when the reader asks for it.
 */

import { generations } from "../api.js";
import { el, iconButton } from "../dom.js";
import { formatNumber, formatSeconds, t } from "../strings.js";

const AGAIN = 1000;
let serial = 0;

export class Figures {
  /** @param {import("./message.js").Message} message */
  constructor(message) {
    this.message = message;
    this.panel = el("dl", { className: "figures", id: `figures-${++serial}`, hidden: true });
    this.button = iconButton("figures", t("figures"), () => this.toggle(), "figures-button");
    this.button.setAttribute("aria-expanded", "false");
    this.button.setAttribute("aria-controls", this.panel.id);
    this.timer = 0;
  }

  get growing() {
    return this.message.status === "queued" || this.message.status === "running";
  }

  toggle() {
    this.panel.hidden = !this.panel.hidden;
    this.button.setAttribute("aria-expanded", String(!this.panel.hidden));
    this.refresh();
  }

  /** Draw what is known; ask for what is not, and again while it grows. */
  refresh() {
    clearTimeout(this.timer);
    if (this.panel.hidden) return;
    const { usage, timing } = this.message;
    if (usage && timing && !this.growing) this.draw(usage, timing);
    else void this.fetch();
  }

  async fetch() {
    const { message } = this;
    try {
      if (message.generation) {
        const { usage, timing } = await generations.get(message.generation);
        this.draw(usage, timing);
        if (!this.growing) Object.assign(message, { usage, timing });
      }
    } catch {
      // Offline, or it is gone: what is drawn already stays.
      if (!this.panel.hasChildNodes()) this.panel.append(el("dt", {}, t("figuresMissing")));
    }
    if (this.growing) this.timer = window.setTimeout(() => this.refresh(), AGAIN);
  }

  /**
   * @param {import("./message.js").Usage} usage
   * @param {import("./message.js").Timing} timing
   */
  draw(usage, timing) {
    /** @param {number | null} ms */
    const time = (ms) => (typeof ms === "number" ? formatSeconds(ms) : "");
    const speed = timing.tokens_per_second;
    const { drawing } = this.message;
    if (drawing) return this.show([...this.ofPictures(drawing), [t("figuresTotal"), time(timing.total_ms)]]);
    this.show([
      [t("figuresModel"), this.message.model ?? ""],
      [t("figuresQueue"), time(timing.queue_ms)],
      [t("figuresFirst"), time(timing.ttft_ms)],
      [t("figuresSpeed"), speed ? t("figuresPerSecond", { count: formatNumber(speed) }) : ""],
      [t("figuresTotal"), time(timing.total_ms)],
      [t("figuresAnswer"), t("figuresTokens", { count: formatNumber(usage.completion_tokens) })],
      [t("figuresPrompt"), t("figuresTokens", { count: formatNumber(usage.prompt_tokens) })],
    ]);
  }

  /**
   * @param {import("./pictures.js").Canvas} canvas
   * @returns {[string, string][]}
   */
  ofPictures({ width, height }) {
    const seed = this.message.images?.[0]?.seed;
    return [
      [t("figuresModel"), this.message.model ?? ""],
      [t("figuresSize"), `${width} × ${height}`],
      [t("figuresSeed"), String(seed ?? "")],
    ];
  }

  /** @param {[string, string][]} rows those without a value are left out */
  show(rows) {
    const known = rows.filter(([, value]) => value);
    this.panel.replaceChildren(
      ...known.map(([name, value]) => el("div", {}, el("dt", {}, name), el("dd", {}, value))),
    );
  }

  leave() {
    clearTimeout(this.timer);
  }
}
