/** What a figure is held against. */
export interface Bar {
  /** The figure itself, or its ratio to the floor. */
  readonly of: "value" | "ratio";
  /** Who the ratio is to, where it is not the floor; `Row.ratio` is given then. */
  readonly to?: string;
  readonly atMost?: number;
  readonly atLeast?: number;
  /** The figure is to be below that of every peer beside it, too. */
  readonly belowPeers?: boolean;
}

/** One figure. */
export interface Row {
  /** "one by one: CPU per delivery". */
  readonly what: string;
  readonly unit: string;
  readonly value: number;
  /** The same figure of others in the same run: `floor`, and peers by their names. */
  readonly beside?: Readonly<Record<string, number>>;
  /** To the floor; where absent it is `value / beside.floor`. */
  readonly ratio?: number;
  readonly bar?: Bar;
}

/** What a part has measured. */
export interface PartResult {
  readonly rows: readonly Row[];
  /** Single runs, spreads, counts: whatever a program may want to look at. */
  readonly details: Readonly<Record<string, unknown>>;
}

/** What a part is given. */
export interface PartContext {
  /** An empty folder of its own; removed afterwards. */
  readonly folder: string;
  /** Few and short runs: to see that the bench works, not how fast Halley is. */
  readonly quick: boolean;
  /** Where to put CPU profiles and heap snapshots of the servers; undefined: none are taken. */
  readonly profiles: string | undefined;
  /** Aborts when the bench is to end. */
  readonly signal: AbortSignal;
  /** Says what is going on. */
  readonly say: (text: string) => void;
}

/** One part of the bench: starts what it needs, measures it beside its floor, and ends what it started, also when it fails. */
export interface Part {
  /** As in `make bench ONLY=<name>`. */
  readonly name: string;
  /** For the heading of its table. */
  readonly title: string;
  run(context: PartContext): Promise<PartResult>;
}
