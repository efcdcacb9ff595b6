/**
 * How this reader wants to read.
 *
 * @typedef {object} Preferences
 * @property {"smooth" | "fixed" | "off"} typewriter
 * @property {number} typewriterSpeed characters per second, when fixed
 * @property {boolean} remoteImages whether images may be fetched without asking
 */

import { readJson } from "./dom.js";

/** @type {Preferences} */
const USUAL = { typewriter: "smooth", typewriterSpeed: 40, remoteImages: false };

/** @type {Preferences | undefined} */
let wanted;

/** @returns {Preferences} */
export function preferences() {
  wanted ??= { ...USUAL, ...readJson("page-data").preferences };
  return wanted;
}
