/**
 * The page's one live region. Tokens never go there: a screen reader would stutter.
 * It says that an answer began, ended or failed; the text is read where it stands.
 */

import { byId } from "./dom.js";

/** @param {string} text */
export function announce(text) {
  // What is outside an open dialog is not heard.
  const region = document.querySelector("dialog[open] [role=status]") ?? byId("status");
  // The same words twice are only heard twice if the region was empty in between.
  region.textContent = "";
  setTimeout(() => {
    region.textContent = text;
  }, 50);
}
