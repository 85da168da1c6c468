import { credentials, loadPackageDefinition, Metadata, type ServiceClientConstructor, status } from "@grpc/grpc-js";
import { load } from "@grpc/proto-loader";
import { fromBinary } from "@bufbuild/protobuf";
import { FileDescriptorProtoSchema } from "@bufbuild/protobuf/wkt";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { ServerReflectionClient, type ServerReflectionRequest, type ServerReflectionResponse } from "../../gen/grpc/reflection/v1/reflection.js";
import type { RunningPublish } from "../../services/publish/start.js";
import { type NatsServer, startNatsServer } from "../helpers/natsServer.js";
import { API_KEY, failureOf, promised, startTestPublish } from "../helpers/publishService.js";

type Answer = Record<string, unknown>;
type DynamicCall = (request: object, metadata: Metadata, done: (error: Error | null, answer: Answer) => void) => unknown;

/** What a client in another language has: the .proto files, and no generated code of ours. */
describe("publish contract", () => {
  let nats: NatsServer;
  let running: RunningPublish;
  let client: InstanceType<ServiceClientConstructor>;
  let reflection: ServerReflectionClient;
  const metadata = new Metadata();
  metadata.set("authorization", `Bearer ${API_KEY}`);

  beforeAll(async () => {
    nats = await startNatsServer();
    running = await startTestPublish(nats.url);
    await running.ready;
    const address = `127.0.0.1:${String(running.port)}`;
    const definition = await load("halley/v1/publish.proto", { includeDirs: ["proto", "node_modules/google-proto-files"], keepCase: true, longs: Number, oneofs: true, defaults: true });
    const { PublishService } = (loadPackageDefinition(definition)["halley"] as unknown as { v1: Record<string, ServiceClientConstructor> }).v1;
    client = new PublishService!(address, credentials.createInsecure());
    reflection = new ServerReflectionClient(address, credentials.createInsecure());
  });
  afterAll(async () => {
    client.close();
    reflection.close();
    await running.stop();
    await nats.remove();
  });

  const call = (method: string, request: object): Promise<Answer> =>
    promised((done) => { (client[method] as DynamicCall).call(client, request, metadata, done); });

  it("publishes with a dynamic client", async () => {
    const answer = await call("Publish", { channel: "chat.dynamic", message: { json: '"hi"', key: "k", tags: { a: "b" } } });
    expect(answer).toMatchObject({ position: { epoch: expect.stringMatching(/^.{12}$/) as string }, duplicate: false });
  });

  it("answers a batch item by item", async () => {
    const requests = [{ user_id: "42", message: { json: "1" } }, { channel: "nowhere.x", message: { json: "1" } }, { everyone: true, message: { json: "1" } }];
    const { results } = (await call("PublishBatch", { requests })) as { results: Answer[] };
    expect(results.map(({ outcome }) => outcome)).toEqual(["published", "error", "published"]);
    expect(results[1]).toMatchObject({ error: { code: status.PERMISSION_DENIED } });
  });

  it("acknowledges a stream in order", async () => {
    const stream = (client["PublishStream"] as (metadata: Metadata) => { write(message: object): void; end(): void; on(event: string, listener: (value: never) => void): void }).call(client, metadata);
    const ids: unknown[] = [];
    const ended = new Promise<void>((resolve, reject) => {
      stream.on("data", (answer: Answer) => { ids.push(answer["id"]); });
      stream.on("error", (error: Error) => { reject(new Error(failureOf(error).message)); });
      stream.on("end", () => { resolve(); });
    });
    for (const id of [5, 1, 9]) stream.write({ id, publish: { channel: "chat.dynamic", message: { json: "1" } } });
    stream.end();
    await ended;
    expect(ids).toEqual([5, 1, 9]);
  });

  const ask = async (request: ServerReflectionRequest["messageRequest"]): Promise<NonNullable<ServerReflectionResponse["messageResponse"]>> => {
    const stream = reflection.serverReflectionInfo();
    const answer = new Promise<ServerReflectionResponse>((resolve, reject) => {
      stream.on("data", resolve);
      stream.on("error", reject);
    });
    stream.write({ host: "", messageRequest: request });
    stream.end();
    const { messageResponse } = await answer;
    if (!messageResponse) throw new Error("no answer");
    return messageResponse;
  };

  it("lists its services, health and reflection, without a key", async () => {
    const answer = await ask({ $case: "listServices", value: "" });
    const names = answer.$case === "listServicesResponse" ? answer.value.service.map(({ name }) => name).sort() : [];
    expect(names).toEqual(["grpc.health.v1.Health", "grpc.reflection.v1.ServerReflection", "grpc.reflection.v1alpha.ServerReflection", "halley.v1.PublishService"]);
  });

  it("describes its files with maps, imports and comments", async () => {
    const answer = await ask({ $case: "fileContainingSymbol", value: "halley.v1.PublishService" });
    if (answer.$case !== "fileDescriptorResponse") throw new Error(answer.$case);
    const files = answer.value.fileDescriptorProto.map((bytes) => fromBinary(FileDescriptorProtoSchema, bytes));
    const names = files.map(({ name }) => name);
    expect(names).toEqual(expect.arrayContaining(["halley/v1/publish.proto", "halley/v1/message.proto", "google/rpc/status.proto", "google/protobuf/any.proto"]));
    expect(files.flatMap(({ dependency }) => dependency).filter((name) => !names.includes(name))).toEqual([]);
    const message = files.flatMap((file) => file.messageType).find(({ name }) => name === "Message");
    expect(message?.nestedType).toMatchObject([{ name: "TagsEntry", options: { mapEntry: true } }]);
    expect(files[0]?.sourceCodeInfo?.location.some(({ leadingComments }) => leadingComments.includes("backends publish"))).toBe(true);
  });
});
