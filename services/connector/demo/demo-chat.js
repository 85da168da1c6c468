// The list of messages and the line to write into. Everything that was received is put in as text, never as HTML.
import { avatar, byId } from "/demo-panels.js";

/** More are not kept in the page, and fewer of them over a reload. */
const MOST_SHOWN = 300;
const MOST_KEPT = 100;
/** From here on the reader is taken to have scrolled up on purpose. */
const NEAR_BOTTOM_PX = 80;

const clock = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit" });

export class ChatLog {
  #log = byId("log");
  #jump = byId("jump");
  #me = "";
  #messages = [];
  #last;
  /** Own messages by offset, acknowledged but not yet received. */
  #acknowledged = new Map();
  /** By channel: what comes up to this offset was missed. */
  #missed = new Map();
  #recovered = { count: 0, rule: undefined };
  /** Whether the newest message stays in sight: not while the reader has scrolled up. */
  #isPinned = true;

  constructor({ publish, retry }) {
    this.#listen(publish);
    this.retry = retry;
  }

  /** The last messages, as they are kept over a reload. */
  get messages() {
    return this.#messages.slice(-MOST_KEPT);
  }

  /** Shows what an earlier page load had received. */
  begin(me, messages) {
    this.#me = me;
    for (const message of messages) this.#add(message);
    this.#scrollDown();
  }

  /** Shows one publication. */
  show({ channel, offset, type, data, sender, time }, label) {
    const message = { channel, offset, type, data, sender, label, at: Date.parse(time ?? "") || Date.now() };
    const own = this.#acknowledged.get(offset);
    if (own && sender === this.#me) {
      own.remove();
      this.#acknowledged.delete(offset);
    }
    this.#countMissed(channel, offset);
    this.#add(message);
  }

  /** Connected anew: what is recovered from now on is counted together. */
  beginRound() {
    this.#missed.clear();
    this.#recovered = { count: 0, rule: undefined };
  }

  /** What comes on this channel up to this offset was missed and is recovered now. */
  expectMissed(channel, upTo) {
    this.#missed.set(channel, upTo);
  }

  /** A line across the log. */
  rule(text, tone = "") {
    const rule = document.createElement("p");
    rule.className = `rule ${tone}`;
    rule.textContent = text;
    this.#append(rule);
    this.#last = undefined;
    return rule;
  }

  /** Shows what was typed, before it is stored. */
  pending(text) {
    const element = this.#element({ data: { text }, sender: this.#me, at: Date.now(), channel: "", offset: 0 });
    element.classList.add("pending");
    this.#append(element, true);
    return { text, key: randomKey(), element };
  }

  /** It is stored at this offset: the publication takes its place, when it comes or has come. */
  published({ element }, offset) {
    const isThere = this.#messages.some((message) => message.offset === offset && message.sender === this.#me);
    if (isThere || offset === undefined) element.remove();
    else this.#acknowledged.set(offset, element);
  }

  /** It was refused or took too long; the same key is tried again on request. */
  failed(pending, reason) {
    const { element } = pending;
    element.classList.replace("pending", "failed");
    const fate = document.createElement("div");
    fate.className = "fate";
    const again = document.createElement("button");
    again.type = "button";
    again.textContent = "Try again";
    again.addEventListener("click", () => {
      fate.remove();
      element.classList.replace("failed", "pending");
      this.retry(pending);
    });
    fate.append(reason, again);
    element.append(fate);
    this.#scrollDown();
  }

  #countMissed(channel, offset) {
    if (!(offset <= this.#missed.get(channel))) return;
    const recovered = this.#recovered;
    recovered.count += 1;
    recovered.rule ??= this.rule("", "good");
    recovered.rule.textContent = recovered.count === 1 ? "1 message recovered" : `${recovered.count} messages recovered`;
  }

  #add(message) {
    this.#messages.push(message);
    if (this.#messages.length > MOST_SHOWN) this.#messages.shift();
    const element = this.#element(message);
    const isSame = this.#last && this.#last.sender === message.sender && this.#last.label === message.label && message.at - this.#last.at < 120_000;
    if (isSame) element.classList.add("same");
    this.#last = message;
    this.#append(element);
  }

  #element({ data, sender, label, type, at }) {
    const element = document.createElement("article");
    element.className = `message ${sender === undefined ? "backend" : sender === this.#me ? "mine" : ""}`;
    const who = document.createElement("div");
    who.className = "who";
    const name = document.createElement("b");
    name.textContent = sender ?? "backend";
    who.append(name);
    for (const text of [label, type]) if (text) who.append(badge(text));
    const when = document.createElement("time");
    when.dateTime = new Date(at).toISOString();
    when.textContent = clock.format(at);
    who.append(when);
    element.append(avatar(sender ?? "⚙", sender === undefined), who, bubble(data));
    return element;
  }

  #append(element, isOwn = false) {
    byId("log-empty").hidden = true;
    const firstPending = isOwn ? null : this.#log.querySelector(".pending, .failed");
    this.#log.insertBefore(element, firstPending);
    while (this.#log.children.length > MOST_SHOWN + 1) this.#log.children[1].remove();
    if (this.#isPinned || isOwn) this.#scrollDown();
    else this.#jump.hidden = false;
  }

  #scrollDown() {
    this.#isPinned = true;
    this.#log.scrollTop = this.#log.scrollHeight;
    this.#jump.hidden = true;
  }

  #listen(publish) {
    const form = byId("composer");
    const text = byId("text");
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      const written = text.value.trim();
      if (written === "") return;
      text.value = "";
      text.focus();
      publish(written);
    });
    text.addEventListener("keydown", (event) => {
      if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
      event.preventDefault();
      form.requestSubmit();
    });
    this.#jump.addEventListener("click", () => this.#scrollDown());
    let height = 0;
    this.#log.addEventListener("scroll", () => {
      const { scrollHeight, scrollTop, clientHeight } = this.#log;
      // Scrolled by the browser while the window changes, not by the reader.
      if (clientHeight !== height) return;
      this.#isPinned = scrollHeight - scrollTop - clientHeight < NEAR_BOTTOM_PX;
      if (this.#isPinned) this.#jump.hidden = true;
    });
    new ResizeObserver(() => {
      height = this.#log.clientHeight;
      if (this.#isPinned) this.#scrollDown();
    }).observe(this.#log);
  }
}

/** A message's text; any other JSON as it is. */
function bubble(data) {
  const element = document.createElement("div");
  element.className = "bubble";
  const text = typeof data === "string" ? data : data?.text;
  if (typeof text === "string") {
    element.textContent = text;
    return element;
  }
  const code = document.createElement("pre");
  code.textContent = JSON.stringify(data, undefined, 2);
  element.append(code);
  return element;
}

function badge(text) {
  const element = document.createElement("span");
  element.className = "badge";
  element.textContent = text;
  return element;
}

function randomKey() {
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, "0")).join("");
}
