/**
 * What can be done with a conversation in the list.
 *
 * @typedef {import("./listing.js").Conversation} Conversation
 */

import { conversations } from "../api.js";
import { announce } from "../status.js";
import { t } from "../strings.js";
import { renameIn } from "./rename.js";
import { RowMenu } from "./row-menu.js";
import { chooseTags } from "./tags.js";
import { offerUndo } from "./undo.js";

/** @param {Conversation} item */
const named = ({ title }) => ({ title: title || t("untitled") });

export class Organiser {
  /** @param {import("./sidebar.js").Sidebar} sidebar */
  constructor(sidebar) {
    this.sidebar = sidebar;
    this.menu = new RowMenu();
    /** Whether a row is a field just now. */
    this.renaming = false;
  }

  /** @param {Conversation} item */
  open(item) {
    const { pinned, archived } = item;
    const opener = () => this.sidebar.rows.of(item.id)?.querySelector("button");
    this.menu.open(opener, named(item).title, [
      { name: "rename", icon: "edit", run: () => void this.rename(item) },
      { name: pinned ? "unpin" : "pin", icon: "pin", run: () => void this.change(item, { pinned: !pinned }) },
      { name: "tagsEdit", icon: "tag", run: () => void this.tag(item) },
      { name: archived ? "unarchive" : "archive", icon: "archive", run: () => void this.archive(item) },
      { name: "delete", icon: "trash", run: () => void this.remove(item) },
    ]);
  }

  /** @param {Conversation} item */
  async rename(item) {
    const row = this.sidebar.rows.of(item.id);
    if (!row) return; // it was taken away meanwhile
    this.renaming = true;
    const title = await renameIn(row, item.title);
    this.renaming = false;
    if (title === null) this.sidebar.draw();
    else await this.change(item, { title });
  }

  /** @param {Conversation} item @param {object} changes @returns {Promise<boolean>} */
  change(item, changes) {
    return this.act(async () => {
      this.sidebar.onConversation("updated", await conversations.change(item.id, changes));
    });
  }

  /** @param {Conversation} item */
  async tag(item) {
    await this.act(async () => {
      const tags = await chooseTags(item.tags);
      if (tags) await this.change(item, { tags });
      await this.sidebar.finder.loadTags();
    });
  }

  /** @param {Conversation} item */
  async archive(item) {
    const archived = !item.archived;
    if (!(await this.change(item, { archived }))) return;
    const said = t(archived ? "archivedNamed" : "unarchivedNamed", named(item));
    offerUndo(said, () => void this.change(item, { archived: !archived }));
  }

  /** @param {Conversation} item */
  async remove(item) {
    await this.act(async () => {
      const wasOpen = item.id === this.sidebar.current;
      await conversations.remove(item.id);
      this.sidebar.onConversation("deleted", item);
      offerUndo(t("deletedNamed", named(item)), () => void this.restore(item, wasOpen));
      this.sidebar.hooks.onDeleted(item.id);
    });
  }

  /** @param {Conversation} item @param {boolean} wasOpen */
  async restore(item, wasOpen) {
    await this.act(async () => {
      this.sidebar.onConversation("created", await conversations.restore(item.id));
      announce(t("restored"));
      if (wasOpen) this.sidebar.hooks.onOpen(item.id);
      else this.sidebar.rows.focus(item.id);
    });
  }

  /** @param {() => Promise<void>} change @returns {Promise<boolean>} whether it went well */
  async act(change) {
    try {
      await change();
      return true;
    } catch (error) {
      this.sidebar.draw();
      this.sidebar.showProblem(error);
      return false;
    }
  }
}
