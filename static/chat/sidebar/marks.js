/** What was looked for, marked where it was found. */

import { el } from "../dom.js";

/**
 * @param {string} text
 * @param {[number, number][]} ranges in code points, in order
 * @returns {(Node | string)[]}
 */
export function marked(text, ranges) {
  const points = Array.from(text);
  /** @type {(Node | string)[]} */
  const parts = [];
  let at = 0;
  for (const [begin, end] of ranges) {
    parts.push(points.slice(at, begin).join(""), el("mark", {}, points.slice(begin, end).join("")));
    at = end;
  }
  parts.push(points.slice(at).join(""));
  return parts.filter(Boolean);
}
