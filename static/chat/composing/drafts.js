/**
 * What was written but not sent, per conversation, for as long as the tab lives.
 *
 * @typedef {import("./attachments.js").File} File
 * @typedef {{text: string, files: File[]}} Draft
 */

/** @param {string | null} conversation */
function keyOf(conversation) {
  return `draft:${conversation ?? ""}`;
}

/** @param {string | null} conversation @returns {Draft} */
export function readDraft(conversation) {
  try {
    const kept = JSON.parse(sessionStorage.getItem(keyOf(conversation)) ?? "null");
    return { text: String(kept?.text ?? ""), files: Array.isArray(kept?.files) ? kept.files : [] };
  } catch {
    return { text: "", files: [] };
  }
}

/** @param {string | null} conversation @param {Draft} draft */
export function keepDraft(conversation, draft) {
  try {
    if (draft.text || draft.files.length) sessionStorage.setItem(keyOf(conversation), JSON.stringify(draft));
    else sessionStorage.removeItem(keyOf(conversation));
  } catch {
    // Storage is full or forbidden: the draft lives as long as the page.
  }
}
