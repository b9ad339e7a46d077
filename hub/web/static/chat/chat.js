// The live chat of Tổng đài 1022: joins what is seen (view), what is not sent yet (outbox) and the line (link).

import { Link } from "./link.js";
import { Outbox } from "./outbox.js";
import { forget, read, watch, write } from "./storage.js";
import { View, h, icon } from "./view.js";

const MAX_TEXT = 4000;
const COUNT_FROM = 3800;
const TYPING_EVERY_MS = 3_000;
const BOT_THINKS_MS = 12_000;
const SHOW_LOST_AFTER_MS = 1_500; // a blink of the network is not worth a word
const EMBEDDED = window.parent !== window;

class Chat {
  #session = read("session"); // {token, session}: opens this conversation again on this machine
  #lastSeq = 0;
  #said = false; // something, on this page
  #lastOtherSeq = 0;
  #seen = 0;
  #unread = 0;
  #owner = "bot";
  #typedAt = 0;
  #lostTimer = 0;
  #shown = true; // an embedded chat may be folded away
  #parentOrigin = null;

  constructor(root) {
    this.root = root;
    this.title = document.title;
    this.view = new View({
      choose: (button) => this.#choose(button),
      retry: (id) => this.outbox.retry(id),
      older: () => this.link.send({ type: "history", before: this.view.oldestSeq }),
      seen: () => this.#markSeen(),
    });
    this.outbox = new Outbox((frame) => this.link.send(frame), () => this.#showPending());
    this.link = new Link({
      url: `${location.protocol === "https:" ? "wss" : "ws"}://${location.host}/chat/ws`,
      hello: () => ({ token: this.#session?.token ?? null, last_seq: this.#lastSeq }),
      onFrame: (frame) => this.#frame(frame),
      onState: (state) => this.#lineState(state),
    });
    this.#build();
    this.#showPending();
    watch("session", (session) => this.#otherTab(session));
    document.addEventListener("visibilitychange", () => this.#markSeen());
    window.addEventListener("focus", () => this.#markSeen());
    if (EMBEDDED) this.#listenToParent();
    this.link.open();
  }

  // ---- frames

  #frame(frame) {
    switch (frame.type) {
      case "welcome": return this.#welcome(frame);
      case "messages": return this.#messages(frame);
      case "history": return this.view.prepend(frame.items, frame.older);
      case "state": return this.#state(frame);
      case "typing": return this.view.showTyping(frame.from);
      case "ack": return this.#ack(frame);
      case "nack": return this.outbox.refused(frame.id, frame.code);
      case "error": return this.#notice(frame.text);
      default: return undefined;
    }
  }

  #welcome(frame) {
    if (frame.after < this.#lastSeq || frame.session !== this.#session?.session) this.#startOver(frame.after);
    this.#session = { token: frame.token, session: frame.session };
    write("session", this.#session);
    this.#state(frame);
    this.outbox.flush();
  }

  #messages({ items, older }) {
    const fresh = items.filter((item) => item.seq > this.#lastSeq);
    if (!fresh.length) return;
    const history = this.#lastSeq === 0 && fresh.length > 1 && !this.#said; // an answer may come with what it answers
    this.#lastSeq = fresh.at(-1).seq;
    this.view.append(fresh, { quiet: history });
    if (older) this.view.olderButton.hidden = false;
    for (const item of fresh) if (item.id) this.outbox.done(item.id);
    const others = fresh.filter((item) => item.from !== "citizen");
    if (!others.length) return;
    this.#lastOtherSeq = others.at(-1).seq;
    this.link.send({ type: "received", seq: this.#lastOtherSeq });
    if (!history) this.#countUnread(this.#unread + others.length);
    this.#markSeen();
  }

  #ack({ id, seq }) {
    this.view.acknowledged(id);
    this.outbox.done(id);
    if (this.#owner === "bot" && this.#lastOtherSeq < seq) this.view.showTyping("bot", BOT_THINKS_MS);
  }

  #state({ owner, operator, staff_read_seq: staffRead }) {
    this.#owner = owner;
    this.who.textContent = owner === "bot" ? "Trợ lý tự động trả lời"
      : operator ? `Tổng đài viên ${operator} đang hỗ trợ anh/chị`
      : "Đã chuyển tổng đài viên, xin anh/chị chờ trả lời";
    this.root.dataset.owner = owner;
    this.view.staffRead(staffRead);
  }

  // ---- what the citizen does

  #submit() {
    const text = this.input.value.trim();
    if (!text) return;
    this.#said = true;
    this.outbox.add(text);
    this.input.value = "";
    this.#resize();
    this.input.focus();
  }

  #choose({ title, payload }) {
    this.#said = true;
    this.outbox.add(title, payload);
    // The pressed button is disabled now: the focus goes on to where the citizen goes on, but opens no keyboard.
    if (matchMedia("(pointer: coarse)").matches) this.view.log.focus();
    else this.input.focus();
  }

  #keydown(event) {
    if (event.key !== "Enter" || event.shiftKey) return;
    if (event.isComposing || event.keyCode === 229) return; // Enter that ends a Vietnamese composition
    event.preventDefault();
    this.#submit();
  }

  #typed() {
    this.#resize();
    const left = MAX_TEXT - this.input.value.length;
    this.count.textContent = left <= MAX_TEXT - COUNT_FROM ? `Còn ${left} ký tự` : "";
    if (this.input.value.trim() && Date.now() - this.#typedAt > TYPING_EVERY_MS) {
      this.#typedAt = Date.now();
      this.link.send({ type: "typing" });
    }
  }

  #resize() {
    this.input.style.height = "auto";
    this.input.style.height = `${this.input.scrollHeight + 2}px`;
    this.sendButton.disabled = !this.input.value.trim();
  }

  /** Seen is what is at the end of a log that is really in front of somebody. */
  #markSeen() {
    if (document.hidden || !this.#shown || !this.view.atEnd()) return;
    this.#countUnread(0);
    if (this.#lastOtherSeq > this.#seen && this.link.send({ type: "read", seq: this.#lastOtherSeq })) {
      this.#seen = this.#lastOtherSeq;
    }
  }

  #countUnread(count) {
    this.#unread = count;
    if (!EMBEDDED) document.title = count ? `(${count}) ${this.title}` : this.title;
    this.#tellParent({ type: "hub1022:unread", count });
  }

  #forget() {
    forget("session");
    this.outbox.clear();
    this.#session = null;
    this.#startOver(0);
    this.link.open();
    this.input.focus();
  }

