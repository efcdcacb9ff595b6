// The native stream with fetch, in Node or in a page: it resumes after a lost
// connection, behind the last event it has seen.
import { SseParser } from "../../static/chat/sse.js";

const { CHATSITE_URL, CHATSITE_KEY } = process.env;
const headers = { Authorization: `Bearer ${CHATSITE_KEY}` };

/** Take in events until the end, or until the connection breaks. */
async function read(response, page) {
  const parser = new SseParser();
  for await (const bytes of response.body) {
    for (const event of parser.feed(bytes)) {
      page.cursor = event.id;
      const data = JSON.parse(event.data);
      if (event.event === "start") page.generation = data.generation;
      if (event.event === "delta") page.text += data.text ?? "";
      if (event.event === "snapshot") page.text = data.text;
      if (event.event === "error") throw new Error(data.message);
      if (event.event === "done") return true;
      if (page.lose && page.text) return false;
    }
  }
  return false;
}

const page = { text: "", cursor: "0", generation: "", lose: true };
let response = await fetch(`${CHATSITE_URL}/api/chat/stream`, {
  method: "POST",
  headers: { ...headers, "Content-Type": "application/json" },
  body: JSON.stringify({ prompt: "Hello" }),
});
while (!(await read(response, page))) {
  page.lose = false; // once is enough for an example
  await new Promise((resolve) => setTimeout(resolve, 100));
  const url = `${CHATSITE_URL}/api/generations/${page.generation}/stream`;
  response = await fetch(url, { headers: { ...headers, "Last-Event-ID": page.cursor } });
  if (response.status === 204) break;
}
console.log(page.text);
