// A process: the cheapest program on Node's `http` that could answer polls like a connector's. It knows no protocol: the path
// of a request says whose poll it is, and lines on its control socket say what to answer: `17 <payload>`, or `* <payload>`.
import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { type AddressInfo, createServer as createTcpServer } from "node:net";
import { serveCommands } from "../process/commands.js";
import { type AnswerParts, composeAnswer } from "./answerParts.js";

/** As long as the pollers ask Halley to wait. */
const WAIT_MS = 25_000;

/** One client. */
interface Seat {
  response: ServerResponse | undefined;
  timer: NodeJS.Timeout | undefined;
  /** Publications that have come since the last answer. */
  pending: string[];
}

const seats = new Map<string, Seat>();
let parts: Record<"one" | "all", AnswerParts> | undefined;

function onRequest(request: IncomingMessage, response: ServerResponse): void {
  const chunks: Buffer[] = [];
  request.on("data", (chunk: Buffer) => chunks.push(chunk));
  request.on("end", () => {
    Buffer.concat(chunks);
    const key = (request.url ?? "/").slice(1);
    const known = seats.get(key);
    const seat: Seat = known ?? { response: undefined, timer: undefined, pending: [] };
    seats.set(key, seat);
    seat.response = response;
    // The first poll is answered at once, as a connector does that gives a session.
    if (!known || seat.pending.length > 0) answer(seat);
    else seat.timer = setTimeout(() => { answer(seat); }, WAIT_MS);
  });
}

function answer(seat: Seat): void {
  const { response, timer, pending } = seat;
  if (!response || !parts) return;
  clearTimeout(timer);
  seat.response = undefined;
  seat.pending = [];
  const body = composeAnswer(parts.one, pending);
  response.writeHead(200, { "content-type": "application/json", "cache-control": "no-store", "content-length": Buffer.byteLength(body) });
  response.end(body);
}

function onControl(text: string): void {
  const { one, all } = parts ?? {};
  if (!one || !all) throw new Error("there is nothing to answer with");
  const touched = new Set<Seat>();
  for (const line of text.split("\n")) {
    const space = line.indexOf(" ");
    const payload = line.slice(space + 1);
    const addressed = line[0] === "*" ? [...seats.values()] : [seats.get(line.slice(0, space))];
    const publication = line[0] === "*" ? `${all.before}${payload}${all.after}` : `${one.before}${payload}${one.after}`;
    for (const seat of addressed) {
      seat?.pending.push(publication);
      if (seat) touched.add(seat);
    }
  }
  // What came together is answered together.
  for (const seat of touched) answer(seat);
}

/** Listens for pollers, and for the control connection. `answers`: what a connector answers, for messages to one and to all. */
async function start({ answers }: { readonly answers: Record<"one" | "all", AnswerParts> }): Promise<{ port: number; controlPort: number }> {
  parts = answers;
  const server = createServer({ keepAliveTimeout: 65_000, noDelay: true }, onRequest);
  server.listen({ port: 0, host: "127.0.0.1", backlog: 4_096 });
  await once(server, "listening");
  const control = createTcpServer((socket) => {
    let rest = "";
    socket.on("data", (chunk: Buffer) => {
      const text = rest + chunk.toString("latin1");
      const end = text.lastIndexOf("\n");
      rest = text.slice(end + 1);
      if (end !== -1) onControl(text.slice(0, end));
    });
    socket.on("error", () => socket.destroy());
  });
  control.listen({ port: 0, host: "127.0.0.1" });
  await once(control, "listening");
  return { port: (server.address() as AddressInfo).port, controlPort: (control.address() as AddressInfo).port };
}

const commands = { start };
/** What the floor can be asked. */
export type PollFloorCommands = typeof commands;

serveCommands(commands);
