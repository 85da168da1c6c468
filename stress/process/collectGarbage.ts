// Loaded into a service before its own code (`node --import`): SIGUSR2 runs the garbage collector, so that what is left can be
// told from what is only not collected yet.
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";

setFlagsFromString("--expose-gc");
const collect = runInNewContext("gc") as () => void;
process.on("SIGUSR2", () => { collect(); });
