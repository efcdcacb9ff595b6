/**
 * The messages of the open conversation, in order.
 *
 * @typedef {import("./messages/message.js").Message} Message
 */

import { byId } from "./dom.js";
import { AssistantView } from "./messages/assistant.js";
import { UserView } from "./messages/user.js";
import { Stick } from "./scroll.js";

export class Transcript {
  /**
   * @param {import("./messages/message.js").Actions} actions
   * @param {() => void} onOlder the reader wants what stands above
   */
  constructor(actions, onOlder) {
    this.actions = actions;
    this.list = byId("messages");
    this.older = byId("older");
    this.welcome = byId("welcome");
    this.stick = new Stick(byId("scroller"), byId("content"), byId("new-text"));
    this.older.addEventListener("click", onOlder);
    /** @type {(UserView | AssistantView)[]} */
    this.views = [];
  }

  /** @param {Message} message */
  view(message) {
    return new (message.role === "user" ? UserView : AssistantView)(message, this.actions);
  }

  /**
   * Replace everything.
   * @param {Message[]} messages
   * @param {boolean} hasOlder
   */
  show(messages, hasOlder) {
    this.views = messages.map((message) => this.drawn(message));
    // A new element: the old one, filled anew, would count as a shift of the layout.
    const before = this.list;
    this.list = /** @type {HTMLElement} */ (before.cloneNode(false));
    this.list.append(...this.views.map((view) => view.node));
    before.replaceWith(this.list);
    this.changed(hasOlder);
    this.stick.toEnd();
  }

  /** @param {Message[]} messages @param {boolean} hasOlder */
  showOlder(messages, hasOlder) {
    const views = messages.map((message) => this.drawn(message));
    this.views.unshift(...views);
    this.stick.keepPlace(() => this.list.prepend(...views.map((view) => view.node)));
    this.changed(hasOlder);
  }

  /**
   * Bring the end in line with `messages`, the last ones of a path.
   * @param {Message[]} messages
   * @param {boolean} hasOlder whether others stand before them
   * @returns {boolean} whether nothing that was shown is left
   */
  merge(messages, hasOlder) {
    const start = this.views.findIndex(({ message }) => message.id === messages[0]?.id);
    if (start < 0) {
      this.show(messages, hasOlder);
      return true;
    }
    let same = 0;
    while (this.stays(this.views[start + same], messages[same])) same += 1;
    this.cut(start + same);
    for (const message of messages.slice(same)) this.add(message);
    return false;
  }

  /**
   * @param {UserView | AssistantView | undefined} view
   * @param {Message | undefined} message as it is stored
   */
  stays(view, message) {
    if (!view || !message || view.message.id !== message.id) return false;
    if (view.message.status !== message.status) return false;
    if (String(view.message.siblings) !== String(message.siblings)) {
      view.message.siblings = message.siblings;
      view.settle();
    }
    return true;
  }

  /** @param {Message} message */
  drawn(message) {
    const view = this.view(message);
    if (view instanceof AssistantView) {
      const growing = message.status === "queued" || message.status === "running";
      if (growing) view.showGrowing();
      else view.showFinished();
    }
    return view;
  }

  /**
   * @param {Message} message
   * @returns {UserView | AssistantView}
   */
  add(message) {
    const view = this.drawn(message);
    this.views.push(view);
    this.list.append(view.node);
    this.changed();
    return view;
  }

  /** Bring a message into sight. @param {string} id @returns {boolean} whether it is here */
  reveal(id) {
    const view = this.views.find(({ message }) => message.id === id);
    if (!view) return false;
    view.node.scrollIntoView({ block: "center" });
    view.node.classList.add("found");
    view.node.addEventListener("animationend", () => view.node.classList.remove("found"), { once: true });
    return true;
  }

  /** Remove the message at `index` and all behind it. @param {number} index */
  cut(index) {
    const gone = this.views.splice(index);
    gone.forEach((view) => view.node.remove());
    this.changed();
    return gone;
  }

  /** Put back what `cut` took. @param {(UserView | AssistantView)[]} views */
  restore(views) {
    this.views.push(...views);
    this.list.append(...views.map((view) => view.node));
    this.changed();
  }

  /** What an answer answers. @param {Message} message */
  promptOf(message) {
    return this.views[this.indexOf(message) - 1]?.message.content ?? message.images?.[0]?.alt ?? "";
  }

  /** @param {Message} message */
  indexOf(message) {
    return this.views.findIndex((view) => view.message === message);
  }

  /** @param {boolean} [hasOlder] */
  changed(hasOlder) {
    if (hasOlder !== undefined) this.older.hidden = !hasOlder;
    this.welcome.hidden = this.views.length > 0;
    document.body.classList.toggle("empty", this.views.length === 0);
  }
}
