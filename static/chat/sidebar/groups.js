/**
 * Conversations by when something happened there last, in the reader's own days.
 * `chat/pages/first.py` groups the first page of them in the same way.
 *
 * @typedef {import("./listing.js").Conversation} Conversation
 */

import { t } from "../strings.js";

const DAY = 24 * 60 * 60 * 1000;

/** @param {Date} date @returns {number} its day, as a number that grows by one a day */
function dayOf(date) {
  return Math.round(Date.UTC(date.getFullYear(), date.getMonth(), date.getDate()) / DAY);
}

/**
 * @param {Conversation} conversation
 * @param {Date} [now]
 * @returns {string} the heading it stands under
 */
export function groupOf({ pinned, updated }, now = new Date()) {
  if (pinned) return t("groupPinned");
  const date = new Date(updated);
  const days = dayOf(now) - dayOf(date);
  if (days <= 0) return t("groupToday");
  if (days === 1) return t("groupYesterday");
  if (days <= 7) return t("groupWeek");
  if (days <= 30) return t("groupMonth");
  const language = document.documentElement.lang || undefined;
  return date.toLocaleDateString(language, { month: "long", year: "numeric" });
}

/**
 * @param {Conversation[]} conversations in the order in which they are listed
 * @returns {[string, Conversation[]][]}
 */
export function grouped(conversations) {
  const now = new Date();
  /** @type {[string, Conversation[]][]} */
  const groups = [];
  for (const one of conversations) {
    const label = groupOf(one, now);
    if (groups.at(-1)?.[0] !== label) groups.push([label, []]);
    groups.at(-1)?.[1].push(one);
  }
  return groups;
}

/** Tell the server in which days the reader lives: it sends the first page. */
export function tellTimeZone() {
  const { timeZone } = Intl.DateTimeFormat().resolvedOptions();
  if (!timeZone) return;
  document.cookie = `timezone=${timeZone}; path=/; max-age=31536000; samesite=lax`;
}
