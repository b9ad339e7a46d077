// The operators' console. htmx fetches and swaps; this file adds what it cannot: live signals (the sse extension
// packaged with htmx 2 is still the one for htmx 1), keeping the place while reading, drafts, shortcuts.
"use strict";

const $ = (id) => document.getElementById(id);
const SIGNAL_EVERY_MS = 1000; // the inbox is fetched at most this often, however much changes
const TYPED_EVERY_MS = 3000;
const TYPING_SHOWN_MS = 6000;
const RETRY_MS = 5000;
const NEAR_PX = 80;
const MISSED_WITHIN_MS = 2000; // what was missed has come by then
const BACK_SHOWN_MS = 8000;
const MOST_READ_OUT = 5; // lines that came together; of more, their number is enough

// ---- messages to the operator

let toastTimer;
function toast(text) {
  const box = $("toast");
  box.textContent = text;
  box.hidden = false;
  clearTimeout(toastTimer);
  toastTimer = setTimeout(() => (box.hidden = true), 8000);
}

/** To those who hear the page. A log that grows by whole lines would be read from its beginning each time. */
function say(text) {
  $("spoken").textContent = text;
}
const spoken = (line) =>
  [".by", ".subject", ".bubble > .text, :scope > .text", ".file-name"]
    .flatMap((part) => [...line.querySelectorAll(part)].map((found) => found.textContent.trim()))
    .join(": ");

document.addEventListener("htmx:responseError", (event) => {
  const { status, responseText } = event.detail.xhr;
  toast(status < 500 || status === 503 ? responseText.slice(0, 200) : "Có lỗi xảy ra, thao tác chưa được ghi nhận.");
});
document.addEventListener("htmx:sendError", (event) => {
  if (event.detail.requestConfig.verb === "post" && event.target.matches("form"))
    toast("Không kết nối được tổng đài. Nội dung vẫn còn trong ô soạn, vui lòng gửi lại.");
});

// ---- live signals

let source, queueTimer, typingTimer;

function signal(id) {
  const target = $(id);
  if (target) htmx.trigger(target, "changed");
}

function queueChanged() {
  queueTimer ??= setTimeout(() => {
    queueTimer = undefined;
    signal("queue");
  }, SIGNAL_EVERY_MS);
}

function showTyping(text) {
  const line = $("typing");
  if (!line) return;
  const stays = atEnd();
  line.textContent = text;
  line.hidden = false;
  if (stays) toEnd();
  clearTimeout(typingTimer);
  typingTimer = setTimeout(() => (line.hidden = true), TYPING_SHOWN_MS);
}

// ---- a connection that is lost is told, and so is what was missed when it is back

let lostAt; // the number of the last line shown then
let missed = 0;
const lastLine = () => Number(document.querySelector('#cursor [name="after"]')?.value ?? 0);

function lost() {
  if (lostAt !== undefined) return;
  lostAt = lastLine();
  missed = 0;
  $("link").textContent = "Mất kết nối, đang nối lại…";
  $("link").dataset.state = "lost";
}

function back() {
  if (lostAt === undefined) return;
  $("link").textContent = "Đã nối lại.";
  $("link").dataset.state = "back";
  setTimeout(() => {
    if (missed) $("link").textContent = `Đã nối lại, có ${missed} tin mới trong lúc mất kết nối.`;
    lostAt = undefined;
    setTimeout(() => {
      if ($("link").dataset.state !== "back") return;
      $("link").textContent = "";
      delete $("link").dataset.state;
    }, BACK_SHOWN_MS);
  }, MISSED_WITHIN_MS);
}

function connect() {
  source?.close();
  const conversation = $("stage")?.dataset.conversation;
  source = new EventSource("/console/events" + (conversation ? `?conversation=${encodeURIComponent(conversation)}` : ""));
  source.addEventListener("ready", () => {
    back();
    document.body.dataset.live = conversation ?? "inbox";
    signal("queue"); // what happened while nobody listened
    signal("live");
  });
  source.addEventListener("queue", queueChanged);
  source.addEventListener("conversation", () => signal("live"));
  source.addEventListener("here", () => signal("viewers"));
  source.addEventListener("typing", (event) => showTyping(JSON.parse(event.data).text));
  source.onerror = () => {
    lost();
    delete document.body.dataset.live;
    if (source.readyState === EventSource.CLOSED) {
      setTimeout(connect, RETRY_MS);
      signal("queue"); // a session that has ended leads to the login page
    }
  };
}

// ---- the place in the conversation

const atEnd = () => {
  const box = $("scroller");
  return !box || box.scrollHeight - box.scrollTop - box.clientHeight < NEAR_PX;
};
function toEnd() {
  const box = $("scroller");
  if (box) box.scrollTop = box.scrollHeight;
  if ($("newer")) $("newer").hidden = true;
}

