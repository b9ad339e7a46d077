// The list beside the box that is being written in: canned replies ("/"), knowledge (Alt+K), colleagues ("@" in a note).
// Typing narrows it, arrows choose, Enter inserts at the cursor, Escape goes back.
"use strict";

{
  const byId = (id) => document.getElementById(id);
  const NAMES = { canned: "Câu trả lời mẫu", knowledge: "Tra cứu dữ liệu", people: "Nhắc tên đồng nghiệp" };
  const SIGNS = { canned: "/", people: "@" };
  const WAIT_MS = 250;
  const fold = (text) => text.toLowerCase().replaceAll("đ", "d").normalize("NFD").replace(/\p{Mn}/gu, "");

  let kind, box, all = [], shown = [], at = 0, timer;
  let loading = false, hasty = false; // Enter was pressed before the list was there

  const address = (extra = "") => {
    const ticket = document.querySelector('#cursor [name="ticket"]')?.value ?? "";
    const query = new URLSearchParams({ ticket, ...(extra && { q: extra }) });
    return `/console/conversations/${byId("stage").dataset.conversation}/helps/${kind}?${query}`;
  };

  async function fetched(words) {
    const wanted = kind;
    try {
      const answer = await fetch(address(words), { headers: { "HX-Request": "true" } });
      if (!answer.ok) throw new Error(answer.status);
      const found = await answer.json();
      if (kind === wanted) all = found;
    } catch {
      window.toast?.("Chưa tải được danh sách. Vui lòng thử lại.");
    }
  }

  async function show(which) {
    if (!byId("helper")) return;
    const note = !byId("note-form").hidden;
    box = byId(note ? "note" : "reply");
    kind = which;
    all = [];
    byId("helper").hidden = false;
    byId("helper-name").textContent = NAMES[kind];
    const q = byId("helper-q");
    q.value = "";
    q.placeholder = NAMES[kind] + (kind === "knowledge" ? ": gõ để tìm, hoặc chọn theo câu hỏi của người dân" : "");
    q.focus();
    draw();
    [loading, hasty] = [true, false];
    await fetched("");
    loading = false;
    draw();
    if (hasty) take(at);
  }

  function close(back = true) {
    if (!kind) return;
    kind = undefined;
    clearTimeout(timer);
    byId("helper").hidden = true;
    if (back) box.focus();
  }

  function draw() {
    const q = fold(byId("helper-q").value.trim()).split(/\s+/).filter(Boolean);
    const holds = (one) => q.every((word) => fold(`${one.title} ${one.text}`).includes(word));
    const named = (one) => q.every((word) => fold(one.title).includes(word));
    shown = kind === "knowledge" ? all : all.filter(holds).sort((a, b) => named(b) - named(a));
    const list = byId("helper-list");
    list.replaceChildren(
      ...shown.map((one, n) => {
        const item = document.createElement("li");
        item.id = `helper-${n}`;
        item.role = "option";
        item.dataset.n = n;
        const title = document.createElement("b");
        title.textContent = one.title;
        item.append(title);
        if (kind !== "people") {
          const text = document.createElement("span");
          text.textContent = one.text;
          item.append(text);
        }
        return item;
      }),
    );
    byId("helper-empty").hidden = loading || shown.length > 0;
    choose(0);
  }

  function choose(n) {
    at = Math.max(0, Math.min(shown.length - 1, n));
    for (const item of byId("helper-list").children) item.setAttribute("aria-selected", Number(item.dataset.n) === at);
    const item = byId(`helper-${at}`);
    item?.scrollIntoView({ block: "nearest" });
    if (item) byId("helper-q").setAttribute("aria-activedescendant", item.id);
    else byId("helper-q").removeAttribute("aria-activedescendant");
  }

  function insert(text) {
    const start = box.selectionStart;
    const end = box.selectionEnd;
    box.setRangeText(text, start, end, "end");
    const gap = /\[[^\]]+\]/.exec(text); // something that is not known yet: it is to be written
    if (gap) box.setSelectionRange(start + gap.index, start + gap.index + gap[0].length);
    box.dispatchEvent(new Event("input", { bubbles: true }));
  }

  function take(n) {
    const one = shown[n];
    if (!one) return;
    const used = one.id && box.id === "reply" ? byId("used") : null;
    close();
    insert(one.text);
    if (used) used.value = [...new Set(`${used.value} ${one.id}`.trim().split(" "))].join(" ");
  }

  document.addEventListener("keydown", (event) => {
    if (event.isComposing || event.keyCode === 229) return; // 229: a Vietnamese input method composes
    const target = event.target;
    if (event.altKey && event.key.toLowerCase() === "k" && byId("helper")) {
      event.preventDefault();
      show("knowledge");
    } else if (target.matches("#reply, #note") && event.key.length === 1) {
      const before = target.value.slice(0, target.selectionStart).slice(-1);
      const fresh = before === "" || /\s/.test(before);
      if (fresh && event.key === SIGNS.canned && target.id === "reply") {
        event.preventDefault();
        show("canned");
      } else if (fresh && event.key === SIGNS.people && target.id === "note") {
        event.preventDefault();
        show("people");
      }
    } else if (target.id === "helper-q") {
      if (event.key === "ArrowDown" || event.key === "ArrowUp") choose(at + (event.key === "ArrowDown" ? 1 : -1));
      else if (event.key === "Enter" && loading) hasty = true;
      else if (event.key === "Enter" || event.key === "Tab") take(at);
      else if (event.key === "Escape") close();
      else if (event.key === SIGNS[kind] && !target.value) { // twice: they mean the sign itself
        close();
        insert(event.key);
      } else if (event.key === "Backspace" && !target.value) close();
      else return;
      event.preventDefault();
      event.stopPropagation();
    }
  }, true);

  document.addEventListener("input", (event) => {
    if (event.target.id !== "helper-q") return;
    if (kind !== "knowledge") return draw();
    clearTimeout(timer);
    timer = setTimeout(async () => {
      await fetched(event.target.value);
      draw();
    }, WAIT_MS);
  });

  document.addEventListener("click", (event) => {
    const option = event.target.closest("#helper-list [role=option]");
    const button = event.target.closest("[data-helper]");
    if (option) take(Number(option.dataset.n));
    else if (button) show(button.dataset.helper);
    else if (event.target.closest("[data-helper-close]")) close();
    else if (kind && !event.target.closest("#helper")) close(false);
  });

  document.addEventListener("htmx:afterRequest", (event) => {
    if (event.target.dataset?.sends === "reply" && event.detail.successful) byId("used").value = "";
  });
  document.addEventListener("htmx:afterSettle", (event) => {
    if (event.detail.target.id === "stage") kind = undefined; // another conversation
  });
}
