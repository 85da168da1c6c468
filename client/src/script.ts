import { Halley } from "./halley.js";

// The one-file build for pages without a bundler: `<script src="/halley.js">` and then `new Halley({ … })`.
Object.assign(globalThis, { Halley });
