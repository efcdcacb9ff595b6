// The native stream with fetch, in Node or in a page: it resumes after a lost
// connection, behind the last event it has seen.
import { follow } from "../../static/chat/sse.js";

const { CHATSITE_URL, CHATSITE_KEY } = process.env;
const headers = { Authorization: `Bearer ${CHATSITE_KEY}` };

const begun = await fetch(`${CHATSITE_URL}/api/chat/stream`, {
  method: "POST",
  headers: { ...headers, "Content-Type": "application/json", Prefer: "respond-async" },
  body: JSON.stringify({ prompt: "Hello" }),
});
if (!begun.ok) throw new Error((await begun.json()).error.message);
const { generation } = await begun.json();

let connections = 0;
const connect = (lastId, signal) => {
  connections += 1;
  return fetch(`${CHATSITE_URL}/api/generations/${generation}/stream`, {
    headers: { ...headers, "Last-Event-ID": lastId },
    // The first connection is lost after a while; yours will be, some day.
    signal: connections === 1 ? AbortSignal.any([signal, AbortSignal.timeout(400)]) : signal,
  });
};
const isLast = ({ event }) => event === "done" || event === "error";

let text = "";
for await (const { event, data } of follow(connect, { isLast })) {
  const said = JSON.parse(data);
  if (event === "delta") text += said.text ?? "";
  if (event === "snapshot") text = said.text;
  if (event === "error") throw new Error(said.message);
}
console.log(text);
