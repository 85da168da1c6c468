import type { AddressInfo } from "node:net";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type WebSocket, WebSocketServer } from "ws";
import { eventually } from "../test/helpers/eventually.js";
import { Subscriber, type SubscriberOptions } from "./subscriber.js";

const EPOCH = "epoch-1";

/** What a server says when it is asked for the channel. */
type Script = (socket: WebSocket) => void;

let server: WebSocketServer;
let scripts: Script[] = [];
let asked: unknown[] = [];
beforeEach(async () => {
  scripts = [];
  asked = [];
  server = new WebSocketServer({ port: 0, host: "127.0.0.1" });
  server.on("connection", (socket) => {
    socket.on("message", (data: Buffer) => {
      const frame = JSON.parse(data.toString("utf8")) as { subscribe?: object };
      if (!frame.subscribe) return;
      asked.push(frame.subscribe);
      scripts.shift()?.(socket);
    });
  });
  await new Promise((resolve) => server.once("listening", resolve));
});
afterEach(async () => {
  for (const client of server.clients) client.terminate();
  await new Promise((resolve) => { server.close(resolve); });
});

const urlOf = (): string => `ws://127.0.0.1:${String((server.address() as AddressInfo).port)}`;

function subscribe(changed: Partial<SubscriberOptions> = {}): { subscriber: Subscriber; offsets: number[]; remarks: string[]; run: Promise<void> } {
  const offsets: number[] = [];
  const remarks: string[] = [];
  const subscriber = new Subscriber({
    url: urlOf(), channels: ["chat.x"], since: { offset: 5, epoch: EPOCH }, token: () => Promise.resolve("token"),
    onPublication: ({ offset }) => { offsets.push(offset); }, onRemark: (remark) => { remarks.push(remark); }, ...changed,
  });
  return { subscriber, offsets, remarks, run: subscriber.run() };
}

const say = (socket: WebSocket, ...frames: object[]): void => { socket.send(frames.map((frame) => JSON.stringify(frame)).join("\n")); };
const publication = (offset: number): object => ({ publication: { channel: "chat.x", offset, data: {} } });
const subscribed = (offset: number, publications: number[], epoch = EPOCH): object => ({
  subscribed: { channel: "chat.x", position: { offset, epoch }, recovered: true, publications: publications.map((one) => ({ offset: one, data: {} })) },
});

describe("Subscriber", () => {
  it("drops what it has: at or below its position, in the same epoch", async () => {
    scripts = [
      (socket) => { say(socket, subscribed(7, [4, 5, 6, 7]), publication(7), publication(6), publication(8)); },
      (socket) => { say(socket, publication(11), subscribed(9, [8, 9]), publication(9), publication(10), publication(11)); },
    ];
    const { subscriber, offsets, run } = subscribe();
    await eventually(() => offsets.length === 3);
    for (const client of server.clients) client.close(3000);
    await eventually(() => offsets.includes(11), 10_000);
    subscriber.stop();
    await run;
    expect(offsets).toEqual([6, 7, 8, 9, 10, 11]);
    expect(asked).toEqual([5, 8].map((offset) => ({ channel: "chat.x", position: { offset, epoch: EPOCH } })));
  });

  it("takes lower offsets of another epoch", async () => {
    scripts = [(socket) => { say(socket, subscribed(2, [1, 2], "epoch-2"), publication(3)); }];
    const { subscriber, offsets, run } = subscribe();
    await eventually(() => offsets.length === 3);
    subscriber.stop();
    await run;
    expect(offsets).toEqual([1, 2, 3]);
  });

  it("ends at once when it is stopped between two connections", async () => {
    scripts = [(socket) => { socket.close(3000); }];
    const { subscriber, remarks, run } = subscribe();
    await eventually(() => remarks.some((remark) => remark.includes("coming back")));
    const stoppedMs = performance.now();
    subscriber.stop();
    await run;
    expect(performance.now() - stoppedMs).toBeLessThan(300);
  });

  it("ends soon when it is stopped and the server doesn't answer", async () => {
    scripts = [(socket) => { say(socket, subscribed(5, [])); socket.pause(); }];
    const { subscriber, remarks, run } = subscribe();
    await eventually(() => remarks.length > 0);
    const stoppedMs = performance.now();
    subscriber.stop();
    await run;
    expect(performance.now() - stoppedMs).toBeLessThan(3_000);
  });

  it("comes back when nothing is heard for one and a half intervals of pings", async () => {
    scripts = [
      (socket) => { say(socket, { connected: { user: "cli", pingIntervalMs: 100 } }, subscribed(5, [])); },
      (socket) => { say(socket, subscribed(6, [6])); },
    ];
    const { subscriber, offsets, run } = subscribe();
    await eventually(() => offsets.includes(6), 10_000);
    subscriber.stop();
    await run;
  });

  it.each(["hello", "null", '{"subscribed":{}}', '{"publication":{"channel":"chat.x"}}', "[]]"])("says in a sentence that %s is no frame", async (nonsense) => {
    scripts = [(socket) => { socket.send(nonsense); }];
    const { run } = subscribe();
    await expect(run).rejects.toThrow(/^ws:\S+ sent something that is no frame of Halley: /);
  });
});
