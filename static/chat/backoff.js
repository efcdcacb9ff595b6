/**
 * How long to wait before the next try, and what ends the wait early.
 */

const LONGEST = 15_000;

/**
 * Doubles with each failure; the jitter keeps a thousand pages from coming back in
 * the same instant after a restart.
 * @param {number} failures in a row, from 1
 * @param {number} base in milliseconds
 */
export function delayFor(failures, base = 1000) {
  const longest = Math.min(LONGEST, base * 2 ** Math.min(failures - 1, 10));
  return longest * (0.5 + Math.random() * 0.5);
}

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
