import { connect } from "node:net";
import { Client, credentials, Metadata, type ServiceError, status as codes } from "@grpc/grpc-js";
import { PresenceServiceService } from "../../gen/halley/v1/presence.js";
import { PublishBatchRequest, PublishBatchResponse, PublishRequest, PublishServiceService, PublishStreamRequest } from "../../gen/halley/v1/publish.js";
import { TEST_API_KEY } from "../../test/helpers/installation.js";
import { failureOf, readStatus } from "../../test/helpers/publishService.js";
import type { Random } from "../random.js";
import { reasonFault } from "./documented.js";
import { anyChannel, anyPayload, anyType } from "./frames.js";
import type { Fuzzer } from "./fuzzer.js";
import { chance, mutateBytes, randomBytes } from "./mutate.js";
import type { FuzzTarget } from "./target.js";

const CALLS = 20;
const DEADLINE_EXCEEDED: number = codes.DEADLINE_EXCEEDED;
const BATCH = 100;
const DEADLINE_MS = 20_000;
/** What grpc-js says by itself, without details: an unknown method, a message that is too large, or none. */
const BARE = new Set<number>([codes.UNIMPLEMENTED, codes.RESOURCE_EXHAUSTED]);

const clients = new Map<number, Client>();
const metadata = new Metadata();
metadata.set("authorization", `Bearer ${TEST_API_KEY}`);

/** gRPC requests to the publish and presence services: good ones, mutated bytes, payloads of every kind, streams, no gRPC at all. */
export const fuzzGrpc: Fuzzer = async (random, target) => {
  const faults: string[] = [];
  const calls: Promise<string | undefined>[] = [];
  for (let at = 0; at < CALLS; at++) calls.push(oneCall(random, target));
  calls.push(batchCall(random, target.publish.port, faults), streamCall(random, target));
  for (const fault of await Promise.all(calls)) if (fault !== undefined) faults.push(fault);
  if (chance(random, 3)) await noGrpc(random, random.pick([target.publish.port, target.presence.port]));
  return { inputs: calls.length, faults };
};

const PUBLISH_PATH = PublishServiceService.publish.path;
const PRESENCE = Object.values(PresenceServiceService);

function oneCall(random: Random, { publish, presence }: FuzzTarget): Promise<string | undefined> {
  if (chance(random, 70)) {
    const request = anyRequest(random);
    const path = chance(random, 99) ? PUBLISH_PATH : `/halley.v1.PublishService/${random.pick(["", "publish", "Publish/x", "None"])}`;
    return unary(publish.port, path, chance(random, 40) ? mutateBytes(random, request) : request);
  }
  const { path, responseStream } = random.pick(PRESENCE);
  const bytes = chance(random, 50) ? randomBytes(random, random.between(0, 60)) : anyPresenceRequest(random);
  return responseStream ? watch(presence.port, path, bytes) : unary(presence.port, path, bytes);
}

/** A publish as a backend might send it, good or bad; small enough to be sent by the hundred. */
function anyRequest(random: Random): Buffer {
  const target = random.pick([
    { $case: "channel", value: anyChannel(random) },
    { $case: "channel", value: random.pick(["fuzz.a", "typed.a", "live.a"]) },
    { $case: "userId", value: random.pick(["fuzz", "", "ada@example.org", "x".repeat(200)]) },
    { $case: "everyone", value: true },
  ] as const);
  const json = chance(random, 2) ? "[".repeat(random.between(150, 3_000)) : chance(random, 5) ? mutateBytes(random, Buffer.from(JSON.stringify(anyPayload(random)))).toString("latin1") : JSON.stringify(anyPayload(random));
  const payload = chance(random, 25) ? ({ $case: "protobuf", value: randomBytes(random, random.between(0, 60)) } as const) : ({ $case: "json", value: json } as const);
  const tags = chance(random, 20) ? { [random.pick(["a", "", "a b", "é", "x".repeat(100)])]: random.pick(["1", "\n", ""]) } : {};
  const message = { type: anyType(random), payload, key: chance(random, 30) ? random.pick(["k", "\u0000", "x".repeat(200)]) : "", tags };
  return Buffer.from(PublishRequest.encode(PublishRequest.fromPartial({ target, message })).finish());
}

/** Fields 1 and 2 as strings and numbers, which is what presence's requests are made of. */
function anyPresenceRequest(random: Random): Buffer {
  const value = Buffer.from(random.pick(["fuzz", "fuzz.a", "", "bystander", "none.x", "x".repeat(300)]));
  const field = Buffer.concat([Buffer.from([0x0a, ...varint(value.length)]), value]);
  const number = Buffer.from([0x10, ...varint(random.pick([0, 1, 1_000, 1_001, 2 ** 31]))]);
  const fields = [field, number, ...Array.from({ length: chance(random, 5) ? 1_100 : 0 }, () => field)];
  return chance(random, 20) ? mutateBytes(random, Buffer.concat(fields)) : Buffer.concat(fields);
}

