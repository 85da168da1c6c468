// Publishes one message: node examples/node/publish.mjs [address]
import grpc from "@grpc/grpc-js";
import { loadSync } from "@grpc/proto-loader";

// google/rpc/status.proto, which the contract imports, comes from the package google-proto-files.
const definition = loadSync("halley/v1/publish.proto", { includeDirs: ["proto", "node_modules/google-proto-files"], longs: Number });
const { PublishService } = grpc.loadPackageDefinition(definition).halley.v1;

const client = new PublishService(process.argv[2] ?? "127.0.0.1:50051", grpc.credentials.createInsecure());
const metadata = new grpc.Metadata();
metadata.set("authorization", "Bearer halley-development-key");

const request = { channel: "chat.lobby", message: { json: JSON.stringify({ text: "hello from Node" }) } };
client.publish(request, metadata, { deadline: Date.now() + 5_000 }, (error, answer) => {
  if (error) throw error;
  console.log("published at", answer.position.offset);
  client.close();
});
