/**
 * The page's words, translated by the server and handed over as JSON.
 */

import { readJson } from "./dom.js";

/** @type {Record<string, string> | undefined} */
let strings;

/**
 * @param {string} key
 * @param {Record<string, string | number>} [values] for `{name}` in the text
 */
export function t(key, values = {}) {
  strings ??= /** @type {Record<string, string>} */ (readJson("page-data").strings);
  const text = strings[key] ?? key;
  return text.replace(/\{(\w+)\}/g, (whole, name) => String(values[name] ?? whole));
}

/** @param {string} key @returns {boolean} */
export function hasString(key) {
  t(key);
  return Object.hasOwn(strings ?? {}, key);
}

/**
 * Sentences in a row; Chinese puts no space between them.
 * @param {...string} parts empty ones are left out
 */
export function sentences(...parts) {
  const gap = document.documentElement.lang.startsWith("zh") ? "" : " ";
  return parts.filter(Boolean).join(gap);
}

/**
 * @param {number} ms
 * @returns {string} in seconds, from a minute on with minutes: `12 sec`, `1 min 5 sec`
 */
export function formatDuration(ms) {
  const seconds = Math.max(1, Math.round(ms / 1000));
  const minutes = Math.floor(seconds / 60);
  const parts = minutes ? [unit(minutes, "minute")] : [];
  if (seconds % 60 || !minutes) parts.push(unit(seconds % 60, "second"));
  return parts.join(" ");
}

/** @param {number} seconds @returns {string} about so long: `5 seconds`, `2 hours` */
export function formatWait(seconds) {
  if (seconds < 100) return unit(seconds, "second", { unitDisplay: "long" });
  if (seconds < 5400) return unit(Math.ceil(seconds / 60), "minute", { unitDisplay: "long" });
  return unit(Math.ceil(seconds / 3600), "hour", { unitDisplay: "long" });
}

/** @param {number} ms @returns {string} such as `0.42 sec` */
export function formatSeconds(ms) {
  return unit(ms / 1000, "second", { maximumFractionDigits: ms < 10_000 ? 2 : 0 });
}

/**
 * @param {number} value
 * @param {string} name of the unit
 * @param {Intl.NumberFormatOptions} [more]
 */
function unit(value, name, more) {
  const language = document.documentElement.lang || undefined;
  const format = new Intl.NumberFormat(language, { style: "unit", unit: name, unitDisplay: "short", ...more });
  return format.format(value);
}

/** @param {number} value @returns {string} as the page's language writes it */
export function formatNumber(value) {
  return value.toLocaleString(document.documentElement.lang || undefined);
}