function varint(value: number): number[] {
  const bytes: number[] = [];
  for (let left = value; ; left = Math.floor(left / 128)) {
    if (left < 128) return [...bytes, left];
    bytes.push((left % 128) | 128);
  }
}

/** Sends bytes as a request; gives what is wrong with the answer. */
function unary(port: number, path: string, bytes: Buffer): Promise<string | undefined> {
  return new Promise((resolve) => {
    clientOf(port).makeUnaryRequest(path, same, same, bytes, metadata, { deadline: Date.now() + DEADLINE_MS }, (error) => { resolve(error ? errorFault(path, error) : undefined); });
  });
}

/** A hundred publishes in one request, each of which has an answer of its own. */
function batchCall(random: Random, port: number, faults: string[]): Promise<string | undefined> {
  const requests = Array.from({ length: BATCH }, () => PublishRequest.decode(anyRequest(random)));
  const bytes = Buffer.from(PublishBatchRequest.encode({ requests }).finish());
  const { path } = PublishServiceService.publishBatch;
  return new Promise((resolve) => {
    clientOf(port).makeUnaryRequest(path, same, same, bytes, metadata, { deadline: Date.now() + DEADLINE_MS }, (error, answer?: Buffer) => {
      if (error || !answer) {
        resolve(error ? errorFault(path, error) : "a batch without an answer");
        return;
      }
      const { results } = PublishBatchResponse.decode(answer);
      if (results.length !== BATCH) faults.push(`a batch of ${String(BATCH)} has ${String(results.length)} results`);
      for (const { outcome } of results) {
        const fault = outcome?.$case === "error" ? reasonFault({ reason: readStatus(outcome.value).reason }) : outcome ? undefined : "a result without an outcome";
        if (fault !== undefined) faults.push(`in a batch: ${fault}`);
      }
      resolve(undefined);
    });
  });
}

/** A stream that is ended by either side. */
function streamCall(random: Random, { publish }: FuzzTarget): Promise<string | undefined> {
  return new Promise((resolve) => {
    const call = clientOf(publish.port).makeBidiStreamRequest(PublishServiceService.publishStream.path, same, same, metadata, { deadline: Date.now() + DEADLINE_MS });
    call.on("data", () => undefined);
    call.on("error", (error: ServiceError) => { resolve(error.code === codes.CANCELLED ? undefined : errorFault("PublishStream", error)); });
    call.on("end", () => { resolve(undefined); });
    for (let sent = random.between(0, 5); sent > 0; sent--) {
      const request = Buffer.from(PublishStreamRequest.encode({ id: sent, publish: PublishRequest.decode(anyRequest(random)) }).finish());
      call.write(chance(random, 20) ? mutateBytes(random, request) : request);
    }
    if (chance(random, 30)) call.cancel();
    else call.end();
  });
}

function watch(port: number, path: string, bytes: Buffer): Promise<string | undefined> {
  return new Promise((resolve) => {
    const call = clientOf(port).makeServerStreamRequest(path, same, same, bytes, metadata, { deadline: Date.now() + DEADLINE_MS });
    const timer = setTimeout(() => { call.cancel(); }, 200);
    call.on("data", () => { call.cancel(); });
    call.on("error", (error: ServiceError) => {
      clearTimeout(timer);
      resolve(error.code === codes.CANCELLED ? undefined : errorFault(path, error));
    });
    call.on("end", () => {
      clearTimeout(timer);
      resolve(undefined);
    });
  });
}

/** Bytes that are no HTTP/2, or nearly. */
function noGrpc(random: Random, port: number): Promise<void> {
  return new Promise((resolve) => {
    const socket = connect({ host: "127.0.0.1", port });
    socket.on("error", () => undefined);
    socket.on("close", () => { resolve(); });
    socket.setTimeout(100, () => { socket.destroy(); });
    socket.write(Buffer.concat([chance(random, 50) ? Buffer.from("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n") : Buffer.alloc(0), randomBytes(random, random.between(1, 300))]));
  });
}

function errorFault(path: string, error: ServiceError): string | undefined {
  const failure = failureOf(error);
  if (failure.code === DEADLINE_EXCEEDED) return `${path} was not answered in ${String(DEADLINE_MS)} ms`;
  if (failure.reason === "") return BARE.has(failure.code) ? undefined : `${path} was refused without a reason: ${String(failure.code)} ${failure.message}`;
  const fault = reasonFault({ code: codes[failure.code] ?? "", reason: failure.reason });
  return fault === undefined ? undefined : `${path}: ${fault}: ${failure.message}`;
}

function clientOf(port: number): Client {
  let client = clients.get(port);
  if (!client) {
    client = new Client(`127.0.0.1:${String(port)}`, credentials.createInsecure(), { "grpc.enable_retries": 0 });
    clients.set(port, client);
  }
  return client;
}

function same(bytes: Buffer): Buffer {
  return bytes;
}
