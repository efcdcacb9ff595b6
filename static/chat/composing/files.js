/**
 * A question as its writer sees it: the words, and the files folded up.
 */

import { el } from "../dom.js";
import { formatNumber, t } from "../strings.js";
import { split } from "./attachments.js";

/** @param {string} prompt @returns {(Node | string)[]} */
export function saidWith(prompt) {
  const { text, files } = split(prompt);
  const folded = files.map(({ name, text: inside }) => {
    const summary = t("attached", { name, count: formatNumber(inside.length) });
    return el("details", { className: "file" }, el("summary", {}, summary), el("pre", { dir: "auto" }, inside));
  });
  return [text, ...folded];
}
