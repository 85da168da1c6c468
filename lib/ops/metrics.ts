import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from "prom-client";
import { countTimers } from "../clock.js";

/** What a metric is called and says. */
export interface MetricOptions<Label extends string> {
  /** Without the prefix: `publish_messages_total` becomes `halley_publish_messages_total`. */
  readonly name: string;
  readonly help: string;
  /** Names of labels. Their values must come from a small closed set: never a channel, a user or a key. */
  readonly labels?: readonly Label[];
}

const PREFIX = "halley_";

/** The metrics of one service, in a registry of its own, so that several services can live in one process. */
export class Metrics {
  readonly #registry = new Registry();

  /** Every metric carries the label `service`. The process's own metrics (CPU, memory, event loop) are there from the start. */
  constructor(service: string) {
    this.#registry.setDefaultLabels({ service });
    collectDefaultMetrics({ register: this.#registry, prefix: PREFIX });
    this.gauge({ name: "timers", help: "Timers that are still to run, or repeat." }, countTimers);
  }

  /** A number that only grows. */
  counter<Label extends string = never>({ name, help, labels = [] }: MetricOptions<Label>): Counter<Label> {
    return new Counter({ name: PREFIX + name, help, labelNames: labels, registers: [this.#registry] });
  }

  /** A number that only grows and is counted elsewhere: `read` gives the total whenever somebody asks. For hot paths. */
  total({ name, help }: MetricOptions<never>, read: () => number): void {
    const counter: Counter = new Counter({
      name: PREFIX + name,
      help,
      registers: [this.#registry],
      collect: () => {
        counter.reset();
        counter.inc(read());
      },
    });
  }

  /** A number that goes up and down; `read` gives it whenever somebody asks, otherwise `set` it. */
  gauge<Label extends string = never>({ name, help, labels = [] }: MetricOptions<Label>, read?: () => number): Gauge<Label> {
    const gauge: Gauge<Label> = new Gauge({
      name: PREFIX + name,
      help,
      labelNames: labels,
      registers: [this.#registry],
      ...(read ? { collect: () => { gauge.set(read()); } } : {}),
    });
    return gauge;
  }

  /** A distribution; `buckets` are upper bounds in the unit that the name ends with. */
  histogram<Label extends string = never>({ name, help, labels = [] }: MetricOptions<Label>, buckets: readonly number[]): Histogram<Label> {
    return new Histogram({ name: PREFIX + name, help, labelNames: labels, buckets: [...buckets], registers: [this.#registry] });
  }

  /** Everything, in Prometheus's text format. */
  text(): Promise<string> {
    return this.#registry.metrics();
  }

  /** The media type of `text`. */
  get contentType(): string {
    return this.#registry.contentType;
  }
}

/** Upper bounds in seconds for things that take from half a millisecond to some seconds. */
export const LATENCY_BUCKETS_S = [0.0005, 0.001, 0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5] as const;
