/**
 * How long to wait before the next try, and what ends the wait early.
 */

export { delayFor } from "./sse.js";

/**
 * The network or the reader coming back ends it early.
 * @param {number} ms
 * @param {AbortSignal} signal
 * @returns {Promise<void>} resolves also when aborted: the caller looks
 */
export function pause(ms, signal) {
  return new Promise((resolve) => {
    const end = () => {
      clearTimeout(timer);
      signal.removeEventListener("abort", end);
      window.removeEventListener("online", end);
      window.removeEventListener("pageshow", end);
      document.removeEventListener("visibilitychange", seen);
      resolve();
    };
    const seen = () => document.visibilityState === "visible" && end();
    const timer = setTimeout(end, ms);
    if (signal.aborted) return end();
    signal.addEventListener("abort", end);
    window.addEventListener("online", end);
    window.addEventListener("pageshow", end);
    document.addEventListener("visibilitychange", seen);
  });
}
