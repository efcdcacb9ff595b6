/**
 * What the message field is for: a question, or the description of a picture.
 *
 * @typedef {"square" | "wide" | "tall"} Shape
 */

import { byId, readJson } from "../dom.js";
import { announce } from "../status.js";
import { t } from "../strings.js";

export class DrawingTools {
  /**
   * @param {import("../models.js").ModelChoice} choice decides; the button is a
   *   shorter way to it
   */
  constructor(choice) {
    this.choice = choice;
    this.button = /** @type {HTMLButtonElement} */ (byId("draw"));
    this.shapes = byId("shapes");
    this.area = /** @type {HTMLTextAreaElement} */ (byId("prompt"));
    this.welcome = byId("welcome-words");
    this.label = byId("prompt-label");
    /** What stands there for questions. */
    this.usual = [this.area.placeholder, this.label.textContent, this.welcome.textContent];
    /** @type {Record<Shape, [number, number]>} */
    this.sizes = readJson("page-data").pictureSizes;
    this.button.addEventListener("click", () => this.toggle());
  }

  get on() {
    return this.choice.kind === "image";
  }

  toggle() {
    this.choice.useKind(this.on ? "text" : "image");
    announce(t(this.on ? "drawOn" : "drawOff"));
    this.area.focus();
  }

  /** Bring the field in line with the chosen model. */
  draw() {
    const { on, button, choice } = this;
    button.hidden = !choice.of("image").length || !choice.of("text").length;
    button.setAttribute("aria-pressed", String(on));
    this.shapes.hidden = !on;
    byId("attach").hidden = on;
    document.body.classList.toggle("describing", on);
    const words = on ? [t("drawHint"), t("drawLabel"), t("drawWelcome")] : this.usual;
    [this.area.placeholder, this.label.textContent, this.welcome.textContent] = words;
  }

  /** @returns {import("../messages/pictures.js").Canvas | null} null: no picture is wanted */
  get canvas() {
    if (!this.on) return null;
    const chosen = /** @type {HTMLInputElement | null} */ (this.shapes.querySelector("input:checked"));
    const [width, height] = this.sizes[/** @type {Shape} */ (chosen?.value ?? "square")];
    return { width, height, n: 1 };
  }
}
