// The connection: says hello first, notices a dead line by itself, and comes back with growing pauses.

const PING_EVERY_MS = 25_000;
const ANSWER_WITHIN_MS = 10_000;
const FIRST_PAUSE_MS = 1_000;
const LONGEST_PAUSE_MS = 30_000;

export class Link {
  #url;
  #hello;
  #onFrame;
  #onState;
  #socket = null;
  #timer = 0; // the next ping, the patience for its answer, or the next attempt
  #attempts = 0;
  state = "closed"; // closed, connecting, open, waiting

  /** `hello()` gives the first frame; `onFrame(frame)` gets every other; `onState(state)` every change. */
  constructor({ url, hello, onFrame, onState }) {
    this.#url = url;
    this.#hello = hello;
    this.#onFrame = onFrame;
    this.#onState = onState;
    window.addEventListener("online", () => this.retry());
    window.addEventListener("offline", () => this.#lost());
    document.addEventListener("visibilitychange", () => !document.hidden && this.#wake());
  }

  open() {
    this.#drop();
    this.#become("connecting");
    const socket = new WebSocket(this.#url);
    this.#socket = socket;
    this.#timer = setTimeout(() => this.#lost(), ANSWER_WITHIN_MS);
    socket.onopen = () => socket.send(JSON.stringify({ type: "hello", ...this.#hello() }));
    socket.onmessage = (event) => this.#socket === socket && this.#receive(JSON.parse(event.data));
    socket.onclose = () => this.#socket === socket && this.#lost();
  }

  /** True when the frame went out; whether it arrived is for the answer to say. */
  send(frame) {
    if (this.state !== "open") return false;
    this.#socket.send(JSON.stringify(frame));
    return true;
  }

  /** Do not wait for the next attempt. */
  retry() {
    if (this.state === "waiting") this.open();
  }

  #receive(frame) {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#ping(), PING_EVERY_MS);
    if (frame.type === "welcome") {
      this.#attempts = 0;
      this.#become("open");
    }
    this.#onFrame(frame);
  }

  #ping() {
    if (!this.send({ type: "ping" })) return;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#lost(), ANSWER_WITHIN_MS);
  }

  /** A sleeping phone does not notice that its line died. */
  #wake() {
    if (this.state === "open") this.#ping();
    else this.retry();
  }

  #lost() {
    if (this.state === "closed" || this.state === "waiting") return;
    this.#drop();
    const pause = Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** this.#attempts);
    this.#attempts += 1;
    this.#timer = setTimeout(() => this.retry(), pause * (0.5 + Math.random() / 2));
    this.#become("waiting");
  }

  #drop() {
    clearTimeout(this.#timer);
    const socket = this.#socket;
    this.#socket = null;
    socket?.close();
  }

  #become(state) {
    if (state === this.state) return;
    this.state = state;
    this.#onState(state);
  }
}
