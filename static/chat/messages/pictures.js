/**
 * The pictures of an answer: boxes of the final shape from the beginning, in which they
 * sharpen; then the pictures themselves. Nothing around them moves meanwhile.
 *
 * @typedef {object} Canvas what is to be drawn: pixels, and how many pictures
 * @property {number} width
 * @property {number} height
 * @property {number} n
 *
 * @typedef {object} Picture as the API gives it
 * @property {string} id
 * @property {string} url
 * @property {string} thumbnail
 * @property {number} width
 * @property {number} height
 * @property {string} alt
 * @property {number | null} [seed]
 */

import { el } from "../dom.js";
import { announce } from "../status.js";
import { t } from "../strings.js";
import { showPicture } from "./picture.js";

// As templates/chat/pictures.html has it: CSS pixels at most.
const WIDEST = 512;
const HIGHEST = 416;
// A word now and then is enough for who listens.
const SILENCE = 10_000;

/** How large it is shown. @param {{width: number, height: number}} size */
export function shownSize({ width, height }) {
  const shown = Math.round(Math.min(WIDEST, (HIGHEST * width) / height));
  return { width: shown, height: Math.round((shown * height) / width) };
}

export class Pictures {
  /**
   * @param {import("./message.js").Message} message
   * @param {() => string} prompt
   */
  constructor(message, prompt) {
    this.message = message;
    this.prompt = prompt;
    this.node = el("div", { className: "pictures", hidden: true });
    this.progress = /** @type {HTMLProgressElement} */ (el("progress", { "aria-label": t("drawingProgress") }));
    this.words = el("span", {}, t("drawingSoon"));
    this.state = el("p", { className: "drawing-state" }, this.progress, this.words);
    /** @type {HTMLElement[]} */
    this.boxes = [];
    this.told = 0;
  }

  /** Whether this answer is pictures. */
  get drawn() {
    return Boolean(this.message.drawing);
  }

  showGrowing() {
    const { drawing } = this.message;
    if (!drawing) return;
    this.boxes = Array.from({ length: drawing.n }, () => box(drawing));
    this.node.replaceChildren(...this.boxes);
    this.boxes[0].append(this.state);
    this.node.hidden = false;
    this.told = performance.now();
  }

  /** @param {import("../answers/answer.js").Answer} answer */
  update({ step, position }) {
    if (step) this.showStep(step);
    else this.words.textContent = position ? t("queuePlace", { position }) : t("drawingSoon");
  }

  /** @param {import("../answers/answer.js").Step} step */
  showStep({ step, steps, image }) {
    const words = t("drawingStep", { step, steps });
    this.progress.max = steps;
    this.progress.value = step;
    this.words.textContent = words;
    const { length } = this.boxes;
    // Several are drawn one after the other, and their steps are counted together.
    const at = Math.min(length - 1, Math.floor(((step - 1) * length) / steps));
    show(this.boxes[at], image);
    if (this.state.parentNode !== this.boxes[at]) this.boxes[at].append(this.state);
    if (performance.now() - this.told < SILENCE) return;
    this.told = performance.now();
    announce(words);
  }

  /** Nobody draws any more: what there is. */
  showFinished() {
    const images = this.message.images ?? [];
    const growing = this.boxes;
    this.boxes = [];
    this.state.remove();
    this.node.hidden = images.length === 0;
    this.node.replaceChildren(...images.map((image, at) => this.figure(image, growing[at])));
  }

  /** @param {Picture} picture @param {HTMLElement | undefined} before where it was drawn */
  figure(picture, before) {
    const { url, thumbnail, alt } = picture;
    const size = shownSize(picture);
    const loading = before ? "eager" : "lazy";
    const image = el("img", { loading, decoding: "async", ...size, alt });
    image.setAttribute("srcset", `${thumbnail} 1x, ${url} 2x`);
    image.setAttribute("src", thumbnail);
    const link = el("a", { href: url, className: "picture", title: t("pictureFull") }, image);
    fit(link, picture);
    // Until it is here, the last preview stays behind it.
    const preview = before?.querySelector(".preview");
    if (preview) {
      link.prepend(preview);
      image.addEventListener("load", () => preview.remove(), { once: true });
    }
    link.addEventListener("click", (event) => {
      if (event.ctrlKey || event.metaKey || event.shiftKey) return;
      event.preventDefault();
      showPicture(picture, this.prompt());
    });
    return link;
  }

  /** Nobody reads on: no sign of more to come. */
  leave() {
    this.state.remove();
  }
}

/** @param {Canvas} canvas */
function box(canvas) {
  const node = el("div", { className: "picture" });
  fit(node, canvas);
  return node;
}

/** @param {HTMLElement} node @param {{width: number, height: number}} size */
function fit(node, size) {
  const { width, height } = shownSize(size);
  node.style.width = `${width}px`;
  node.style.aspectRatio = `${width} / ${height}`;
}

/**
 * The old one stays on the page until the browser has read the new one.
 * @param {HTMLElement} box
 * @param {string} src
 */
function show(box, src) {
  let preview = box.querySelector("img");
  if (!preview) {
    preview = /** @type {HTMLImageElement} */ (el("img", { className: "preview", alt: "" }));
    box.prepend(preview);
  }
  preview.src = src;
}
