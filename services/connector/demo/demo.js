// The demo: a chat room on Halley. It uses the SDK as any page would, through the global that /halley.js brings.
import { ChatLog } from "/demo-chat.js";
import { keep, kept } from "/demo-memory.js";
import { byId, showCommand, showConnection, showPeople, showStats, toast } from "/demo-panels.js";

const ROOM = "chat.lobby";
const PEOPLE_EVERY_MS = 5_000;

/** @type {import("../../../client/src/index.js").Halley | undefined} */
let halley;
/** Subscriptions by the name under which their position is kept. */
let subscriptions = {};
const chat = new ChatLog({ publish, retry: (pending) => send(pending) });

join();

async function join() {
  const { name } = kept();
  if (name) {
    start(name);
    return;
  }
  const dialog = byId("welcome");
  dialog.addEventListener("cancel", (event) => event.preventDefault());
  byId("join").addEventListener("submit", async (event) => {
    event.preventDefault();
    const chosen = byId("name").value.trim();
    if (chosen === "" || !(await canSignIn(chosen))) return;
    keep({ name: chosen });
    dialog.close();
    start(chosen);
  });
  dialog.showModal();
}

async function canSignIn(name) {
  try {
    await fetchToken(name);
    return true;
  } catch (fault) {
    byId("join-error").textContent = fault.message;
    byId("join-error").hidden = false;
    return false;
  }
}

/** Your own backend would sign a token for the user who is logged in; `halley dev` signs one for anybody. */
async function fetchToken(user) {
  const headers = { "Content-Type": "application/json" };
  const answer = await fetch("/dev/token", { method: "POST", headers, body: JSON.stringify({ user }) });
  const body = await answer.json();
  if (!answer.ok) throw new Error(body.error?.message ?? "That name can't be used.");
  return body.token;
}

function start(name) {
  chat.begin(name, kept().messages ?? []);
  byId("text").disabled = byId("send").disabled = false;
  byId("text").focus();
  const force = byId("force-poll");
  force.checked = kept().poll === true;
  force.addEventListener("change", () => {
    keep({ poll: force.checked });
    open(name);
  });
  byId("connection").addEventListener("click", () => halley?.connect());
  showCommands(name);
  setInterval(refreshPeople, PEOPLE_EVERY_MS);
  addEventListener("pagehide", remember);
  open(name);
}

async function showCommands(name) {
  try {
    const settings = await (await fetch("/dev/settings")).json();
    for (const radio of document.querySelectorAll("#targets input, #tools input")) {
      radio.addEventListener("change", () => showCommand(ROOM, name, settings));
    }
    showCommand(ROOM, name, settings);
  } catch {
    byId("command").textContent = "The connector is away: load the page again for the commands.";
  }
}

/** Begins a client; when there was one, it goes on exactly where that one stood, whatever the transport. */
function open(name) {
  remember();
  halley?.close();
  const transports = kept().poll ? ["poll"] : ["websocket", "poll"];
  halley = new Halley({ token: () => fetchToken(name), transports });
  halley.on("state", (change) => {
    if (change.state === "connected") chat.beginRound();
    showConnection(change);
  });
  halley.on("error", (error) => {
    if (!error.retryable) toast(error.message, "bad");
  });
  const { positions = {} } = kept();
  subscriptions = {
    room: halley.subscribe(ROOM, (publication) => received(publication), listening(positions.room)),
    inbox: halley.inbox((publication) => received(publication, "to you"), listening(positions.inbox)),
    everyone: halley.everyone((publication) => received(publication, "to everyone"), listening(positions.everyone)),
  };
  halley.subscribe("sys.stats", ({ data }) => showStats(data), { onError: () => undefined });
  halley.connect();
}

/** What the page does with the verdict on what it missed. */
function listening(position) {
  let known = position !== undefined;
  return {
    position,
    onSubscribed: ({ channel, recovered, position: now }) => {
      if (recovered && known) chat.expectMissed(channel, now.offset);
      if (!recovered) lost();
      known = true;
      setTimeout(refreshPeople, 300);
      showPosition();
    },
    onReset: lost,
    onError: (error) => toast(error.message, "bad"),
  };
}

function lost() {
  chat.rule("Some messages may be missing here", "bad");
  toast("Some messages could not be recovered: the history does not reach back to where this page stood.", "bad");
}

function received(publication, label) {
  chat.show(publication, label);
  refreshPeople.soon();
  // The position moves after this callback; both are kept together.
  queueMicrotask(() => {
    remember();
    showPosition();
  });
}

function remember() {
  if (!halley) return;
  const positions = Object.fromEntries(Object.entries(subscriptions).map(([name, { position }]) => [name, position]));
  keep({ positions, messages: chat.messages });
}

function showPosition() {
  const position = subscriptions.room?.position;
  byId("chat-position").textContent = position ? `position ${position.offset}` : "";
}

/** Publishes what was typed. The SDK keeps it while there is no connection; the key makes it one message in any case. */
function publish(text) {
  send(chat.pending(text));
}

async function send(pending) {
  try {
    const { position } = await halley.publish(ROOM, { text: pending.text }, { key: pending.key });
    chat.published(pending, position?.offset);
  } catch (error) {
    chat.failed(pending, error.message);
  }
}

let peopleDue = false;

async function refreshPeople() {
  if (halley?.state !== "connected" || document.hidden) return;
  try {
    showPeople(await halley.members(ROOM), halley.user);
  } catch {
    // The list stays as it was; the next round is near.
  }
}

/** At most once a second, however much happens. */
refreshPeople.soon = () => {
  if (peopleDue) return;
  peopleDue = true;
  setTimeout(() => {
    peopleDue = false;
    void refreshPeople();
  }, 1_000);
};
