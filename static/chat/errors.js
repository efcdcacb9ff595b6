/**
 * Errors in the reader's words: what happened, what was kept, what to do next.
 */

import { el, readJson } from "./dom.js";
import { formatWait, hasString, sentences, t } from "./strings.js";

/**
 * @typedef {object} Told
 * @property {string} what
 * @property {string} next what was kept and what to do
 * @property {boolean} retryable
 * @property {boolean} signIn
 */

// Problems whose words are ours. The API's own refusals come translated already.
const BY_CODE = {
  network: "network",
  engine_failed: "engine",
  engine_unavailable: "unavailable",
  upstream_unavailable: "unavailable",
  upstream_error: "unavailable",
  check_unavailable: "unchecked",
  generation_timeout: "timeout",
  context_length_exceeded: "context",
  out_of_memory: "memory",
  storage_full: "storage",
  picture_unreadable: "engine",
  picture_not_stored: "unstored",
  too_many_attempts: "interrupted",
  model_not_found: "model",
  model_not_allowed: "closed",
  internal_error: "internal",
  csrf_failed: "forbidden",
};
// Only of failed answers: the API refuses a question in its own words.
const OF_ANSWERS = { content_filter: "refused" };
const BY_STATUS = { 401: "signedOut", 403: "forbidden", 413: "context", 429: "rate" };

/**
 * @param {any} error
 * @param {boolean} stored the message was written for no reader in particular
 */
function kindOf(error, stored) {
  if (BY_CODE[error.code]) return BY_CODE[error.code];
  if (stored && OF_ANSWERS[error.code]) return OF_ANSWERS[error.code];
  if (error.message && !stored && error.status !== 401) return null;
  if (BY_STATUS[error.status]) return BY_STATUS[error.status];
  return error.status >= 500 ? "unavailable" : "unknown";
}

/**
 * @param {any} error an `ApiError`, or the `Problem` of a failed answer
 * @param {"question" | "answer" | "picture" | "action"} about decides what was kept
 * @returns {Told}
 */
export function explain(error, about) {
  const fault = error instanceof Error && error.name !== "ApiError";
  let kind = fault ? "internal" : kindOf(error, about === "answer" || about === "picture");
  // Some things are told differently of pictures.
  if (about === "picture" && hasString(`error_${kind}Picture`)) kind = `${kind}Picture`;
  const kept = { question: t("keptQuestion"), answer: t("keptAnswer"), picture: t("keptPicture"), action: "" }[about];
  const wait = error.retryAfter ? t("errorWait", { time: formatWait(error.retryAfter) }) : "";
  const next = kind && hasString(`error_${kind}_next`) ? t(`error_${kind}_next`) : "";
  return {
    what: kind ? t(`error_${kind}`) : error.message,
    next: sentences(kept, wait || next),
    retryable: Boolean(error.retryable),
    signIn: error.status === 401,
  };
}

/**
 * @param {Told} told
 * @param {(() => void) | null} onRetry
 * @returns {HTMLElement}
 */
export function noticeBox(told, onRetry) {
  const buttons = [];
  if (told.signIn) {
    const next = encodeURIComponent(location.pathname);
    const href = `${readJson("page-data").loginUrl}?next=${next}`;
    buttons.push(el("a", { href, className: "button" }, t("signInAgain")));
  } else if (told.retryable && onRetry) {
    buttons.push(el("button", { type: "button", onclick: onRetry }, t("retry")));
  }
  return el(
    "div",
    { className: "notice", role: "group", "aria-label": t("problem") },
    el("p", {}, el("strong", {}, told.what), " ", told.next),
    ...buttons,
  );
}
