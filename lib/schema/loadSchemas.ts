import { readFile, stat } from "node:fs/promises";
import { create, fromBinary } from "@bufbuild/protobuf";
import { FileDescriptorSetSchema } from "@bufbuild/protobuf/wkt";
import { ConfigError } from "../config/configError.js";
import { compileSchemas } from "./compileSchemas.js";
import { createSchemaRegistry, type SchemaRegistry } from "./schemaRegistry.js";

/**
 * Loads the types of messages: from a folder, its .proto files, compiled with that folder as the import path; from a file,
 * a compiled FileDescriptorSet with its imports. `path` undefined: no types. No network. Throws ConfigError.
 */
export async function loadSchemas(path: string | undefined): Promise<SchemaRegistry> {
  if (path === undefined) return createSchemaRegistry(create(FileDescriptorSetSchema));
  const bytes = (await isFolder(path)) ? await compileSchemas(path) : await readFile(path);
  try {
    return createSchemaRegistry(fromBinary(FileDescriptorSetSchema, bytes));
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new ConfigError([`${path} is neither a folder of .proto files nor a compiled descriptor set with its imports (${why}): correct HALLEY_SCHEMAS`]);
  }
}

async function isFolder(path: string): Promise<boolean> {
  try {
    return (await stat(path)).isDirectory();
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new ConfigError([`${path} can't be read (${why}): set HALLEY_SCHEMAS to a folder of .proto files or a compiled descriptor set`]);
  }
}
