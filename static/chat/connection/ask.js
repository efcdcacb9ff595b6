/**
 * Ask, and get no more than the answer's name: it is watched over the page's one
 * connection, so that the request ends at once.
 *
 * Should it be lost before it is answered, it is sent again with the same
 * Idempotency-Key, for which the server starts nothing twice.
 *
 * @typedef {object} Started the data of a `start` event
 * @property {string} generation
 * @property {string} conversation
 * @property {string} user_message
 * @property {string} message
 * @property {string} model
 * @property {number} attempt
 */

import { errorFrom, networkError, send } from "../api.js";
import { delayFor, pause } from "../backoff.js";

// The server answers when the question is stored, long before there is an answer.
const PATIENCE = 20_000;
// What says nothing about the question: a broken connection, or a proxy's error page.
const PASSING = new Set(["network", "http_502", "http_503", "http_504"]);

/** Random also where the page is not served over HTTPS. */
function newKey() {
  return crypto.randomUUID?.() ?? [...crypto.getRandomValues(new Uint32Array(4))].join("-");
}

/**
 * Send it until the server has it.
 * @param {{url: string, body: unknown}} question
 * @param {AbortSignal} signal gives up
 * @param {(lost: boolean) => void} onLost whether it could not be sent so far
 * @returns {Promise<Started | null>} null: given up; throws an `ApiError` when refused
 */
export async function ask({ url, body }, signal, onLost) {
  const headers = { Prefer: "respond-async", "Idempotency-Key": newKey() };
  for (let failures = 1; ; failures++) {
    try {
      const started = await post(url, { body, headers, signal });
      onLost(false);
      return started;
    } catch (error) {
      if (signal.aborted) return null;
      const { code, retryAfter } = /** @type {import("../api.js").ApiError} */ (error);
      if (!PASSING.has(code)) throw error;
      onLost(true);
      await pause(retryAfter ? retryAfter * 1000 : delayFor(failures), signal);
      if (signal.aborted) return null;
    }
  }
}

/**
 * @param {string} url
 * @param {{body: unknown, headers: Record<string, string>, signal: AbortSignal}} what
 * @returns {Promise<Started>} throws an `ApiError`
 */
async function post(url, { body, headers, signal }) {
  const limited = AbortSignal.any([signal, AbortSignal.timeout(PATIENCE)]);
  try {
    const response = await send("POST", url, { body, headers, signal: limited });
    if (!response.ok) throw await errorFrom(response);
    return await response.json();
  } catch (error) {
    if (/** @type {any} */ (error)?.name === "ApiError") throw error;
    // Too slow, or cut in the middle of the answer.
    throw networkError();
  }
}
