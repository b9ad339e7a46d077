// <select data-pick> with many options becomes a box in which one types to find: with or without diacritics, by keyboard.
// Without this script it stays the select it is.
"use strict";

{
  const fold = (text) => text.normalize("NFD").replace(/\p{M}/gu, "").replace(/[đĐ]/g, "d").toLowerCase();
  let count = 0;

  function enhance(select) {
    const n = ++count;
    const box = document.createElement("div");
    box.className = "pick";
    const input = document.createElement("input");
    const list = document.createElement("ul");
    Object.assign(input, { type: "text", autocomplete: "off", id: `${select.id}-find`, placeholder: "Gõ để tìm" });
    list.id = `pick-${n}`;
    list.hidden = true;
    list.setAttribute("role", "listbox");
    const attributes = { role: "combobox", "aria-expanded": "false", "aria-controls": list.id, "aria-autocomplete": "list", spellcheck: "false" };
    for (const [name, value] of Object.entries(attributes)) input.setAttribute(name, value);
    const label = document.querySelector(`label[for="${select.id}"]`);
    if (label) {
      label.htmlFor = input.id;
      label.id ||= `${select.id}-label`;
      list.setAttribute("aria-labelledby", label.id);
    }
    if (select.autofocus) input.autofocus = true;
    select.hidden = true;
    select.removeAttribute("autofocus");
    const required = select.required;
    select.required = false;
    input.required = required;
    select.after(box);
    box.append(input, list);

    const options = [...select.options].map((option) => ({ option, words: fold(option.text) }));
    let active = -1;
    const chosen = () => select.selectedOptions[0];
    const show = () => (input.value = chosen()?.value ? chosen().text : "");
    show();

    function mark(to) {
      const rows = list.children;
      rows[active]?.removeAttribute("aria-selected");
      active = rows.length ? (to + rows.length) % rows.length : -1;
      const row = rows[active];
      if (!row) return input.removeAttribute("aria-activedescendant");
      row.setAttribute("aria-selected", "true");
      row.scrollIntoView({ block: "nearest" });
      input.setAttribute("aria-activedescendant", row.id);
    }
    function open(typed) {
      const wanted = fold(typed).split(/\s+/).filter(Boolean);
      const found = options.filter(({ option, words }) => (option.value || !wanted.length) && wanted.every((word) => words.includes(word)));
      list.replaceChildren(
        ...found.slice(0, 60).map(({ option }, place) => {
          const row = document.createElement("li");
          row.id = `${list.id}-${place}`;
          row.setAttribute("role", "option");
          row.dataset.value = option.value;
          row.textContent = option.text;
          return row;
        }),
      );
      if (!found.length) list.innerHTML = '<li class="none">Không tìm thấy</li>';
      list.hidden = false;
      input.setAttribute("aria-expanded", "true");
      active = -1;
      if (wanted.length && found.length) mark(0);
    }
    function close() {
      list.hidden = true;
      input.setAttribute("aria-expanded", "false");
      input.removeAttribute("aria-activedescendant");
    }
    function choose(value) {
      select.value = value;
      select.dispatchEvent(new Event("change", { bubbles: true }));
      show();
      close();
    }
    input.addEventListener("focus", () => input.select());
    input.addEventListener("click", () => open(""));
    input.addEventListener("input", () => open(input.value));
    input.addEventListener("keydown", (event) => {
      if (event.isComposing || event.keyCode === 229) return;
      if (event.key === "ArrowDown" || event.key === "ArrowUp") {
        event.preventDefault();
        if (list.hidden) open("");
        mark(active + (event.key === "ArrowDown" ? 1 : -1));
      } else if (event.key === "Enter" && !list.hidden) {
        event.preventDefault();
        if (list.children[active]?.dataset.value !== undefined) choose(list.children[active].dataset.value);
      } else if (event.key === "Escape" && !list.hidden) {
        event.preventDefault();
        event.stopPropagation();
        show();
        close();
      }
    });
    input.addEventListener("blur", () => {
      if (!input.value.trim()) select.value = "";
      show();
      close();
    });
    list.addEventListener("mousedown", (event) => event.preventDefault()); // the box keeps the focus
    list.addEventListener("click", (event) => {
      const row = event.target.closest("[data-value]");
      if (row) choose(row.dataset.value);
    });
  }

  const all = (root) => root.querySelectorAll("select[data-pick]:not([hidden])").forEach(enhance);
  all(document);
  document.addEventListener("htmx:afterSwap", (event) => all(event.detail.target));
}
