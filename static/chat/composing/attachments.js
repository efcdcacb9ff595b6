/**
 * Text files that go along with a question: their content becomes part of the prompt.
 *
 * @typedef {{name: string, text: string}} File a name, and its content as text
 */

const OPEN = /^<file name="([^"\n<>]*)">$/;
const CLOSE = "</file>";
const ENCODINGS = ["utf-8", "gb18030"];

/** @param {string} name as the model and the reader see it */
function plainName(name) {
  return name.replace(/["<>\n\r]/g, "_").slice(0, 120) || "file.txt";
}

/**
 * The prompt: what was typed, then each file between two lines that name it.
 * @param {string} text
 * @param {File[]} files
 */
export function compose(text, files) {
  const parts = files.map(({ name, text: inside }) => `<file name="${plainName(name)}">\n${inside}\n${CLOSE}`);
  return [text, ...parts].filter(Boolean).join("\n\n");
}

/**
 * What `compose` joined. Anything else is text.
 * @param {string} prompt
 * @returns {{text: string, files: File[]}}
 */
export function split(prompt) {
  const lines = prompt.split("\n");
  /** @type {File[]} */
  const files = [];
  let end = lines.length;
  while (end > 0 && lines[end - 1] === CLOSE) {
    const open = lines.slice(0, end).findLastIndex((line) => OPEN.test(line));
    if (open < 0) break;
    const name = OPEN.exec(lines[open])?.[1] ?? "";
    files.unshift({ name, text: lines.slice(open + 1, end - 1).join("\n") });
    end = open;
    if (end > 0 && lines[end - 1] === "") end -= 1;
  }
  return { text: lines.slice(0, end).join("\n"), files };
}

/**
 * The text of a file; null when it is none.
 * @param {ArrayBuffer} bytes
 * @returns {string | null}
 */
export function decode(bytes) {
  for (const encoding of ENCODINGS) {
    try {
      const text = new TextDecoder(encoding, { fatal: true }).decode(bytes);
      return text.includes("\0") ? null : text.replaceAll("\r\n", "\n").trimEnd();
    } catch {
      // Not in this encoding.
    }
  }
  return null;
}
