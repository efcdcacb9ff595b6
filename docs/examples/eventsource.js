// In a page of the site itself, which has its session cookie: the browser's own
// EventSource. It resumes by itself after a lost connection, behind the last event.
const token = document.cookie.match(/(?:^|; )csrftoken=([^;]+)/)[1];
const begun = await fetch("/api/chat/stream", {
  method: "POST",
  headers: {
    "Content-Type": "application/json",
    "X-CSRFToken": decodeURIComponent(token),
    Prefer: "respond-async", // begin, and do not stream here: EventSource can only GET
  },
  body: JSON.stringify({ prompt: "Hello" }),
});
if (!begun.ok) throw new Error((await begun.json()).error.message);
const { generation } = await begun.json();

const answer = await new Promise((resolve, reject) => {
  let text = "";
  const source = new EventSource(`/api/generations/${generation}/stream`);
  source.addEventListener("delta", ({ data }) => (text += JSON.parse(data).text ?? ""));
  source.addEventListener("snapshot", ({ data }) => (text = JSON.parse(data).text));
  source.addEventListener("done", () => {
    source.close(); // or it would ask again, and get a 204
    resolve(text);
  });
  source.addEventListener("error", ({ data }) => {
    if (data === undefined && source.readyState !== EventSource.CLOSED) return; // reconnecting
    source.close();
    reject(new Error(data ? JSON.parse(data).message : "The stream was refused."));
  });
});
console.log(answer);
