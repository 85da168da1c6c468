// What stands around the chat: the connection, the people, the live counts, the command to copy, short notes.

const TRANSPORTS = { websocket: "WebSocket", poll: "long-poll" };
const TOAST_MS = 6_000;
const SPARK_POINTS = 60;

/** An element that the page has. */
export function byId(id) {
  return document.getElementById(id);
}

/** A round sign for a name, always in the same colour. */
export function avatar(name, isBackend = false) {
  const element = document.createElement("span");
  element.className = "avatar";
  element.setAttribute("aria-hidden", "true");
  element.textContent = [...name][0] ?? "?";
  let hash = 0;
  for (const char of name) hash = (hash * 31 + char.codePointAt(0)) % 360;
  element.style.setProperty("--hue", isBackend ? "255" : String(hash));
  return element;
}

let countdown;

/** The state of the connection, in words. A click on it tries at once. */
export function showConnection({ state, transport, retryInMs, error }) {
  clearInterval(countdown);
  const pill = byId("connection");
  const text = byId("connection-text");
  pill.dataset.state = state;
  pill.title = error?.message ?? "";
  if (state === "connected") text.textContent = `Connected · ${TRANSPORTS[transport]}`;
  else if (state === "connecting") text.textContent = "Connecting…";
  else if (state === "closed") text.textContent = error ? "Closed · reconnect" : "Closed";
  else {
    const until = Date.now() + (retryInMs ?? 0);
    const tell = () => {
      const seconds = Math.ceil((until - Date.now()) / 1_000);
      text.textContent = seconds > 1 ? `Reconnecting in ${seconds} s` : "Reconnecting…";
    };
    tell();
    countdown = setInterval(tell, 500);
  }
}

/** Who is in the room. */
export function showPeople({ users, sessions }, me) {
  const tabs = sessions > users.length ? ` in ${sessions} tabs` : "";
  byId("people-count").textContent = `${users.length} online${tabs}`;
  const items = [...users].sort((a, b) => Number(b === me) - Number(a === me)).map((user) => {
    const item = document.createElement("li");
    const name = document.createElement("span");
    name.className = "name";
    name.textContent = user;
    item.append(avatar(user), name);
    if (user === me) item.append(youMark());
    return item;
  });
  byId("people").replaceChildren(...items);
}

function youMark() {
  const mark = document.createElement("span");
  mark.className = "badge";
  mark.textContent = "you";
  return mark;
}

/** Deliveries a second, of the last minute. */
const rates = Array(SPARK_POINTS).fill(0);

/** The statistics of the whole installation, once a second. */
export function showStats(stats) {
  const { onlineUsers = 0, sessionsByTransport = {}, channels = 0, deliveriesPerSecond = 0 } = stats ?? {};
  byId("stat-users").textContent = short(onlineUsers);
  byId("stat-websocket").textContent = short(sessionsByTransport.websocket ?? 0);
  byId("stat-poll").textContent = short(sessionsByTransport.poll ?? 0);
  byId("stat-channels").textContent = short(channels);
  byId("stat-rate").textContent = short(deliveriesPerSecond);
  rates.push(deliveriesPerSecond);
  rates.shift();
  drawSpark();
}

function drawSpark() {
  const most = Math.max(1, ...rates);
  const step = 120 / (SPARK_POINTS - 1);
  const points = rates.map((rate, index) => `${(index * step).toFixed(1)} ${(30 - (rate / most) * 27).toFixed(1)}`);
  byId("spark-line").setAttribute("d", `M${points.join("L")}`);
  byId("spark-area").setAttribute("d", `M0 32L${points.join("L")}L120 32Z`);
}

function short(number) {
  if (number >= 10_000) return `${(number / 1_000).toFixed(number >= 100_000 ? 0 : 1)}k`;
  return number >= 100 || Number.isInteger(number) ? String(Math.round(number)) : number.toFixed(1);
}

let isCopyReady = false;

/** The command that publishes what is chosen; `settings`: those of `/dev/settings`. */
export function showCommand(room, me, settings) {
  const target = document.querySelector("#targets input:checked").value;
  const tool = document.querySelector("#tools input:checked").value;
  byId("command").textContent = commandOf(tool, target, { room, me, ...settings });
  if (isCopyReady) return;
  isCopyReady = true;
  byId("copy").addEventListener("click", copyCommand);
}

function commandOf(tool, target, { room, me, publishPort, natsUrl, dataFolder, apiKey }) {
  const json = '{"text":"hi from the backend"}';
  if (tool === "halley") {
    const to = { channel: room, user: `--user ${quoted(me)}`, everyone: "--everyone" }[target];
    const folder = dataFolder === undefined ? "" : `HALLEY_DATA=${quoted(dataFolder)} `;
    return `${folder}npx halley publish ${to} '${json}'`;
  }
  if (tool === "nats") {
    const to = { channel: room, user: `user.${userToken(me)}`, everyone: "all" }[target];
    return `nats pub --server ${quoted(natsUrl)} halley.pub.${to} '${json}'`;
  }
  const to = { channel: { channel: room }, user: { user_id: me }, everyone: { everyone: true } }[target];
  const request = JSON.stringify({ ...to, message: { json } });
  return [
    "grpcurl -plaintext \\",
    `  -H 'authorization: Bearer ${apiKey ?? "<your API key>"}' \\`,
    `  -d ${quoted(request)} \\`,
    `  ${location.hostname}:${publishPort} halley.v1.PublishService/Publish`,
  ].join("\n");
}

/** For a shell. */
function quoted(text) {
  return /^[\w@.:/-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
}

function userToken(id) {
  if (/^[A-Za-z0-9_-]+$/.test(id)) return id;
  const base64 = btoa(String.fromCharCode(...new TextEncoder().encode(id)));
  return `=${base64.replaceAll("+", "-").replaceAll("/", "_").replace(/=+$/, "")}`;
}

async function copyCommand() {
  const button = byId("copy");
  try {
    await navigator.clipboard.writeText(byId("command").textContent);
    button.textContent = "Copied";
  } catch {
    getSelection().selectAllChildren(byId("command"));
    button.textContent = "Press Ctrl+C";
  }
  setTimeout(() => (button.textContent = "Copy"), 1_500);
}

/** A short note at the upper edge. */
export function toast(text, tone = "") {
  const note = document.createElement("p");
  note.className = `toast ${tone}`;
  note.textContent = text;
  byId("toasts").append(note);
  while (byId("toasts").children.length > 3) byId("toasts").firstChild.remove();
  setTimeout(() => note.remove(), TOAST_MS);
}
