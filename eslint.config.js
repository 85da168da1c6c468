import { createTypeScriptImportResolver } from "eslint-import-resolver-typescript";
import importX from "eslint-plugin-import-x";
import tseslint from "typescript-eslint";

/** Packages that only one place may import: the seam to the outside is there and nowhere else. */
const SEAMS = {
  nats: "lib/bus is the only importer of nats",
  ws: "services/connector/transport is the only importer of ws",
  "@grpc/grpc-js": "lib/rpc is the only skin over @grpc/grpc-js",
  "@grpc/reflection": "lib/rpc is the only skin over gRPC",
  "grpc-health-check": "lib/rpc is the only skin over gRPC",
};

const seams = (...allowed) => [
  "error",
  {
    paths: Object.entries(SEAMS)
      .filter(([name]) => !allowed.includes(name))
      .map(([name, message]) => ({ name, message })),
  },
];

const zone = (target, from, message) => ({ target, from, message });

export default tseslint.config(
  { ignores: ["gen/**", "dist/**", "client/dist/**", "node_modules/**", "**/*.mjs", "**/*.js", "examples/**"] },
  ...tseslint.configs.strictTypeChecked,
  {
    languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname } },
    plugins: { "import-x": importX },
    settings: { "import-x/resolver-next": [createTypeScriptImportResolver()], "import-x/extensions": [".ts"] },
    rules: {
      "no-restricted-imports": seams(),
      "import-x/no-restricted-paths": [
        "error",
        {
          zones: [
            zone("./client", ["./lib", "./gen", "./services", "./cli"], "the SDK stands alone: browsers have only client/"),
            zone("./lib", ["./services", "./cli", "./client", "./test"], "imports go service -> lib -> gen"),
            zone("./services/publish", ["./services/connector", "./services/presence", "./cli"], "services meet at proto/ and at subjects"),
            zone("./services/connector", ["./services/publish", "./services/presence", "./cli"], "services meet at proto/ and at subjects"),
            zone("./services/presence", ["./services/publish", "./services/connector", "./cli"], "services meet at proto/ and at subjects"),
          ],
        },
      ],
      "import-x/no-cycle": "error",
      "max-params": ["error", 4],
      "max-lines-per-function": ["error", { max: 60, skipBlankLines: true, skipComments: true }],
      "max-lines": ["error", { max: 350, skipBlankLines: true, skipComments: true }],
      "@typescript-eslint/restrict-template-expressions": ["error", {}],
      "@typescript-eslint/consistent-type-imports": ["error", { fixStyle: "inline-type-imports" }],
      "@typescript-eslint/switch-exhaustiveness-check": ["error", { considerDefaultExhaustiveForUnions: true }],
      "@typescript-eslint/no-confusing-void-expression": ["error", { ignoreArrowShorthand: true }],
    },
  },
  { files: ["lib/bus/**"], rules: { "no-restricted-imports": seams("nats") } },
  { files: ["lib/rpc/**"], rules: { "no-restricted-imports": seams("@grpc/grpc-js", "@grpc/reflection", "grpc-health-check") } },
  // A number in a message needs no String() where it is for people.
  { files: ["client/**"], rules: { "@typescript-eslint/restrict-template-expressions": ["error", { allowNumber: true }] } },
  { files: ["cli/grpc.ts"], rules: { "no-restricted-imports": seams("@grpc/grpc-js") } },
  { files: ["cli/socket.ts"], rules: { "no-restricted-imports": seams("ws") } },
  { files: ["services/connector/transport/**"], rules: { "no-restricted-imports": seams("ws") } },
  // Tests that stand beside their source need test/helpers.
  { files: ["lib/**/*.test.ts"], rules: { "import-x/no-restricted-paths": "off" } },
  {
    files: ["**/*.test.ts", "test/**", "bench/**", "stress/**"],
    rules: { "no-restricted-imports": "off", "max-lines-per-function": "off", "@typescript-eslint/no-non-null-assertion": "off" },
  },
);
