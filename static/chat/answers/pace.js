/**
 * How fast a text is let through. Pure: no page, no clock; times in milliseconds.
 *
 * @typedef {object} Pace
 * @property {(count: number, now: number) => void} arrived so many characters
 * @property {(elapsed: number, now: number) => number} allowed how many may be shown
 *   now; `elapsed` since it was asked last, while some were waiting
 * @property {(shown: string, next: string) => void} shown these were, and that
 *   character follows ("": not known yet)
 * @property {(now: number) => void} hurry nothing comes any more
 */

const SHORTEST = 80;
const LONGEST = 450;
// As long as the usual gap between two arrivals, and a bit: so one piece is just
// being finished when the next one comes.
const GAPS = 1.5;
const LAST = 200;
// Arrivals within a frame are one.
const TOGETHER = 16;

/**
 * Follows the rate at which text arrives: each piece is spread evenly over the time
 * to the next one. Every character has a time by which it is shown, at most half a
 * second after it came; the speed is the lowest that keeps all of them.
 * @implements {Pace}
 */
export class SmoothPace {
  constructor() {
    /** @type {{upTo: number, due: number}[]} characters that are not shown yet */
    this.pieces = [];
    this.gap = SHORTEST;
    this.last = 0;
    this.total = 0;
    this.done = 0;
    this.credit = 0;
  }

  /** @param {number} count @param {number} now */
  arrived(count, now) {
    this.total += count;
    const newest = this.pieces.at(-1);
    if (newest && now - this.last < TOGETHER) {
      newest.upTo = this.total;
      return;
    }
    if (this.last) this.gap += 0.3 * (Math.min(now - this.last, LONGEST) - this.gap);
    this.last = now;
    const spread = Math.min(Math.max(GAPS * this.gap, SHORTEST), LONGEST);
    this.pieces.push({ upTo: this.total, due: now + spread });
  }

  /** @param {number} elapsed @param {number} now */
  allowed(elapsed, now) {
    let speed = 0;
    let late = 0;
    for (const { upTo, due } of this.pieces) {
      // What would be due before the next frame is due now.
      if (due - now <= TOGETHER) late = upTo - this.done;
      else speed = Math.max(speed, (upTo - this.done) / (due - now));
    }
    this.credit += speed * elapsed;
    return Math.max(late, Math.floor(this.credit));
  }

  /** @param {string} text */
  shown(text) {
    this.done += text.length;
    this.credit = Math.max(0, this.credit - text.length);
    while (this.pieces.length && this.pieces[0].upTo <= this.done) this.pieces.shift();
    if (!this.pieces.length) this.credit = 0;
  }

  /** @param {number} now */
  hurry(now) {
    for (const piece of this.pieces) piece.due = Math.min(piece.due, now + LAST);
  }
}

// In characters of the same speed: where a reader who speaks would breathe.
const SENTENCE = 12;
const PHRASE = 4;
const ENDS = /[。！？…；!?]["'”’）)」』]*$/;
const STOPS = /[.:;]["'”’)]*$/;
const PARTS = /[，、,：—]$/;

/**
 * The same speed however fast the text comes, with a rest at the end of a sentence.
 * @implements {Pace}
 */
export class FixedPace {
  /** @param {number} speed characters per second */
  constructor(speed) {
    this.speed = speed / 1000;
    this.credit = 1;
  }

  arrived() {}

  /** @param {number} elapsed */
  allowed(elapsed) {
    this.credit = Math.min(this.credit + elapsed * this.speed, Math.max(1, 100 * this.speed));
    return Math.floor(this.credit);
  }

  /** @param {string} text @param {string} next */
  shown(text, next) {
    this.credit -= text.length + rest(text, next);
  }

  hurry() {}
}

/**
 * How long to rest behind a text, in characters.
 * @param {string} text
 * @param {string} next
 */
export function rest(text, next) {
  // `3.14` and `10:30` are no sentences; Chinese needs no space to end one.
  if (/^\S/.test(next) && STOPS.test(text)) return 0;
  if (text.endsWith("\n\n") || ENDS.test(text) || STOPS.test(text)) return SENTENCE;
  return PARTS.test(text) ? PHRASE : 0;
}