let followed = true; // was the end in view before the swap
document.addEventListener("htmx:oobBeforeSwap", (event) => {
  if (event.detail.target.id !== "log") return;
  for (const line of [...event.detail.fragment.children]) if (line.id && $(line.id)) line.remove(); // shown already
  followed = atEnd() || Boolean(event.detail.fragment.querySelector(".operator, .note"));
  if (event.detail.fragment.querySelector('[data-author="citizen"]')) $("typing").hidden = true;
  if (lostAt !== undefined) missed += event.detail.fragment.querySelectorAll(".line").length;
  const fresh = [...event.detail.fragment.querySelectorAll(".line")].map(spoken);
  if (fresh.length) say(fresh.length > MOST_READ_OUT ? `Có ${fresh.length} tin mới.` : fresh.join(" "));
});
document.addEventListener("htmx:afterSettle", () => seen());
document.addEventListener("htmx:oobAfterSwap", (event) => {
  if (event.detail.target.id !== "log") return;
  if (followed) toEnd();
  else $("newer").hidden = false;
});

// The box shrinks when something opens above or below it: who was at the end stays there.
let resting = true;
const sizes = new ResizeObserver(() => {
  if (resting) toEnd();
});

// Older lines are put above: what is being read stays where it is.
let heightBefore;
document.addEventListener("htmx:beforeSwap", (event) => {
  if (event.detail.target.id === "earlier") heightBefore = $("scroller").scrollHeight;
});
document.addEventListener("htmx:afterSwap", (event) => {
  if (heightBefore === undefined) return;
  const days = new Set(); // the day that continues is named where it now begins
  for (const day of document.querySelectorAll(".day")) days.has(day.id) ? day.remove() : days.add(day.id);
  $("scroller").scrollTop += $("scroller").scrollHeight - heightBefore;
  heightBefore = undefined;
});

let seenUpTo = "";
function seen() {
  const after = document.querySelector('#cursor [name="after"]')?.value;
  const mark = `${$("stage")?.dataset.conversation}:${after}`;
  if (!after || mark === seenUpTo || document.visibilityState !== "visible" || !document.hasFocus()) return;
  seenUpTo = mark;
  htmx.trigger($("seen"), "seen");
}
document.addEventListener("visibilitychange", seen);
window.addEventListener("focus", seen);

// ---- writing

const draftName = (box) => `console.draft.${document.body.dataset.me}.${$("stage").dataset.conversation}.${box.id}`;
const drafts = () => Object.keys(localStorage).filter((name) => name.startsWith("console.draft."));

function fit(box) {
  box.style.height = "auto";
  box.style.height = `${Math.min(box.scrollHeight + 2, 220)}px`;
}

function keepDraft(box) {
  if (box.value.trim()) localStorage.setItem(draftName(box), box.value);
  else localStorage.removeItem(draftName(box));
  fit(box);
}

function mode(name, focus = true) {
  if (!$(`${name}-form`)) return;
  for (const other of ["reply", "note"]) {
    const chosen = other === name;
    $(`${other}-form`).hidden = !chosen;
    $(`tab-${other}`).setAttribute("aria-selected", chosen);
    $(`tab-${other}`).tabIndex = chosen ? 0 : -1;
  }
  fit($(name));
  if (focus) $(name).focus();
}

let typedAt = 0;
document.addEventListener("input", (event) => {
  const box = event.target;
  if (!box.matches("#reply, #note")) return;
  keepDraft(box);
  if (box.id === "reply" && box.value.trim() && Date.now() - typedAt > TYPED_EVERY_MS) {
    typedAt = Date.now();
    htmx.trigger($("typist"), "typed");
  }
});

document.addEventListener("htmx:beforeRequest", (event) => {
  if (event.target.dataset.sends) event.target.dataset.sent = event.target.elements.text.value;
});
document.addEventListener("htmx:afterRequest", (event) => {
  const form = event.target;
  if (!form.dataset.sends || !event.detail.successful) return;
  const box = form.elements.text;
  if (box.value === form.dataset.sent) box.value = ""; // else they wrote on meanwhile
  if (form.elements.file) form.elements.file.value = "";
  keepDraft(box);
  typedAt = 0;
});

// ---- opening a conversation

