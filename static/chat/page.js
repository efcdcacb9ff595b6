/**
 * The chat page: brings its parts together and keeps the address in step.
 */

import { conversations } from "./api.js";
import { Composer } from "./composer.js";
import { Connection } from "./connection/connection.js";
import { ConnectionLine } from "./connection/line.js";
import { DrawingTools } from "./composing/drawing.js";
import { ContextMeter } from "./composing/meter.js";
import { TemplatePicker } from "./composing/templates.js";
import { ConversationPane } from "./conversation.js";
import { ConversationSettings } from "./conversation-settings.js";
import { byId, readJson } from "./dom.js";
import { Drawer } from "./drawer.js";
import { explain } from "./errors.js";
import { ConversationMenu } from "./menu.js";
import { ModelChoice } from "./models.js";
import { Shortcuts } from "./shortcuts.js";
import { Sidebar } from "./sidebar/sidebar.js";
import { announce } from "./status.js";
import { sentences, t } from "./strings.js";

const data = readJson("page-data");
const drawer = new Drawer();
const choice = new ModelChoice(() => (drawing.draw(), meter.changed()));
const drawing = new DrawingTools(choice);

const composer = new Composer({
  maxChars: data.maxPromptChars,
  onSend: (text) => void pane.ask(text),
  onStop: () => stop(),
  onChange: () => meter.changed(),
});
const meter = new ContextMeter({
  // Those that draw do not read what was said.
  conversation: () => (drawing.on ? null : sidebar.current),
  model: () => choice.chosen,
  draft: () => composer.prompt,
});
new TemplatePicker({
  onChosen: (text) => composer.insert(text),
  written: () => composer.area.value.trim(),
});
const own = new ConversationSettings({
  conversation: () => sidebar.current,
  onSaved: () => meter.changed(),
});

new ConversationMenu(() => sidebar.current);
const line = new ConnectionLine();
const connection = new Connection({
  onConversation: (action, conversation) => {
    if (conversation.id === unlisted?.id) unlisted = action === "deleted" ? null : conversation;
    sidebar.onConversation(action, conversation);
    if (action !== "deleted") void pane.heard(conversation);
    // Our own wish to delete it is answered by then, or was taken back: it is listed.
    else setTimeout(() => conversation.id === pane.id && !current() && leaveDeleted(), 1000);
  },
  onBack: () => {
    void sidebar.refresh().then(showTitle);
    void pane.catchUp();
  },
  onState: () => {
    line.show({ lost: connection.lost });
    sidebar.setLive(connection.direct);
  },
});

const pane = new ConversationPane(connection, {
  model: () => choice.chosen,
  modelLike: (message) => choice.like(message),
  canvas: () => drawing.canvas,
  canGoOn: (model) => choice.continues(model),
  first: () => own.first,
  onStarted: (id) => {
    history.pushState(null, "", `/c/${id}/`);
    composer.moveDraft(id);
    sidebar.current = id;
    // The question took them along; failing to keep them harms no later one much.
    void own.started(id, pane.drawing).catch(() => {});
    void sidebar.refresh().then(showTitle);
  },
  onUnsent: (unsent) => line.show({ unsent }),
  onRunning: (running) => {
    composer.setBusy(running);
    line.show({ answering: running });
    // Leaving a conversation does not end its answer: only `onAnswered` says so.
    if (!running) return;
    announce(t(pane.drawing ? "drawing" : "answering"));
    if (pane.id) sidebar.markRunning(pane.id);
  },
  onAnswered: (answer, drawn) => {
    composer.clearNotice();
    meter.changed();
    announce(t(outcome(answer.status, drawn)));
    void sidebar.refresh().then(showTitle);
  },
  onProblem: (error, about, retry) => {
    const told = explain(error, about);
    // A question that was not taken is in the field again, perhaps changed by now.
    composer.showNotice(told, about === "question" ? () => composer.send() : retry);
    announce(sentences(told.what, told.next));
  },
  onReturned: (prompt) => composer.giveBack(prompt),
});

const sidebar = new Sidebar({
  onOpen: (id, message) => {
    if (id !== pane.id) history.pushState(null, "", `/c/${id}/`);
    drawer.set(false);
    void show(id, message);
  },
  onDeleted: (id) => {
    if (id === pane.id) startNew();
  },
  onRenamed: (id) => id === pane.id && showTitle(),
});

