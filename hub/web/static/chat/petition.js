// The form keeps what was typed on this device until it was sent. Without a connection it waits and sends itself when
// there is one again; the key makes that harmless however often it happens.

const DRAFT = "hub1022-petition";
const SKIP = new Set(["website"]);
const MAX_SIDE = 2048;
const RETRY_MS = 20_000;

// ---- what is kept --------------------------------------------------------------------------------

function read() {
  try {
    return JSON.parse(localStorage.getItem(DRAFT)) ?? {};
  } catch {
    return {};
  }
}

function write(draft) {
  try {
    localStorage.setItem(DRAFT, JSON.stringify(draft));
  } catch { /* private mode: then nothing is kept */ }
}

function store(mode, work) {
  return new Promise((resolve) => {
    const opening = indexedDB.open(DRAFT, 1);
    opening.onupgradeneeded = () => opening.result.createObjectStore("photos", { autoIncrement: true });
    opening.onerror = () => resolve([]);
    opening.onsuccess = () => {
      const transaction = opening.result.transaction("photos", mode);
      const request = work(transaction.objectStore("photos"));
      transaction.oncomplete = () => { opening.result.close(); resolve(request?.result ?? []); };
      transaction.onerror = transaction.onabort = () => { opening.result.close(); resolve([]); };
    };
  });
}

const keepPhotos = (files) => store("readwrite", (photos) => {
  photos.clear();
  for (const file of files) photos.add(file);
});
const keptPhotos = () => store("readonly", (photos) => photos.getAll());

async function forget() {
  localStorage.removeItem(DRAFT);
  await keepPhotos([]);
}

// ---- after it was sent ---------------------------------------------------------------------------

const sent = document.querySelector("[data-sent]");
if (sent) {
  if (read().key === sent.dataset.sent) forget();
  const print = document.querySelector("[data-print]");
  print.hidden = false;
  print.addEventListener("click", () => window.print());
}

// ---- the form ------------------------------------------------------------------------------------

const form = document.querySelector("[data-petition]");
if (form) begin(form);

async function begin(form) {
  const banner = form.querySelector("#draft");
  const photos = form.elements.photos;
  let sending = false;

  function values() {
    return Object.fromEntries(
      [...new FormData(form)].filter(([name, value]) => typeof value === "string" && !SKIP.has(name)),
    );
  }

  function save(waiting = false) {
    const fields = values();
    const { key, kind, ...typed } = fields;
    if (Object.values(typed).some(Boolean) || photos.files.length) write({ key, fields, waiting });
    else localStorage.removeItem(DRAFT);
  }

  function say(text, ...buttons) {
    banner.replaceChildren(Object.assign(document.createElement("p"), { textContent: text }), ...buttons);
    banner.hidden = false;
  }

  function button(text, act) {
    const made = Object.assign(document.createElement("button"), { type: "button", className: "plain", textContent: text });
    made.addEventListener("click", act);
    return made;
  }

  const drop = () => button("Xóa bản nháp", async () => {
    await forget();
    location.assign(form.action);
  });

  function list() {
    const chosen = form.querySelector("[data-chosen]");
    chosen.replaceChildren(...[...photos.files].map((file) => Object.assign(document.createElement("li"), {
      textContent: `${file.name} (${Math.max(1, Math.round(file.size / 1024))} KB)`,
    })));
    chosen.hidden = !photos.files.length;
  }

  function take(files) {
    const transfer = new DataTransfer();
    for (const file of files) transfer.items.add(file);
    photos.files = transfer.files;
    list();
  }

  async function restore() {
    const { key, fields, waiting } = read();
    const answered = form.querySelector(".problem");  // the page shows what was sent just now
    if (!fields || (answered && key !== form.elements.key.value)) return false;
    if (answered) write({ key, fields: values(), waiting: false });
    if (!answered) {
      for (const [name, value] of Object.entries(fields)) {
        const field = form.elements[name];
        if (!field) continue;
        if (field instanceof HTMLInputElement && field.type === "checkbox") field.checked = true;
        else field.value = value;
      }
      say("Đã khôi phục nội dung anh/chị viết dở. Bản nháp chỉ nằm trên máy này.", drop());
    }
    const kept = await keptPhotos();
    if (kept.length) take(kept);
    return Boolean(waiting) && !answered;
  }

  async function connected() {
    if (!navigator.onLine) return false;
    try {
      return (await fetch("/healthz", { cache: "no-store", signal: AbortSignal.timeout(6000) })).ok;
    } catch {
      return false;
    }
  }

  async function send() {
    if (sending) return;
    sending = true;
    if (await connected()) {
      save(true);  // until the hub has answered: the connection may break on the way
      form.submit();
      return;
    }
    sending = false;
    save(true);
    say("Chưa có mạng. Nội dung đã lưu trên máy này và tự gửi khi có mạng; anh/chị giữ trang này mở.", drop());
  }

  // a phone's camera makes files that are larger than what is kept of them
  async function smaller(file) {
    try {
      const picture = await createImageBitmap(file);
      const scale = Math.min(1, MAX_SIDE / Math.max(picture.width, picture.height));
      const canvas = new OffscreenCanvas(Math.round(picture.width * scale), Math.round(picture.height * scale));
      canvas.getContext("2d").drawImage(picture, 0, 0, canvas.width, canvas.height);
      const blob = await canvas.convertToBlob({ type: "image/jpeg", quality: 0.85 });
      return blob.size < file.size ? new File([blob], file.name.replace(/\.\w+$/, "") + ".jpg", { type: blob.type }) : file;
    } catch {
      return file;  // the hub says what is wrong with it
    }
  }

  form.addEventListener("input", () => save());
  photos.addEventListener("change", async () => {
    take(await Promise.all([...photos.files].map(smaller)));
    await keepPhotos([...photos.files]);
    save();
  });
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    send();
  });
  const retry = () => { if (read().waiting) send(); };
  window.addEventListener("pageshow", () => { sending = false; });
  window.addEventListener("online", retry);
  setInterval(retry, RETRY_MS);

  locate(form, save);
  if (await restore()) send();
}

// ---- where the device is -------------------------------------------------------------------------

function locate(form, changed) {
  const here = form.querySelector("[data-here]");
  if (!navigator.geolocation) return;
  const [button, status] = [here.querySelector("button"), here.querySelector("p")];
  const { lat, lon } = form.elements;

  function show(accuracy) {
    const known = Boolean(lat.value);
    button.textContent = known ? "Bỏ vị trí" : "Dùng vị trí của tôi";
    status.textContent = known ? `Đã ghi vị trí máy của anh/chị${accuracy ? ` (sai số khoảng ${Math.round(accuracy)} m)` : ""}.` : "";
  }

  button.addEventListener("click", () => {
    if (lat.value) {
      lat.value = lon.value = "";
      show();
      changed();
      return;
    }
    status.textContent = "Đang tìm vị trí…";
    navigator.geolocation.getCurrentPosition(
      ({ coords }) => {
        lat.value = coords.latitude.toFixed(6);
        lon.value = coords.longitude.toFixed(6);
        show(coords.accuracy);
        changed();
      },
      () => { status.textContent = "Không lấy được vị trí. Anh/chị vui lòng ghi bằng chữ."; },
      { enableHighAccuracy: true, timeout: 15_000 },
    );
  });
  here.hidden = false;
  show();
}
