import { fromBinary, toBinary } from "@bufbuild/protobuf";
import { FileDescriptorProtoSchema, FileDescriptorSetSchema } from "@bufbuild/protobuf/wkt";
import type { Server } from "@grpc/grpc-js";
import { ReflectionService } from "@grpc/reflection";
import { FILE_DESCRIPTOR_SET } from "../../gen/descriptors.js";

const STANDARD = ["grpc.health.v1.Health", "grpc.reflection.v1.ServerReflection", "grpc.reflection.v1alpha.ServerReflection"];

/** Reflection takes only the descriptors of a definition; its type wants these too. */
const NEVER_SENT = { serialize: () => Buffer.alloc(0), deserialize: () => ({}) };

/**
 * Adds server reflection (v1 and v1alpha), which names `services`, health and itself. The descriptors are those that buf
 * made at build time: proto-loader's own lose imports and maps.
 */
export function addReflection(server: Server, services: readonly string[]): void {
  const set = fromBinary(FileDescriptorSetSchema, Buffer.from(FILE_DESCRIPTOR_SET, "base64"));
  const fileDescriptorProtos = set.file.map((file) => Buffer.from(toBinary(FileDescriptorProtoSchema, file)));
  const all = { ...NEVER_SENT, format: "Protocol Buffer 3 DescriptorProto", type: {}, fileDescriptorProtos } as const;
  new ReflectionService({ all }, { services: [...services, ...STANDARD] }).addToServer(server);
}
