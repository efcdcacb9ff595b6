/**
 * Staying at the end of a growing text, until the reader wants to look elsewhere.
 */

const NEAR = 48;

export class Stick {
  /**
   * @param {HTMLElement} scroller
   * @param {HTMLElement} content what grows in it; busy parts of it are being written
   * @param {HTMLElement} button shown when there is new text below
   */
  constructor(scroller, content, button) {
    this.scroller = scroller;
    this.content = content;
    this.button = button;
    this.stuck = true;
    this.top = 0;
    scroller.addEventListener("scroll", () => this.scrolled(), { passive: true });
    button.addEventListener("click", () => this.toEnd());
    new ResizeObserver(() => this.grown()).observe(content);
    new ResizeObserver(() => this.grown()).observe(scroller);
  }

  get distance() {
    const { scrollHeight, scrollTop, clientHeight } = this.scroller;
    return scrollHeight - scrollTop - clientHeight;
  }

  scrolled() {
    const { scrollTop } = this.scroller;
    // Only the reader scrolls up: growing text moves nothing, and we only go down.
    if (scrollTop < this.top - 1 && this.distance > 1) this.stuck = false;
    if (this.distance < NEAR && scrollTop >= this.top) this.stuck = true;
    this.top = scrollTop;
    if (this.stuck) this.button.hidden = true;
  }

  grown() {
    if (this.stuck) return this.jump();
    // What the reader unfolds is no news.
    const news = this.content.querySelector("[aria-busy]") !== null;
    if (this.distance < NEAR) this.button.hidden = true;
    else if (news) this.button.hidden = false;
  }

  jump() {
    this.scroller.scrollTop = this.scroller.scrollHeight;
    this.top = this.scroller.scrollTop;
  }

  toEnd() {
    this.stuck = true;
    this.button.hidden = true;
    this.jump();
  }

  /** Change what stands above without moving what is being read. @param {() => void} change */
  keepPlace(change) {
    const before = this.scroller.scrollHeight;
    change();
    this.scroller.scrollTop += this.scroller.scrollHeight - before;
    this.top = this.scroller.scrollTop;
  }
}
