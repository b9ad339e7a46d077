// What the citizen wrote and the hub has not acknowledged yet. It survives a reload; it is sent one by one, in order,
// and again until it is acknowledged: the hub knows it by its id, so repeating it is harmless.

import { forget, names, read, write } from "./storage.js";

const RETRY_MS = 3_000;

export class Outbox {
  #send;
  #onChange;
  #inFlight = null;
  #timer = 0;
  items = []; // {id, text, payload?, at, problem: null | "busy" | "slow" | "refused"}

  /** `send(frame)` says whether the frame went out; `onChange()` is called when the items changed. */
  constructor(send, onChange) {
    this.#send = send;
    this.#onChange = onChange;
    this.items = names("out.").map(read).filter(Boolean).sort((a, b) => a.at - b.at);
  }

  add(text, payload = null) {
    const last = this.items.at(-1)?.at ?? 0;
    const item = { id: uuid(), text, payload, at: Math.max(Date.now(), last + 1), problem: null };
    this.items.push(item);
    write(`out.${item.id}`, item);
    this.#onChange();
    this.flush();
  }

  /** Send the next one, unless one is under way. */
  flush() {
    if (this.#inFlight) return;
    const item = this.items.find((one) => one.problem !== "refused");
    if (!item) return;
    const { id, text, payload } = item;
    const frame = payload ? { type: "choose", id, title: text, payload } : { type: "message", id, text };
    if (this.#send(frame)) this.#inFlight = id;
  }

  retry(id) {
    const item = this.items.find((one) => one.id === id);
    if (item) item.problem = null;
    this.#onChange();
    this.flush();
  }

  /** The hub has it. */
  done(id) {
    forget(`out.${id}`);
    const left = this.items.filter((one) => one.id !== id);
    const known = left.length < this.items.length;
    this.items = left;
    if (this.#inFlight === id) this.#inFlight = null;
    if (known) this.#onChange();
    this.flush();
  }

  refused(id, code) {
    const item = this.items.find((one) => one.id === id);
    if (item) item.problem = code;
    if (this.#inFlight === id) this.#inFlight = null;
    this.#onChange();
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.flush(), code === "refused" ? 0 : RETRY_MS);
  }

  /** The line is gone: what was under way is sent again after the next welcome. */
  interrupted() {
    this.#inFlight = null;
  }

  clear() {
    for (const item of this.items) forget(`out.${item.id}`);
    this.items = [];
    this.#inFlight = null;
    this.#onChange();
  }
}

/** A random UUID; `crypto.randomUUID` itself exists on https and localhost only. */
function uuid() {
  const hex = Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, "0"));
  return hex.join("").replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5");
}
