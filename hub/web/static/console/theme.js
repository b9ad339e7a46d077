// Before anything is drawn: light, dark, or as the system has it.
"use strict";

{
  const THEME = "console.theme";
  const show = (theme) => {
    if (theme) document.documentElement.dataset.theme = theme;
    else delete document.documentElement.dataset.theme;
  };
  show(localStorage.getItem(THEME));
  window.addEventListener("storage", (event) => event.key === THEME && show(event.newValue));
  document.addEventListener("DOMContentLoaded", () => {
    for (const choice of document.querySelectorAll("[data-theme-choice] input"))
      choice.checked = choice.value === (localStorage.getItem(THEME) ?? "");
  });
  document.addEventListener("change", (event) => {
    if (!event.target.closest("[data-theme-choice]")) return;
    if (event.target.value) localStorage.setItem(THEME, event.target.value);
    else localStorage.removeItem(THEME);
    show(event.target.value);
  });
}