  #startOver(lastSeq) {
    this.#lastSeq = lastSeq;
    this.#lastOtherSeq = this.#seen = 0;
    this.#countUnread(0);
    this.view.clear();
  }

  /** Another tab deleted the conversation, or began one before anything was said here. */
  #otherTab(session) {
    if (session?.session === this.#session?.session) return;
    if (session && !this.view.empty) return;
    this.#session = session;
    this.#startOver(0);
    this.link.open();
  }

  // ---- the line

  #lineState(state) {
    if (state === "open") {
      clearTimeout(this.#lostTimer);
      this.#lostTimer = 0;
      this.#notice("");
    } else {
      this.outbox.interrupted();
      this.#lostTimer ||= setTimeout(() => this.#showLost(), SHOW_LOST_AFTER_MS);
    }
    this.#showPending();
  }

  #showLost() {
    const before = this.root.dataset.owner; // set by the first welcome
    this.#notice(before ? "Mất kết nối. Tin sẽ tự gửi khi có mạng." : "Đang kết nối…",
      h("button", { type: "button", onclick: () => this.link.retry() }, "Thử lại ngay"));
  }

  #notice(text, ...more) {
    this.status.replaceChildren(text);
    if (text) this.status.append(...more);
    this.status.hidden = !text;
  }

  #showPending() {
    this.view.showPending(this.outbox.items, this.link?.state === "open");
  }

  // ---- inside another site

  #listenToParent() {
    window.addEventListener("message", (event) => {
      if (event.source !== window.parent || event.data?.type !== "hub1022:shown") return;
      this.#parentOrigin = event.origin;
      this.#shown = event.data.shown;
      if (!this.#shown) return;
      this.view.scrollToEnd();
      this.input.focus();
      this.#markSeen();
    });
    document.addEventListener("keydown", (event) => {
      if (event.key === "Escape" && !document.querySelector("dialog[open]")) this.#close();
    });
  }

  #close() {
    this.#tellParent({ type: "hub1022:close" });
  }

  #tellParent(message) {
    if (this.#parentOrigin) window.parent.postMessage(message, this.#parentOrigin);
  }

  // ---- building

  #build() {
    this.who = h("p", { class: "chat-who" }, "Trợ lý tự động trả lời");
    this.status = h("p", { class: "chat-status", role: "status" });
    this.status.hidden = true;
    this.count = h("span", { class: "chat-count", "aria-live": "polite" });
    this.input = h("textarea", {
      id: "chat-input", rows: "1", maxlength: MAX_TEXT, enterkeyhint: "send", autocomplete: "off",
      placeholder: "Nhắn cho tổng đài…", "aria-describedby": "chat-kept",
      onkeydown: (event) => this.#keydown(event), oninput: () => this.#typed(),
    });
    this.sendButton = h("button", { type: "submit", class: "send", "aria-label": "Gửi", title: "Gửi (Enter)", disabled: true },
      icon("send"));
    const form = h("form", { class: "chat-composer", onsubmit: (event) => { event.preventDefault(); this.#submit(); } },
      h("label", { class: "sr-only", for: "chat-input" }, "Tin nhắn của anh/chị"), this.input, this.sendButton);
    this.root.replaceChildren(
      this.#header(), this.status,
      h("div", { class: "chat-middle" }, this.view.log, this.view.toEnd), this.view.typingWords, this.view.news,
      form, this.#privacy(),
    );
    document.documentElement.classList.toggle("embedded", EMBEDDED);
    this.#fitKeyboard();
  }

  #header() {
    const sure = this.#sureDialog();
    const alone = this.root.dataset.chat === "page" && !EMBEDDED;
    const links = [alone ? ["/", "Về trang đầu"] : ["/chat", "Mở toàn trang"], ["/status", "Tra cứu phiếu đã gửi"]];
    const menu = h("details", { class: "chat-menu" },
      h("summary", { "aria-label": "Tùy chọn", title: "Tùy chọn" }, icon("more")),
      h("div", { class: "chat-menu-items" },
        ...links.map(([href, words]) => h("a", { href, target: EMBEDDED ? "_blank" : null, rel: "noopener" }, words)),
        h("button", { type: "button", onclick: () => { menu.open = false; sure.showModal(); } },
          "Xóa cuộc trò chuyện trên máy này")));
    menu.addEventListener("keydown", (event) => {
      if (event.key !== "Escape" || !menu.open) return;
      event.stopPropagation();
      menu.open = false;
      menu.querySelector("summary").focus();
    });
    document.addEventListener("click", (event) => menu.contains(event.target) || (menu.open = false));
    const close = h("button", { type: "button", class: "chat-close", "aria-label": "Đóng khung trò chuyện", onclick: () => this.#close() },
      icon("close"));
    const logo = h("img", { src: new URL("logo.svg", import.meta.url).href, alt: "", width: "40", height: "40" });
    const title = h("h2", { class: "chat-title" }, "Tổng đài 1022");
    return h("header", { class: "chat-head" }, logo, h("div", {}, title, this.who), menu, ...(EMBEDDED ? [close] : []), sure);
  }

  #sureDialog() {
    const dialog = h("dialog", { "aria-labelledby": "chat-sure" },
      h("h2", { id: "chat-sure" }, "Xóa cuộc trò chuyện trên máy này?"),
      h("p", {}, "Anh/chị sẽ không mở lại được cuộc trò chuyện này. Nội dung đã gửi vẫn được tổng đài giữ để xử lý."),
      h("div", { class: "dialog-buttons" },
        h("button", { type: "button", class: "quiet", onclick: () => dialog.close() }, "Không xóa"),
        h("button", { type: "button", class: "danger", onclick: () => { dialog.close(); this.#forget(); } }, "Xóa")));
    return dialog;
  }

  #privacy() {
    return h("div", { class: "chat-foot" },
      h("details", { class: "chat-privacy" },
        h("summary", { id: "chat-kept" }, "Nội dung trò chuyện được lưu để trả lời anh/chị"),
        h("p", {}, "Tổng đài lưu tin nhắn và thời gian gửi để trả lời, chuyển cơ quan có thẩm quyền và theo dõi kết quả. "
          + "Máy này chỉ giữ một mã phiên để anh/chị mở lại cuộc trò chuyện trong 30 ngày, và những tin chưa gửi được; "
          + "trang không dùng cookie theo dõi. Xin đừng gửi mật khẩu, mã OTP hay số thẻ ngân hàng.")),
      this.count);
  }

  /** A phone's keyboard covers the page on some browsers: the chat fits into what is left. */
  #fitKeyboard() {
    const viewport = window.visualViewport;
    if (this.root.dataset.chat !== "page" || !viewport) return;
    const fit = () => document.documentElement.style.setProperty("--visible", `${viewport.height}px`);
    viewport.addEventListener("resize", fit);
    fit();
  }
}

for (const root of document.querySelectorAll("[data-chat]")) new Chat(root);
