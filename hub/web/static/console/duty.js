// Who is there: the page says every now and then that it is open, and what is open in it. Calls the person when
// there is something new, if they want that.
"use strict";

{
  const EVERY_MS = 20000;
  const token = JSON.parse(document.body.getAttribute("hx-headers") ?? "{}")["X-CSRF-Token"];
  const open = () => (document.visibilityState === "visible" && document.getElementById("stage")?.dataset.conversation) || "";

  let told;
  function tell(conversation) {
    told = conversation;
    const body = new URLSearchParams({ csrf: token, conversation });
    fetch("/console/presence", { method: "POST", body, keepalive: true }).catch(() => {}); // away: said again soon
  }
  if (token && document.querySelector("[data-alerts]")) { // officers of agencies are not on duty here
    tell(open());
    setInterval(() => tell(open()), EVERY_MS);
    document.addEventListener("visibilitychange", () => tell(open()));
    document.addEventListener("htmx:afterSettle", () => open() !== told && tell(open()));
    window.addEventListener("pagehide", () => tell(""));
  }

  // ---- calling the person

  const wants = (what) => localStorage.getItem(`console.alert.${what}`) === "on";
  for (const box of document.querySelectorAll("[data-alert]")) {
    box.checked = wants(box.dataset.alert);
    box.addEventListener("change", async () => {
      if (box.checked && box.dataset.alert === "screen" && (await Notification.requestPermission()) !== "granted") {
        box.checked = false;
        window.toast?.("Trình duyệt đang chặn thông báo của trang này. Vui lòng cho phép trong cài đặt trang.");
      }
      localStorage.setItem(`console.alert.${box.dataset.alert}`, box.checked ? "on" : "off");
      if (box.checked && box.dataset.alert === "sound") ring();
    });
  }

  function ring() {
    const audio = new AudioContext();
    const gain = new GainNode(audio, { gain: 0.08 });
    gain.connect(audio.destination);
    for (const [n, frequency] of [660, 880].entries()) {
      const tone = new OscillatorNode(audio, { frequency });
      tone.connect(gain);
      tone.start(audio.currentTime + n * 0.16);
      tone.stop(audio.currentTime + n * 0.16 + 0.13);
    }
    setTimeout(() => audio.close(), 1000);
  }

  // Nothing of what was said: others see the screen too.
  const NEWS = {
    named: "Có đồng nghiệp nhắc đến bạn.",
    unread: "Người dân vừa nhắn trong phiếu của bạn.",
    mine: "Có phiếu được giao cho bạn.",
    free: "Có phiếu mới chờ nhận.",
  };
  const counts = () => ({ ...document.getElementById("news")?.dataset });
  let before = counts();
  document.addEventListener("htmx:oobAfterSwap", (event) => {
    if (event.detail.target.id !== "news") return;
    const now = counts();
    const grown = Object.keys(NEWS).find((name) => Number(now[name]) > Number(before[name] ?? 0));
    before = now;
    if (!grown) return;
    document.body.dataset.called = grown;
    say(NEWS[grown]);
    if (document.getElementById("bell")) htmx.trigger("#bell", "changed");
    if (document.visibilityState === "visible" && document.hasFocus()) return; // they see it
    if (wants("sound")) ring();
    if (wants("screen") && Notification.permission === "granted") {
      const shown = new Notification("Tổng đài 1022", { body: NEWS[grown], tag: "console" });
      shown.onclick = () => {
        window.focus();
        shown.close();
      };
    }
  });
}
