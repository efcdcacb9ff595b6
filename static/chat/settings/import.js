/**
 * Bringing conversations from a file: sent as it is, and what became of it.
 */

import { call } from "../api.js";
import { byId, el } from "../dom.js";
import { explain, noticeBox } from "../errors.js";
import { announce } from "../status.js";
import { formatNumber, sentences, t } from "../strings.js";

const PROBLEMS_SHOWN = 5;

/**
 * @typedef {object} Report
 * @property {number} imported
 * @property {number} unchanged
 * @property {number} skipped
 * @property {{field: string, message: string}[]} problems
 */

/** @param {Report} report @returns {string} */
function summary(report) {
  const { imported, unchanged, skipped } = report;
  return sentences(
    t("imported", { count: formatNumber(imported) }),
    unchanged ? t("importUnchanged", { count: formatNumber(unchanged) }) : "",
    skipped ? t("importSkipped", { count: formatNumber(skipped) }) : "",
  );
}

/** @param {Report} report */
function box(report) {
  const shown = report.problems.slice(0, PROBLEMS_SHOWN);
  const rows = shown.map(({ field, message }) => el("li", {}, el("code", {}, field), ` ${message}`));
  return el("div", {}, el("p", {}, summary(report)), el("ul", { className: "facts" }, ...rows));
}

/** @param {File} file @param {HTMLInputElement} input */
async function bring(file, input) {
  const place = byId("import-result");
  input.disabled = true;
  place.replaceChildren(el("p", {}, t("importing", { name: file.name })));
  announce(t("importing", { name: file.name }));
  try {
    const report = await call("POST", "/api/import", file);
    place.replaceChildren(box(report));
    announce(summary(report));
  } catch (error) {
    const told = explain(error, "action");
    place.replaceChildren(noticeBox(told, () => void bring(file, input)));
    announce(told.what);
  }
  input.disabled = false;
}

/** What the page calls: a chosen file is taken at once. */
export function takeFiles() {
  const input = /** @type {HTMLInputElement} */ (byId("import-file"));
  input.addEventListener("change", () => {
    const file = input.files?.[0];
    if (file) void bring(file, input);
    // Choosing the same file once more is another change.
    input.value = "";
  });
}