/** @param {string | null} id @param {string | null} [message] to begin at */
async function show(id, message) {
  // Not when all is read: by then the reader may have moved on, and is left there.
  composer.focus();
  composer.clearNotice();
  own.forget();
  choice.byReader = false;
  meter.show(null);
  sidebar.mark(id);
  composer.useDraft(id);
  if (id === null || current()) showTitle();
  if (id === null) pane.startNew();
  else if (message) await pane.openAt(id, message);
  else await pane.open(id);
  await settle();
}

function startNew() {
  if (location.pathname !== "/") history.pushState(null, "", "/");
  drawer.set(false);
  void show(null);
}

/** Another page deleted what is open here. */
function leaveDeleted() {
  startNew();
  const told = { what: t("deletedElsewhere"), next: "", retryable: false, signIn: false };
  composer.showNotice(told, null);
  announce(told.what);
}

/** @type {import("./sidebar/listing.js").Conversation | null} open, but too old for the list */
let unlisted = null;

function current() {
  const all = unlisted ? [...sidebar.items, unlisted] : sidebar.items;
  return all.find((one) => one.id === sidebar.current) ?? null;
}

/** Bring title and model in line with the open conversation. */
async function settle() {
  const id = sidebar.current;
  await listed;
  if (id && !current()) {
    // A failure needs no word here: the messages' own request says it.
    unlisted = await conversations.get(id).catch(() => null);
  }
  if (id !== sidebar.current) return;
  // A conversation goes on with the model it had; the lists may have come late.
  if (!choice.byReader) choice.use(current()?.model ?? null);
  showTitle();
}

function showTitle() {
  const title = current()?.title ?? "";
  byId("title").textContent = title || (sidebar.current ? "" : t("newChat"));
  document.title = title ? `${title} · Chatsite` : "Chatsite";
}

/** @param {string} status @param {boolean} drawn */
function outcome(status, drawn) {
  if (drawn) return { done: "drawn", stopped: "endStoppedPicture" }[status] ?? "drawFailed";
  return { done: "answered", stopped: "endStopped" }[status] ?? "answerFailed";
}

function stop() {
  composer.clearNotice();
  composer.showStopping();
  const { writing } = pane;
  void writing.stop().finally(() => {
    // Refused or unreachable: the button must work again.
    if (writing.live && !writing.live.stopping) composer.setBusy(true);
  });
}

/** @returns {string | null} the conversation the address names */
function addressed() {
  return /^\/c\/([0-9a-f-]{36})\/$/.exec(location.pathname)?.[1] ?? null;
}

window.addEventListener("popstate", () => {
  const id = addressed();
  // A link within the page, such as the one to the field, leaves open what is open.
  if (id !== pane.id) void show(id);
});
byId("new-chat").addEventListener("click", (event) => {
  if (event.ctrlKey || event.metaKey || event.shiftKey) return;
  event.preventDefault();
  startNew();
});
document.addEventListener("keydown", (event) => {
  if (event.key !== "Escape" || event.isComposing || event.defaultPrevented) return;
  if (drawer.open) drawer.set(false);
  else if (!document.querySelector("dialog[open]") && pane.running) stop();
});

/** @param {number} step to the next or the one before in the list */
function move(step) {
  const at = sidebar.items.findIndex(({ id }) => id === sidebar.current);
  const to = sidebar.items[at < 0 ? 0 : at + step];
  if (to) sidebar.hooks.onOpen(to.id);
}

function find() {
  drawer.set(true);
  sidebar.finder.field.focus();
}

new Shortcuts([
  { keys: "Mod+Shift+O", name: "newChat", run: startNew },
  { keys: "Mod+K", name: "shortcutFind", run: () => find() },
  { keys: "Shift+Escape", name: "shortcutPrompt", run: () => composer.area.focus() },
  { keys: "Alt+ArrowUp", name: "shortcutUp", run: () => move(-1) },
  { keys: "Alt+ArrowDown", name: "shortcutDown", run: () => move(1) },
  { keys: "Enter", name: "send" },
  { keys: "Shift+Enter", name: "shortcutLine" },
  { keys: "Escape", name: "stop" },
]);

// The models' failure is not worth a word: the server chooses, and the page works.
const listed = Promise.all([sidebar.refresh(), choice.load(data.model).catch(() => {})]);
void show(data.conversation, new URLSearchParams(location.search).get("at"));
document.documentElement.dataset.ready = "true";
