import { StartedParts } from "../../lib/lifecycle.js";
import type { Run } from "../load/fanoutRun.js";
import type { PartContext } from "../part.js";
import { stampedPayload } from "../payload.js";
import { presentPeers } from "../peers/all.js";
import { usageOfAll } from "../process/usage.js";
import { profiled } from "../profile/profiled.js";
import { Audience, type AudienceOptions } from "./audience.js";
import type { Contender } from "./contender.js";
import { type FloorContender, startFloor } from "./floorContender.js";
import { type HalleyContender, startHalley } from "./halleyContender.js";

/** One way to deliver. */
export interface Variant {
  /** "one by one, 128 B". */
  readonly name: string;
  readonly payloadBytes: number;
  /** Messages at a time. */
  readonly burst: number;
  /** The bar for the connector's CPU, as a multiple of the floor's. */
  readonly atMost: number;
}

/** Who delivers what to whom, and for how long. */
export interface ContestOptions extends AudienceOptions {
  readonly variants: readonly Variant[];
  /** Runs of Halley and of the floor; peers take part in every other one. */
  readonly rounds: number;
  readonly warmUpMs: number;
  readonly measureMs: number;
}

/** The runs of one round that stand side by side, by contender. */
export type Round = Readonly<Record<string, Run>>;

/** What a contest came to. */
export interface Contested {
  /** By variant, in their order. */
  readonly rounds: ReadonlyMap<Variant, readonly Round[]>;
  /** Memory at the end, by contender. */
  readonly rssBytes: Readonly<Record<string, number>>;
}

interface Entrant {
  readonly contender: Contender;
  readonly audience: Audience;
}

interface Contest {
  readonly halley: Entrant & { readonly contender: HalleyContender };
  readonly floor: Entrant & { readonly contender: FloorContender };
  readonly peers: readonly Entrant[];
}

/** Measures what a delivery costs Halley, the floor and the peers, in turn, each with all its subscribers connected all the time. */
export async function runContest(options: ContestOptions, context: PartContext): Promise<Contested> {
  const parts = new StartedParts();
  try {
    const contest = await enter(options, context, parts);
    const rounds = await measure(contest, options, context);
    await profile(contest, options, context);
    const all = [contest.halley, contest.floor, ...contest.peers];
    return { rounds, rssBytes: Object.fromEntries(all.map(({ contender: { name, pids } }) => [name, usageOfAll(pids.server).rssBytes])) };
  } finally {
    await parts.stop();
  }
}

async function enter(options: ContestOptions, context: PartContext, parts: StartedParts): Promise<Contest> {
  const { signal, say } = context;
  const seat = async <C extends Contender>(starting: Promise<C>): Promise<{ readonly contender: C; readonly audience: Audience }> => {
    const contender = await starting;
    parts.add(contender, () => contender.stop());
    const audience = new Audience(contender, options, signal);
    parts.add(audience, () => audience.stop());
    say(`${contender.name}: ${options.connections.toLocaleString("en-US")} connections`);
    await audience.open();
    return { contender, audience };
  };
  const halley = await seat(startHalley(context));
  const floor = await seat(startFloor(signal));
  const peers: Entrant[] = [];
  for (const peer of await presentPeers(say)) peers.push(await seat(peer.start(context)));
  return { halley, floor, peers };
}

async function measure(contest: Contest, options: ContestOptions, context: PartContext): Promise<Map<Variant, Round[]>> {
  const { variants, rounds } = options;
  const measured = new Map<Variant, Round[]>(variants.map((variant) => [variant, []]));
  for (let round = 0; round < rounds; round++) {
    for (const [variant, runs] of measured) {
      context.say(`${variant.name}, run ${String(round + 1)} of ${String(rounds)}`);
      // The floor writes what the connector writes at this moment: positions grow longer.
      contest.floor.contender.imitate(await contest.halley.audience.sample(stampedPayload(0, variant.payloadBytes)));
      runs.push(await runRound(contest, variant, { round, options, signal: context.signal }));
    }
  }
  return measured;
}

/** Halley and the floor beside each other, in changing order; then the peers. */
async function runRound({ halley, floor, peers }: Contest, variant: Variant, { round, options, signal }: { readonly round: number; readonly options: ContestOptions; readonly signal: AbortSignal }): Promise<Round> {
  const isEven = round % 2 === 0;
  const entrants = [...(isEven ? [halley, floor] : [floor, halley]), ...(isEven ? peers : [])];
  const runs: Record<string, Run> = {};
  for (const { contender, audience } of entrants) {
    signal.throwIfAborted();
    runs[contender.name] = await runOne(audience, variant, options);
  }
  return runs;
}

function runOne(audience: Audience, { payloadBytes, burst }: Variant, { warmUpMs, measureMs }: ContestOptions): Promise<Run> {
  return audience.run({ payload: stampedPayload(0, payloadBytes), burst }, { warmUpMs, measureMs });
}

async function profile({ halley }: Contest, options: ContestOptions, { profiles, say }: PartContext): Promise<void> {
  if (profiles === undefined) return;
  for (const variant of options.variants) {
    const file = `${profiles}/${String(options.connections)}-connections-${variant.name.replaceAll(/\W+/g, "-")}.cpuprofile`;
    await profiled(halley.contender.installation.connector.process, { file, say }, () => runOne(halley.audience, variant, { ...options, measureMs: 5_000 }));
  }
}
