/**
 * Shows text as if it were written: evenly, however unevenly it comes.
 *
 * What a reader sees as one character (a joined emoji, a letter with its accent) is
 * never shown by halves. A hidden page, and a reader who wants less motion, get the
 * text as it comes.
 */

import { FixedPace, SmoothPace } from "./pace.js";

// So much is looked at to find where a character ends.
const AHEAD = 64;
// A mark that belongs to the last character comes at once or not at all.
const MARK_WITHIN = 150;
// Where a rest may come: a mark, and what closes behind it.
const BREATH = /[\n。！？…；，、：!?.,:;—]+["'”’)）」』]*/;
const JOINS_NEXT = /[\u200d\ud800-\udbff]$/;

const segmenter = "Segmenter" in Intl ? new Intl.Segmenter(undefined, { granularity: "grapheme" }) : null;
const lessMotion = matchMedia("(prefers-reduced-motion: reduce)");
// Asking costs the browser a look at the styles, and it would be asked for each piece.
let calm = lessMotion.matches;
lessMotion.addEventListener("change", () => (calm = lessMotion.matches));

/** @typedef {{typewriter: "smooth" | "fixed" | "off", typewriterSpeed: number}} Wishes */

/** Whether it joins no neighbour of its kind: Latin letters, and what stands between. @param {number} code */
function isPlain(code) {
  return code >= 0x20 && code < 0x300;
}

/**
 * Where the character that begins before `at` ends.
 * @param {string} text
 * @param {number} at
 */
export function characterEnd(text, at) {
  if (at <= 0 || at >= text.length) return Math.min(Math.max(at, 0), text.length);
  if (isPlain(text.charCodeAt(at - 1)) && isPlain(text.charCodeAt(at))) return at;
  const found = segmenter?.segment(text.slice(0, at + AHEAD)).containing(at);
  if (found) return found.index === at ? at : found.index + found.segment.length;
  return JOINS_NEXT.test(text.slice(0, at)) ? at + 1 : at;
}

export class Typewriter {
  /**
   * @param {(text: string) => void} show more text
   * @param {Wishes} wishes
   */
  constructor(show, { typewriter, typewriterSpeed }) {
    this.show = show;
    this.mode = typewriter;
    this.speed = typewriterSpeed;
    this.hidden = () => document.visibilityState === "hidden" && this.skip();
    this.clear();
  }

  /** Forget everything: the text begins anew. */
  clear() {
    cancelAnimationFrame(this.handle ?? 0);
    document.removeEventListener("visibilitychange", this.hidden);
    this.handle = 0;
    this.waiting = "";
    this.pace = this.mode === "fixed" ? new FixedPace(this.speed) : new SmoothPace();
    this.lastArrival = 0;
    this.lastFrame = 0;
    /** @type {(() => void) | null} */
    this.onEnd = null;
  }

  get direct() {
    return this.mode === "off" || calm || document.visibilityState === "hidden";
  }

  /** @param {string | undefined} text behind what there is */
  append(text) {
    if (!text) return;
    this.waiting += text;
    if (this.direct) return this.skip();
    const now = performance.now();
    this.lastArrival = now;
    this.pace.arrived(text.length, now);
    this.request(now);
  }

  /** @param {number} now */
  request(now) {
    if (this.handle) return;
    this.lastFrame = now;
    document.addEventListener("visibilitychange", this.hidden);
    this.handle = requestAnimationFrame((time) => this.tick(time));
  }

  /** @param {number} time of the frame: it may lie before what came since */
  tick(time) {
    const now = Math.max(time, this.lastFrame);
    let elapsed = now - this.lastFrame;
    this.lastFrame = now;
    this.handle = 0;
    while (this.waiting && this.type(this.pace.allowed(elapsed, now), now)) elapsed = 0;
    if (this.waiting) this.handle = requestAnimationFrame((next) => this.tick(next));
    else this.skip();
  }

  /**
   * @param {number} count
   * @param {number} now
   * @returns {boolean} whether anything could be shown
   */
  type(count, now) {
    if (count <= 0) return false;
    const stop = this.mode === "fixed" ? BREATH.exec(this.waiting.slice(0, count + AHEAD)) : null;
    const end = stop ? Math.min(count, stop.index + stop[0].length) : count;
    const text = this.whole(characterEnd(this.waiting, end), now);
    if (!text) return false;
    this.waiting = this.waiting.slice(text.length);
    this.pace.shown(text, this.waiting.slice(0, 1));
    this.show(text);
    return true;
  }

  /**
   * The waiting text up to `end`, without a last character that may still grow.
   * @param {number} end
   * @param {number} now
   */
  whole(end, now) {
    const text = this.waiting.slice(0, end);
    if (end < this.waiting.length || this.onEnd) return text;
    const plain = text.charCodeAt(end - 1) < 128;
    const settled = plain || now - this.lastArrival > MARK_WITHIN;
    if (settled && !JOINS_NEXT.test(text)) return text;
    const found = segmenter?.segment(text.slice(-AHEAD)).containing(Math.min(end, AHEAD) - 1);
    return text.slice(0, -(found?.segment.length ?? 1));
  }

  /**
   * Nothing follows. Show the rest, soon.
   * @param {() => void} done when it is shown; at once if it is
   */
  end(done) {
    this.onEnd = done;
    if (!this.waiting || this.direct) return this.skip();
    this.pace.hurry(performance.now());
  }

  /** Show all there is, now. */
  skip() {
    const { waiting, onEnd } = this;
    this.waiting = "";
    cancelAnimationFrame(this.handle);
    this.handle = 0;
    document.removeEventListener("visibilitychange", this.hidden);
    if (waiting) {
      this.pace.shown(waiting, "");
      this.show(waiting);
    }
    this.onEnd = null;
    onEnd?.();
  }
}
