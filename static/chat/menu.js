/**
 * The menu of the open conversation: share it, take it along.
 */

import { byId } from "./dom.js";
import { explain } from "./errors.js";
import { announce } from "./status.js";

export class ConversationMenu {
  /** @param {() => string | null} conversation */
  constructor(conversation) {
    this.conversation = conversation;
    this.list = byId("conversation-actions");
    this.opener = byId("conversation-menu");
    this.list.addEventListener("beforetoggle", () => this.address());
    this.list.addEventListener("click", () => this.list.hidePopover());
    // The page's own Escape stops the answer; this one only closes the menu.
    this.list.addEventListener("keydown", (event) => this.onKey(event));
    this.opener.addEventListener("keydown", (event) => this.onKey(event));
    document.getElementById("share-conversation")?.addEventListener("click", () => void this.share());
  }

  /** Let the links lead to the conversation that is open now. */
  address() {
    const id = this.conversation();
    for (const link of this.list.querySelectorAll("a")) {
      link.href = `/api/conversations/${id}/export?format=${link.dataset.format}`;
    }
  }

  /** @param {KeyboardEvent} event */
  onKey(event) {
    if (event.key !== "Escape" || !this.list.matches(":popover-open")) return;
    event.preventDefault();
    this.list.hidePopover();
    this.opener.focus();
  }

  async share() {
    const id = this.conversation();
    if (!id) return;
    try {
      const { ShareDialog } = await import("./sharing/dialog.js");
      new ShareDialog(id).open();
    } catch (error) {
      announce(explain(error, "action").what);
    }
  }
}
