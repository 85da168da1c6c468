import { createRequire } from "node:module";
import { arch } from "node:os";

/** The names of buf's packages, where they differ from Node's own words for platforms. */
const PACKAGES: Readonly<Record<string, string>> = {
  "linux arm64": "@bufbuild/buf-linux-aarch64/bin/buf",
  "linux arm": "@bufbuild/buf-linux-armv7/bin/buf",
  "win32 x64": "@bufbuild/buf-win32-x64/bin/buf.exe",
  "win32 arm64": "@bufbuild/buf-win32-arm64/bin/buf.exe",
};

/**
 * The path of the protobuf compiler that npm installed for this machine; undefined when there is none. The binary itself,
 * not its JavaScript wrapper: that one needs npm's install scripts to have run where optional packages are missing.
 */
export function findBuf(): string | undefined {
  const wanted = PACKAGES[`${process.platform} ${arch()}`] ?? `@bufbuild/buf-${process.platform}-${arch()}/bin/buf`;
  // npm may nest the binary's package inside @bufbuild/buf instead of hoisting it.
  for (const from of [import.meta.url, resolved("@bufbuild/buf")]) {
    const path = from && resolved(wanted, from);
    if (path) return path;
  }
  return undefined;
}

function resolved(request: string, from = import.meta.url): string | undefined {
  try {
    return createRequire(from).resolve(request);
  } catch {
    return undefined;
  }
}
