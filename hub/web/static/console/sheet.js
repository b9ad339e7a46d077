// Pages of the console that are one form: the draft outlives a reload, a lost session and a refused form; Ctrl+Enter
// sends; what is found beside the form is put into it.
"use strict";

const me = document.body.dataset.me;
const drafts = () => Object.keys(localStorage).filter((name) => name.startsWith("console.draft."));

document.addEventListener("submit", (event) => {
  if (event.target.matches("[data-logout]")) for (const name of drafts()) localStorage.removeItem(name);
});
document.addEventListener("click", (event) => {
  const menu = document.querySelector("details.menu[open]");
  if (menu && !menu.contains(event.target)) menu.open = false;
});

// ---- the draft of a call

const draftName = `console.draft.${me}.call`;
const form = document.querySelector("form[data-draft]");
if (document.querySelector("[data-draft-done]")) localStorage.removeItem(draftName);

const kept = () => [...form.elements].filter((one) => one.name && one.name !== "csrf" && one.type !== "file");

function keep() {
  const values = {};
  for (const one of kept()) {
    if (one.type === "radio" || one.type === "checkbox") {
      if (one.checked) values[one.name] = one.value;
    } else if (one.value) values[one.name] = one.value;
  }
  localStorage.setItem(draftName, JSON.stringify(values));
}

function restore() {
  let values;
  try {
    values = JSON.parse(localStorage.getItem(draftName) ?? "null");
  } catch {
    return;
  }
  if (!values) return;
  for (const one of kept()) {
    if (one.type === "radio" || one.type === "checkbox") one.checked = values[one.name] === one.value;
    else if (values[one.name] !== undefined) one.value = values[one.name];
  }
  document.getElementById("restored").hidden = false;
}

if (form) {
  if (form.dataset.draft === "new") restore(); // a form that came back refused holds everything already
  form.addEventListener("input", keep);
  form.addEventListener("change", keep);
  form.addEventListener("keydown", (event) => {
    if (event.isComposing || event.keyCode === 229) return; // a Vietnamese input method composes
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) {
      event.preventDefault();
      form.requestSubmit();
    }
  });
  form.addEventListener("submit", (event) => {
    const file = form.elements.recording?.files[0];
    const tooBig = file && file.size > Number(form.dataset.maxBytes);
    const fault = document.getElementById("recording-fault");
    if (fault) fault.hidden = !tooBig;
    if (tooBig) {
      event.preventDefault();
      form.elements.recording.focus();
    } else keep();
  });
}

document.addEventListener("click", (event) => {
  const at = (selector) => event.target.closest(selector);
  if (at("[data-clear]")) {
    localStorage.removeItem(draftName);
    location.assign(location.pathname);
  }
  const unit = at("[data-unit]");
  if (unit) {
    form.elements.to.value = unit.dataset.unit;
    if (unit.dataset.number) form.elements.through_number.value = unit.dataset.number;
    document.getElementById("units").replaceChildren();
    form.elements.person.focus();
    keep();
  }
  const hit = at("[data-insert]");
  if (hit) {
    const box = form.elements.answer;
    box.value = [box.value.trim(), document.getElementById(hit.dataset.insert).textContent.trim()].filter(Boolean).join("\n\n");
    const used = new Set(form.elements.knowledge.value.split(" ").filter(Boolean));
    form.elements.knowledge.value = [...used.add(hit.dataset.id)].join(" ");
    box.focus();
    keep();
  }
});
