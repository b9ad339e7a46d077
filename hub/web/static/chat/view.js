// What the citizen sees of a conversation. Builds nodes and text nodes only; decides nothing about delivery.

import { day, dayName, linked, time } from "./text.js";

const TYPING_MS = 6_000;
const RUN_MS = 5 * 60 * 1000; // lines of one author within this time belong together
const NEAR_END_PX = 80;

const ICONS = {
  send: "M3.4 20.4 21 12 3.400 3.600 3.400 10.100 15 12 3.400 13.900z",
  more: "M12 8a2 2 0 1 0 0-4 2 2 0 0 0 0 4zm0 6a2 2 0 1 0 0-4 2 2 0 0 0 0 4zm0 6a2 2 0 1 0 0-4 2 2 0 0 0 0 4z",
  close: "M18.300 5.710 12 12.010 5.700 5.710 4.290 7.120 10.590 13.420 4.290 19.720 5.700 21.130 12 14.830l6.300 6.300 1.410-1.410-6.300-6.300 6.300-6.300z",
  down: "M12 16.500 5 9.500l1.400-1.400L12 13.700l5.600-5.600L19 9.500z",
};

const SUGGESTIONS = [
  "Đăng ký khai sinh cần giấy tờ gì?",
  "Xác nhận tình trạng hôn nhân làm ở đâu?",
  "Tôi muốn phản ánh một sự việc",
  "Tôi muốn gặp tổng đài viên",
];

const AUTHORS = { bot: "Trợ lý tự động", operator: "Tổng đài viên", citizen: "Anh/chị" };

/** An element: `h("p", {class: "x", onclick: f}, "text", node)`. */
export function h(tag, props = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(props)) {
    if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else if (value === true) node.setAttribute(name, "");
    else if (value !== false && value !== null) node.setAttribute(name, value);
  }
  node.append(...children);
  return node;
}

export function icon(name) {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  svg.setAttribute("viewBox", "0 0 24 24");
  svg.setAttribute("aria-hidden", "true");
  const path = document.createElementNS(svg.namespaceURI, "path");
  path.setAttribute("d", ICONS[name]);
  svg.append(path);
  return svg;
}

const nameOf = (item) =>
  item.from === "operator" && item.name ? `${AUTHORS.operator} · ${item.name}` : AUTHORS[item.from];

/** A line as it is read out, with what may be chosen. */
function spoken(item) {
  if (item.from === "system") return item.text ?? "";
  const choices = item.buttons?.length ? ` Chọn: ${item.buttons.map((button) => button.title).join("; ")}.` : "";
  return `${nameOf(item)}: ${item.text ?? ""}${choices}`;
}

export class View {
  #on;
  #lines = []; // confirmed items, in order of seq
  #buttons = []; // [seq, element] of every quick reply shown
  #pending = new Map(); // client id → element
  #typingTimer = 0;
  #staffRead = 0;
  #following = true; // the end of the log is in sight, and stays so

