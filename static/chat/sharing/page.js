/**
 * A shared copy: draws the text that the server wrote into the page as markdown.
 * Without this the page can be read as well.
 */

import { BlockRenderer } from "../blocks.js";

// So long at most between two frames.
const SLICE = 12;

/** @param {HTMLElement} node whose text is markdown */
function draw(node) {
  const text = node.textContent ?? "";
  node.removeAttribute("data-markdown");
  new BlockRenderer(node).finish(text);
}

async function drawAll() {
  let began = performance.now();
  for (const node of /** @type {NodeListOf<HTMLElement>} */ (document.querySelectorAll("[data-markdown]"))) {
    draw(node);
    if (performance.now() - began < SLICE) continue;
    await new Promise((resolve) => setTimeout(resolve));
    began = performance.now();
  }
  document.documentElement.dataset.ready = "true";
}

void drawAll();
