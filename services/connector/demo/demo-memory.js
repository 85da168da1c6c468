// What this tab remembers over a reload: the name, the transport, and the positions with the messages that belong to them.
const KEY = "halley.demo";
let memory = read();

/** What is kept. */
export function kept() {
  return memory;
}

/** Keeps some more, in one write, so that messages and positions never disagree. */
export function keep(more) {
  memory = { ...memory, ...more };
  try {
    sessionStorage.setItem(KEY, JSON.stringify(memory));
  } catch {
    // Without storage a reload begins anew.
  }
}

function read() {
  try {
    return JSON.parse(sessionStorage.getItem(KEY)) ?? {};
  } catch {
    return {};
  }
}