function opened() {
  const stage = $("stage");
  const conversation = stage.dataset.conversation;
  for (const row of document.querySelectorAll("a.ticket")) {
    if (row.dataset.conversation === conversation) row.setAttribute("aria-current", "true");
    else row.removeAttribute("aria-current");
  }
  document.body.removeAttribute("data-panel-open");
  if (conversation) {
    for (const box of [$("reply"), $("note")]) {
      box.value = localStorage.getItem(draftName(box)) ?? "";
      fit(box);
    }
    sizes.disconnect();
    sizes.observe($("scroller"));
    const wanted = /^#m\d+$/.test(location.hash) && document.querySelector(location.hash);
    resting = !wanted;
    if (wanted) {
      wanted.classList.add("wanted");
      wanted.scrollIntoView({ block: "center" });
    } else toEnd();
    seen();
  }
  connect();
}
document.addEventListener("htmx:afterSettle", (event) => {
  if (event.detail.target.id !== "stage") return;
  opened(); // before it settles, the new stage wears the old one's classes
  const who = document.querySelector("#head h1")?.textContent;
  if (who) say(`Đã mở hội thoại: ${who}.`); // the focus stays in the list
});

document.addEventListener("scroll", (event) => {
  if (event.target.id !== "scroller") return;
  resting = atEnd();
  if (resting) $("newer").hidden = true;
}, true);

document.addEventListener("click", (event) => {
  const at = (selector) => event.target.closest(selector);
  if (at("#newer")) toEnd();
  if (at("[data-help]")) $("help").showModal();
  if (at("[data-panel]")) document.body.toggleAttribute("data-panel-open");
  if (at("[data-mode]")) mode(at("[data-mode]").dataset.mode);
  closeMenus(event.target);
});
document.addEventListener("submit", (event) => {
  if (event.target.matches("[data-logout]")) for (const name of drafts()) localStorage.removeItem(name);
});

function closeMenus(except) {
  let closed = false;
  for (const menu of document.querySelectorAll("details.menu[open]")) {
    if (except && menu.contains(except)) continue;
    menu.open = false;
    closed = true;
  }
  return closed;
}

// ---- keys

const rows = () => [...document.querySelectorAll("a.ticket")];
function step(by) {
  const all = rows();
  const now = all.findIndex((row) => row === document.activeElement);
  const from = now >= 0 ? now : all.findIndex((row) => row.getAttribute("aria-current")) ;
  all[Math.max(0, Math.min(all.length - 1, from + by))]?.focus();
}
// A single letter is a command, which gets in the way of people who speak to their machine: they can turn it off.
const LETTERS = "console.letters";
const letters = () => localStorage.getItem(LETTERS) !== "off";
for (const box of document.querySelectorAll("[data-letters]")) {
  box.checked = letters();
  box.addEventListener("change", () => localStorage.setItem(LETTERS, box.checked ? "on" : "off"));
}
const KEYS = {
  j: () => step(1),
  k: () => step(-1),
  r: () => mode("reply"),
  n: () => mode("note"),
  g: () => {
    document.querySelector("details.filter").open = true;
    document.querySelector("details.filter select")?.focus();
  },
  c: () => location.assign("/console/call"),
  "/": () => location.assign("/console/search"),
  "?": () => $("help").showModal(),
  Escape: () => {
    if (closeMenus()) return;
    if (document.body.hasAttribute("data-panel-open")) document.body.removeAttribute("data-panel-open");
    else (document.querySelector("a.ticket[aria-current]") ?? rows()[0])?.focus();
  },
};

document.addEventListener("keydown", (event) => {
  if (event.isComposing || event.keyCode === 229 || $("help").open) return; // 229: a Vietnamese input method composes
  if (event.key === "Escape" && event.target.closest("details.menu[open]")) {
    const menu = event.target.closest("details.menu[open]");
    menu.open = false;
    menu.querySelector("summary").focus();
    return;
  }
  const box = event.target;
  if (box.matches("[role=tab]") && ["ArrowLeft", "ArrowRight"].includes(event.key)) {
    const next = box.id === "tab-reply" ? "note" : "reply";
    mode(next, false);
    $(`tab-${next}`).focus();
  } else if (box.matches("#reply, #note")) {
    const phone = matchMedia("(pointer: coarse)").matches; // there Enter is a new line and the button sends
    if (event.key === "Enter" && !event.shiftKey && (!phone || event.ctrlKey)) {
      event.preventDefault();
      const button = box.form.querySelector("button");
      if (!button.disabled && box.value.trim()) box.form.requestSubmit(button);
    } else if (event.key === "Escape") KEYS.Escape();
  } else if (!box.matches("input, textarea, select") && !event.ctrlKey && !event.metaKey && !event.altKey) {
    const one = event.key.length === 1;
    const act = one && !letters() ? undefined : KEYS[one ? event.key.toLowerCase() : event.key];
    if (act) {
      event.preventDefault();
      act();
    }
  }
});

opened();
