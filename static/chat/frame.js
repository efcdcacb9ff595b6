/**
 * Drawing at most once a frame, and less often where a drawing is expensive.
 */

// The next drawing waits this many times as long as the last one took, and a frame at
// least: letters that only lengthen a word cost nothing, and come with every frame.
const REST = 5;
const FRAME = 17;
const CHEAP = 0.3;

export class FrameLoop {
  /** @param {() => void} draw */
  constructor(draw) {
    this.draw = draw;
    this.handle = 0;
    this.notBefore = 0;
  }

  /** Draw in the next frame that is free for it. */
  request() {
    if (!this.handle) this.handle = requestAnimationFrame((now) => this.tick(now));
  }

  /** @param {number} now */
  tick(now) {
    this.handle = 0;
    if (now < this.notBefore) return this.request();
    this.flush();
  }

  /** Draw now. A hidden page has no frames, but its text must be right at the end. */
  flush() {
    this.cancel();
    const began = performance.now();
    this.draw();
    const ended = performance.now();
    const took = ended - began;
    this.notBefore = took < CHEAP ? 0 : ended + Math.max(FRAME, REST * took);
  }

  cancel() {
    cancelAnimationFrame(this.handle);
    this.handle = 0;
  }
}
