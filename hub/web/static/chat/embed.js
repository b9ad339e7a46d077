// The launcher of the live chat for other sites:
//
//   <script async src="https://<hub>/embed.js" data-label="Hỏi Tổng đài 1022" data-side="right"></script>
//
// It adds one button, in a shadow root that the site's styles do not reach, and opens the chat in a frame of the hub's
// own origin. It sets no cookie and loads nothing else.
(() => {
  const script = document.currentScript;
  const origin = new URL(script.src).origin;
  const label = script.dataset.label || "Hỏi Tổng đài 1022";
  const side = script.dataset.side === "left" ? "left" : "right";
  const phone = window.matchMedia("(max-width: 480px)");

  const style = new CSSStyleSheet();
  style.replaceSync(`
    :host { all: initial; }
    * { box-sizing: border-box; }
    [hidden] { display: none !important; }
    button {
      position: fixed; z-index: 2147483000; ${side}: max(16px, env(safe-area-inset-${side}));
      bottom: max(16px, env(safe-area-inset-bottom)); display: flex; align-items: center; gap: 10px; min-height: 56px;
      padding: 8px 20px 8px 10px; border: 0; border-radius: 28px; background: #0b5d57; color: #fff; cursor: pointer;
      font: 600 16px/1.2 system-ui, "Segoe UI", Roboto, "Noto Sans", Arial, sans-serif;
      box-shadow: 0 6px 24px rgb(0 0 0 / .28);
    }
    button:hover { background: #094c47; }
    button:focus-visible { outline: 3px solid #fff; outline-offset: -5px; box-shadow: 0 0 0 4px #0b5d57; }
    img { width: 40px; height: 40px; border-radius: 50%; display: block; }
    .count { min-width: 24px; padding: 2px 7px; border-radius: 12px; background: #b3195f; text-align: center; font-size: 14px; }
    .panel {
      position: fixed; z-index: 2147483001; ${side}: 16px; bottom: 16px; width: min(400px, calc(100vw - 32px));
      height: min(680px, calc(100vh - 32px)); border-radius: 18px; overflow: hidden; background: #fff;
      box-shadow: 0 12px 48px rgb(0 0 0 / .32);
    }
    iframe { width: 100%; height: 100%; border: 0; display: block; }
    @media (max-width: 480px) { .panel { inset: 0; width: 100%; height: 100dvh; border-radius: 0; } }
    @media (prefers-reduced-motion: no-preference) {
      .panel { animation: rise .18s ease-out; }
      @keyframes rise { from { opacity: 0; transform: translateY(12px); } }
    }
    @media print { button, .panel { display: none; } }
  `);

  const host = document.createElement("div");
  host.lang = "vi";
  const root = host.attachShadow({ mode: "open" });
  root.adoptedStyleSheets = [style];

  const button = document.createElement("button");
  button.type = "button";
  button.setAttribute("aria-expanded", "false");
  const logo = document.createElement("img");
  logo.src = `${origin}/static/chat/logo.svg`;
  logo.alt = "";
  const count = document.createElement("span");
  count.className = "count";
  count.hidden = true;
  button.append(logo, label, count);

  const panel = document.createElement("div");
  panel.className = "panel";
  panel.hidden = true;
  panel.setAttribute("role", "dialog");
  panel.setAttribute("aria-label", "Trò chuyện với Tổng đài 1022 Đồng Tháp");
  root.append(button, panel);

  let frame = null;
  let scrolled = "";

  function tell() {
    frame.contentWindow.postMessage({ type: "hub1022:shown", shown: !panel.hidden }, origin);
  }

  function open() {
    panel.hidden = false;
    button.hidden = true;
    button.setAttribute("aria-expanded", "true");
    if (phone.matches) {
      scrolled = document.documentElement.style.overflow;
      document.documentElement.style.overflow = "hidden"; // the page behind a full-screen chat stays put
    }
    if (frame) {
      tell();
    } else {
      frame = document.createElement("iframe");
      frame.src = `${origin}/chat`;
      frame.title = "Trò chuyện với Tổng đài 1022 Đồng Tháp";
      frame.addEventListener("load", tell);
      panel.append(frame);
    }
    frame.focus();
  }

  function close() {
    panel.hidden = true;
    button.hidden = false;
    button.setAttribute("aria-expanded", "false");
    if (phone.matches) document.documentElement.style.overflow = scrolled;
    tell();
    button.focus();
  }

  function unread(number) {
    count.hidden = !number;
    count.textContent = number;
    count.setAttribute("aria-label", `${number} tin mới`);
  }

  button.addEventListener("click", open);
  panel.addEventListener("keydown", (event) => event.key === "Escape" && close());
  window.addEventListener("message", (event) => {
    if (!frame || event.origin !== origin || event.source !== frame.contentWindow) return;
    if (event.data?.type === "hub1022:close") close();
    if (event.data?.type === "hub1022:unread") unread(event.data.count);
  });

  const place = () => document.body.append(host);
  if (document.body) place();
  else document.addEventListener("DOMContentLoaded", place);
})();
