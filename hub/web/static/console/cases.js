// Acts on tickets: a form opens in a dialog over whatever page one is on; a refusal shows it again as it was filled in.
"use strict";

{
  const dialog = document.createElement("dialog");
  dialog.id = "act-dialog";
  dialog.setAttribute("aria-labelledby", "act-title");
  dialog.innerHTML = '<div id="act-body"></div>';
  document.body.append(dialog);
  const body = dialog.firstElementChild;

  document.addEventListener("click", (event) => {
    const at = (selector) => event.target.closest(selector);
    const act = at("a[data-act]");
    if (act && !event.ctrlKey && !event.metaKey && !event.shiftKey) {
      event.preventDefault();
      htmx.ajax("GET", act.getAttribute("href"), { target: body, swap: "innerHTML" });
    }
    if (at("[data-close]") && dialog.contains(event.target)) {
      event.preventDefault();
      dialog.close();
    }
    if (at("[data-copy]")) {
      const box = document.getElementById(at("[data-copy]").dataset.copy);
      box.select();
      navigator.clipboard?.writeText(box.value).then(() => (document.getElementById("copied").hidden = false));
    }
    if (at("[data-all]")) {
      const boxes = [...at("fieldset").querySelectorAll('input[type="checkbox"]')];
      const all = boxes.every((box) => box.checked);
      for (const box of boxes) box.checked = !all;
    }
    const more = document.querySelector("details.more[open]");
    if (more && (!more.contains(event.target) || at("[data-act]"))) more.open = false;
  });

  document.addEventListener("htmx:beforeSwap", (event) => {
    if (event.detail.target !== body) return;
    if (event.detail.xhr.status === 422) {
      event.detail.shouldSwap = true;
      event.detail.isError = false;
    }
  });
  document.addEventListener("htmx:afterSwap", (event) => {
    if (event.detail.target !== body) return;
    if (!dialog.open) dialog.showModal();
    body.querySelector("[autofocus]:not([hidden])")?.focus();
  });
  document.addEventListener("htmx:responseError", (event) => {
    if (!dialog.contains(event.target)) return;
    const line = body.querySelector(".problem") ?? document.createElement("p");
    line.className = "problem";
    line.setAttribute("role", "alert");
    const { status, responseText } = event.detail.xhr;
    line.textContent = status < 500 || status === 503 ? responseText.slice(0, 200) : "Có lỗi xảy ra, thao tác chưa được ghi nhận.";
    body.querySelector("form")?.prepend(line);
  });
  document.addEventListener("acted", () => {
    if (dialog.open) dialog.close();
    body.replaceChildren();
    if (document.body.classList.contains("sheet")) location.reload();
    else for (const id of ["live", "queue"]) if (document.getElementById(id)) htmx.trigger(`#${id}`, "changed");
  });
  dialog.addEventListener("close", () => body.replaceChildren());
}
