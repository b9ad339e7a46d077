// Local storage that forgets instead of failing: browsers may deny it inside another site's page.

const memory = new Map();
const PREFIX = "hub1022.";

function local() {
  try {
    return window.localStorage;
  } catch {
    return null;
  }
}

export function read(name) {
  try {
    return JSON.parse(local()?.getItem(PREFIX + name) ?? memory.get(name) ?? "null");
  } catch {
    return null;
  }
}

export function write(name, value) {
  const text = JSON.stringify(value);
  try {
    local().setItem(PREFIX + name, text);
  } catch {
    memory.set(name, text);
  }
}

export function forget(name) {
  memory.delete(name);
  try {
    local().removeItem(PREFIX + name);
  } catch {
    // nothing was kept
  }
}

/** The names kept under a prefix. */
export function names(prefix) {
  let kept = [];
  try {
    kept = Object.keys(local()).filter((key) => key.startsWith(PREFIX)).map((key) => key.slice(PREFIX.length));
  } catch {
    // only what is in memory
  }
  return [...new Set([...kept, ...memory.keys()])].filter((name) => name.startsWith(prefix));
}

/** Call back when another tab changes `name`; the new value, or null when it was removed. */
export function watch(name, changed) {
  window.addEventListener("storage", (event) => {
    if (event.key === null || event.key === PREFIX + name) changed(read(name));
  });
}
