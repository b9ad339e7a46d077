// What everybody should know now (a storm, a power cut) appears on pages that are already open, and goes again.
const EVERY_MS = 60_000;
const place = document.querySelector("#banners");

async function look() {
  if (document.hidden) return;
  const answer = await fetch("/banners", { cache: "no-store" }).catch(() => null); // next time, then
  if (!answer?.ok) return;
  const texts = await answer.json();
  if (JSON.stringify(texts) === JSON.stringify([...place.children].map((one) => one.textContent))) return;
  place.replaceChildren(
    ...texts.map((text) => Object.assign(document.createElement("p"), { className: "storm-banner", textContent: text })),
  );
}

setInterval(look, EVERY_MS);
document.addEventListener("visibilitychange", look);