  /** `on`: {choose(button), retry(id), older(), seen()} */
  constructor(on) {
    this.#on = on;
    this.olderButton = h("button", { type: "button", class: "chat-older", onclick: () => on.older() }, "Xem tin nhắn trước đó");
    this.list = h("div", { class: "chat-lines" });
    this.waiting = h("div", { class: "chat-lines" });
    this.typing = h("div", { class: "chat-typing", "aria-hidden": "true", hidden: true }, h("i"), h("i"), h("i"));
    this.typingWords = h("p", { class: "sr-only", role: "status" });
    // What is new is read out from here: a log that grows by whole elements is read from its beginning each time.
    this.news = h("p", { class: "sr-only", "aria-live": "polite" });
    this.log = h(
      "div",
      { class: "chat-log", role: "log", "aria-live": "off", tabindex: "0", "aria-label": "Nội dung trò chuyện" },
      this.olderButton, this.#welcome(), this.list, this.waiting, this.typing,
    );
    this.toEnd = h("button", { type: "button", class: "chat-to-end", hidden: true, onclick: () => this.scrollToEnd() },
      icon("down"), h("span", {}, "Tin mới nhất"));
    this.olderButton.hidden = true;
    this.log.addEventListener("scroll", () => {
      this.#following = this.atEnd();
      if (this.#following) this.toEnd.hidden = true;
      on.seen();
    }, { passive: true });
    // The log shrinks when the keyboard opens, and grows with a picture or a chip: the end stays in sight.
    new ResizeObserver(() => this.#following && !this.empty && this.scrollToEnd()).observe(this.log);
  }

  get empty() {
    return !this.#lines.length && !this.#pending.size;
  }

  atEnd() {
    return this.log.scrollHeight - this.log.scrollTop - this.log.clientHeight < NEAR_END_PX;
  }

  scrollToEnd() {
    this.log.scrollTop = this.log.scrollHeight;
    this.toEnd.hidden = true;
  }

  /** New lines at the end. `quiet`: they are history, not news to be read out. */
  append(items, { quiet = false } = {}) {
    const follow = quiet || this.atEnd() || items.some((item) => item.from === "citizen");
    const before = this.list.lastElementChild;
    for (const item of items) {
      this.#pending.get(item.id)?.remove();
      this.#pending.delete(item.id);
      this.#lines.push(item);
      this.#appendLine(item, this.#lines.at(-2));
      if (item.from !== "citizen") this.showTyping(false);
    }
    const heard = items.filter((item) => item.from !== "citizen");
    if (!quiet && heard.length) this.news.textContent = heard.map(spoken).join(" ");
    this.#refresh();
    if (!follow) this.toEnd.hidden = false;
    else if (quiet) this.scrollToEnd();
    else this.#scrollToNews(before?.nextElementSibling ?? this.list.firstElementChild);
  }

  /** To the end, unless that would push the beginning of a long answer out of sight. */
  #scrollToNews(first) {
    const top = first.offsetTop - 12;
    if (this.log.scrollHeight - top <= this.log.clientHeight) return this.scrollToEnd();
    this.log.scrollTop = top;
    this.toEnd.hidden = false;
  }

  /** Older lines in front; what is in sight stays where it is. */
  prepend(items, more) {
    const fromEnd = this.log.scrollHeight - this.log.scrollTop;
    this.#lines = [...items, ...this.#lines];
    this.list.replaceChildren();
    this.#buttons = [];
    this.#lines.forEach((item, n) => this.#appendLine(item, this.#lines[n - 1]));
    this.olderButton.hidden = !more;
    this.#refresh();
    this.log.scrollTop = this.log.scrollHeight - fromEnd;
  }

  clear() {
    this.#lines = [];
    this.#buttons = [];
    this.list.replaceChildren();
    for (const [id, node] of this.#pending) {
      if (!node.classList.contains("sent")) continue;
      node.remove();
      this.#pending.delete(id);
    }
    this.olderButton.hidden = true;
    this.#staffRead = 0;
    this.showTyping(false);
    this.#refresh();
  }

  get oldestSeq() {
    return this.#lines[0]?.seq ?? 0;
  }

  /** What is not acknowledged yet. `connected` only chooses the words. */
  showPending(items, connected) {
    const kept = new Set(items.map((item) => item.id));
    for (const [id, node] of this.#pending) {
      if (!kept.has(id) && !node.classList.contains("sent")) {
        node.remove();
        this.#pending.delete(id);
      }
    }
    let added = false;
    for (const item of items) {
      if (!this.#pending.has(item.id)) {
        const node = h("div", { class: "msg mine pending" },
          h("span", { class: "sr-only" }, `${AUTHORS.citizen}: `),
          h("div", { class: "bubble" }, linked(item.text)),
          h("div", { class: "meta" }, h("span", { class: "mark" })));
        this.#pending.set(item.id, node);
        this.waiting.append(node);
        added = true;
      }
      this.#markPending(this.#pending.get(item.id), item, connected);
    }
    this.#refresh();
    if (added) this.scrollToEnd();
  }

  /** The hub has it; its place in the conversation follows. */
  acknowledged(id) {
    const node = this.#pending.get(id);
    if (!node) return;
    node.classList.add("sent");
    node.classList.remove("failed");
    node.querySelector(".mark").replaceChildren("Đã gửi");
  }

  #markPending(node, item, connected) {
    const mark = node.querySelector(".mark");
    node.classList.toggle("failed", item.problem === "refused");
    const words = item.problem === "refused" ? "Chưa gửi được"
      : !connected ? "Chờ kết nối để gửi"
      : item.problem ? "Chưa gửi được, đang thử lại…"
      : "Đang gửi…";
    if (mark.dataset.words === words) return;
    mark.dataset.words = words;
    mark.replaceChildren(words);
    if (item.problem === "refused") this.news.textContent = `${words}: ${item.text}`;
    if (item.problem && connected) {
      mark.append(" ", h("button", { type: "button", class: "retry", onclick: () => this.#on.retry(item.id) }, "Gửi lại"));
    }
  }

  staffRead(seq) {
    this.#staffRead = seq;
    this.#refresh();
  }

  /** `from`: who is typing, or false. It goes away by itself. */
  showTyping(from, forMs = TYPING_MS) {
    clearTimeout(this.#typingTimer);
    const follow = this.atEnd();
    this.typing.hidden = !from;
    const words = !from ? "" : from === "operator" ? "Tổng đài viên đang soạn tin…" : "Tổng đài đang trả lời…";
    if (this.typingWords.textContent !== words) this.typingWords.textContent = words;
    if (!from) return;
    this.#typingTimer = setTimeout(() => this.showTyping(false), forMs);
    if (follow) this.scrollToEnd();
  }

  #appendLine(item, before) {
    if (!before || day(before.at) !== day(item.at)) {
      this.list.append(h("p", { class: "day" }, h("span", {}, dayName(item.at))));
    }
    if (item.from === "system") {
      this.list.append(h("p", { class: "notice" }, linked(item.text ?? "")));
      return;
    }
    const mine = item.from === "citizen";
    const who = nameOf(item);
    const inRun = before && before.from === item.from && before.name === item.name
      && item.at - before.at < RUN_MS && day(before.at) === day(item.at);
    const node = h("div", { class: `msg ${mine ? "mine" : "theirs"} ${item.from}` });
    if (inRun) this.list.lastElementChild.classList.add("followed");
    node.append(h("span", { class: mine || inRun ? "sr-only" : "who" }, mine || inRun ? `${who}: ` : who));
    node.append(h("div", { class: "bubble" }, linked(item.text ?? "")));
    if (item.buttons?.length) node.append(this.#replies(item));
    node.append(h("div", { class: "meta" },
      h("time", { datetime: new Date(item.at).toISOString() }, time(item.at)),
      ...(mine ? [h("span", { class: "mark" })] : [])));
    node.dataset.seq = item.seq;
    this.list.append(node);
  }

  #replies(item) {
    const buttons = item.buttons.map((button) => {
      const node = h("button", { type: "button", onclick: () => this.#on.choose(button) }, button.title);
      this.#buttons.push([item.seq, node]);
      return node;
    });
    return h("div", { class: "replies", role: "group", "aria-label": "Chọn nhanh câu trả lời" }, ...buttons);
  }

  /** Buttons are for the last question only; the last own line says how far it got. */
  #refresh() {
    const lastOwn = this.#lines.findLast((item) => item.from === "citizen")?.seq ?? 0;
    for (const [seq, node] of this.#buttons) node.disabled = this.#pending.size > 0 || seq < lastOwn;
    for (const mark of this.list.querySelectorAll(".mark:not(:empty)")) mark.replaceChildren();
    this.list.querySelector(`[data-seq="${lastOwn}"] .mark`)
      ?.replaceChildren(lastOwn <= this.#staffRead ? "Đã xem" : "Đã gửi");
    this.welcome.hidden = !this.empty;
  }

  #welcome() {
    this.welcome = h("div", { class: "chat-welcome" },
      h("div", { class: "msg theirs bot" },
        h("span", { class: "who" }, AUTHORS.bot),
        h("div", { class: "bubble" },
          "Xin chào anh/chị! Em là trợ lý tự động của Tổng đài 1022 Đồng Tháp. "
          + "Anh/chị cần hỏi thủ tục gì, hay muốn phản ánh việc gì, xin cứ nhắn cho em ạ.")),
      h("div", { class: "replies", role: "group", "aria-label": "Câu hỏi gợi ý" },
        ...SUGGESTIONS.map((title) =>
          h("button", { type: "button", onclick: () => this.#on.choose({ title, payload: null }) }, title))));
    return this.welcome;
  }
}
