import { createRequire } from "node:module";
import { dirname } from "node:path";
import { fileURLToPath } from "node:url";

/** Where .proto files and their imports are looked up: beside the code, and, when it was not built, in a development package. */
export const PROTO_FOLDERS: readonly string[] = [fileURLToPath(new URL("../proto", import.meta.url)), ...developmentPackage()];

function developmentPackage(): string[] {
  try {
    return [dirname(createRequire(import.meta.url).resolve("google-proto-files/package.json"))];
  } catch {
    return [];
  }
}
