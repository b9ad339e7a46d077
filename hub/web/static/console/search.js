// What was looked for last stays in this tab, never in an address: coming back from a result shows the results again.
"use strict";

{
  const form = document.getElementById("search");
  const LAST = "console.search";
  const q = form.elements.q;
  window.addEventListener("pageshow", () => { // by then the browser has filled in again what was typed
    const last = JSON.parse(sessionStorage.getItem(LAST) ?? "null");
    if (!last?.q || document.querySelector("#results > *") || ![last.q, ""].includes(q.value)) return;
    q.value = last.q;
    form.elements.kind.value = last.kind;
    q.select();
    htmx.trigger(form, "submit");
  });
  form.addEventListener("htmx:beforeRequest", () => {
    sessionStorage.setItem(LAST, JSON.stringify({ q: q.value, kind: form.elements.kind.value }));
  });
  document.addEventListener("submit", (event) => {
    if (event.target.matches("[data-logout]")) sessionStorage.removeItem(LAST);
  });
  document.addEventListener("keydown", (event) => {
    const links = [...document.querySelectorAll(".found a")];
    if (!["ArrowDown", "ArrowUp"].includes(event.key) || !links.length) return;
    const now = links.indexOf(document.activeElement);
    event.preventDefault();
    if (event.key === "ArrowUp" && now <= 0) q.focus();
    else links[Math.min(links.length - 1, now + (event.key === "ArrowDown" ? 1 : -1))].focus();
  });
}
