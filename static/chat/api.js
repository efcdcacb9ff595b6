/**
 * The site's own API, called with the session cookie and Django's CSRF token.
 */

import { readJson } from "./dom.js";

/** An answer that is not a success. Its text is for people, `code` for programs. */
export class ApiError extends Error {
  /**
   * @param {{status: number, code: string, message: string, field?: string,
   *   retryAfter?: number | null}} parts
   */
  constructor({ status, code, message, field, retryAfter }) {
    super(message);
    this.name = "ApiError";
    this.status = status;
    this.code = code;
    this.field = field;
    this.retryAfter = retryAfter ?? null;
  }

  /** Whether the same request may succeed later. */
  get retryable() {
    return this.status === 0 || this.status === 429 || this.status >= 500;
  }
}

/** The connection failed: nothing is known about what the server did. */
export function networkError() {
  return new ApiError({ status: 0, code: "network", message: "network" });
}

/** Read at each call: signing in again in another tab changes it. */
function csrfToken() {
  const name = `${readJson("page-data").csrfCookie}=`;
  const cookie = document.cookie.split("; ").find((part) => part.startsWith(name));
  return cookie ? decodeURIComponent(cookie.slice(name.length)) : "";
}

/**
 * A `body` that is a file is sent as it is: it is JSON already.
 * @param {string} method
 * @param {string} url
 * @param {{body?: unknown, signal?: AbortSignal, headers?: Record<string, string>}} [options]
 * @returns {Promise<Response>} whatever its status; throws only without a response
 */
export async function send(method, url, { body, signal, headers = {} } = {}) {
  const all = { Accept: "application/json", ...headers };
  if (method !== "GET") all["X-CSRFToken"] = csrfToken();
  if (body !== undefined) all["Content-Type"] = "application/json";
  try {
    return await fetch(url, {
      method,
      headers: all,
      body: body === undefined || body instanceof Blob ? body : JSON.stringify(body),
      signal,
      credentials: "same-origin",
      redirect: "error",
      cache: "no-store",
    });
  } catch (error) {
    if (signal?.aborted) throw error;
    throw networkError();
  }
}

/** @param {Response} response @returns {Promise<ApiError>} */
export async function errorFrom(response) {
  /** @type {any} */
  let said = {};
  try {
    said = (await response.json()).error ?? {};
  } catch {
    // A proxy's error page: the status has to do.
  }
  const wait = Number(response.headers.get("Retry-After"));
  return new ApiError({
    status: response.status,
    code: said.code ?? `http_${response.status}`,
    message: said.message ?? "",
    field: said.field,
    retryAfter: Number.isFinite(wait) && wait > 0 ? wait : null,
  });
}

/**
 * @param {string} method
 * @param {string} url
 * @param {unknown} [body]
 * @param {AbortSignal} [signal]
 * @returns {Promise<any>} the JSON; throws an `ApiError`
 */
export async function call(method, url, body, signal) {
  const response = await send(method, url, { body, signal });
  if (!response.ok) throw await errorFrom(response);
  if (response.status === 204) return null;
  const text = await response.text();
  return text ? JSON.parse(text) : null;
}

/** @param {Record<string, string | number | null | undefined>} values */
function query(values) {
  const given = Object.entries(values).filter(([, value]) => value !== null && value !== undefined);
  return given.length ? `?${new URLSearchParams(given.map(([k, v]) => [k, String(v)]))}` : "";
}

export const conversations = {
  /** @param {{cursor?: string | null, q?: string, tag?: string, archived?: boolean}} [which] */
  list: ({ cursor, q, tag, archived } = {}) => {
    const wanted = { cursor, q: q || null, tag: tag || null, archived: archived ? "true" : null };
    return call("GET", `/api/conversations${query(wanted)}`);
  },
  /** @param {string} id */
  get: (id) => call("GET", `/api/conversations/${id}`),
  /** @param {string} id @param {object} changes */
  change: (id, changes) => call("PATCH", `/api/conversations/${id}`, changes),
  /** @param {string} id */
  remove: (id) => call("DELETE", `/api/conversations/${id}`),
  /** @param {string} id of one deleted a moment ago */
  restore: (id) => call("POST", `/api/conversations/${id}/restore`, {}),
  /**
   * @param {string} id
   * @param {{leaf?: string | null, cursor?: string | null, limit?: number, signal?: AbortSignal}} [options]
   */
  messages: (id, { leaf, cursor, limit, signal } = {}) =>
    call("GET", `/api/conversations/${id}/messages${query({ leaf, cursor, limit })}`, undefined, signal),
};

export const tags = { list: () => call("GET", "/api/tags") };

export const generations = {
  /** @param {string} id @param {AbortSignal} [signal] */
  get: (id, signal) => call("GET", `/api/generations/${id}`, undefined, signal),
  /** @param {string} id */
  stop: (id) => call("POST", `/api/generations/${id}/stop`),
};

export const models = { list: () => call("GET", "/api/models") };
