/**
 * One quiet line that says how the connection is, when it is not well.
 */

import { byId } from "../dom.js";
import { sentences, t } from "../strings.js";

export class ConnectionLine {
  constructor() {
    this.node = byId("connection");
    this.lost = false;
    this.unsent = false;
    this.answering = false;
  }

  /**
   * @param {{lost?: boolean, unsent?: boolean, answering?: boolean}} news `unsent`:
   *   a question waits for the connection; `answering`: an answer is expected
   */
  show(news) {
    Object.assign(this, news);
    const { lost, unsent, answering } = this;
    this.node.hidden = !lost && !unsent;
    if (this.node.hidden) return;
    const what = t(navigator.onLine ? "connectionLost" : "offline");
    const next = t(unsent ? "lostQuestion" : answering ? "lostAnswer" : "lostIdle");
    const words = sentences(what, next);
    // The line fades in: not again for the same words.
    if (this.node.textContent !== words) this.node.textContent = words;
  }
}
