// Runs in the page: a client whose messages a test can read. Plain JavaScript, as any page would write it.
globalThis.probe = {
  /** By channel, the data of all publications, in the order of the callbacks. */
  received: {},
  verdicts: [],
  states: [],
  errors: [],
  /** What became of each publish of `publishAll`, by its data. */
  outcomes: {},
  /** `tokens`: asks the test for a token (`nextToken`) each time; otherwise `token` is all there is. */
  start({ token, tokens, transports, channels, positions = {}, ...options }) {
    const halley = new Halley({ token: tokens ? () => nextToken() : token, transports, ...options });
    this.halley = halley;
    this.subscriptions = {};
    halley.on("state", ({ state, transport }) => this.states.push(transport ?? state));
    halley.on("error", ({ reason }) => this.errors.push(reason));
    for (const channel of channels) {
      this.received[channel] ??= [];
      this.subscriptions[channel] = halley.subscribe(channel, ({ data }) => this.received[channel].push(data), {
        position: positions[channel],
        onSubscribed: ({ recovered }) => this.verdicts.push(recovered),
        onReset: ({ reason }) => this.verdicts.push(reason),
        onError: ({ reason }) => this.verdicts.push(reason),
      });
    }
    halley.connect();
  },
  /** Publishes each of these, and notes what becomes of it. Gives nothing, at once. */
  publishAll(channel, all, keyOf = () => undefined) {
    for (const one of all) {
      this.halley.publish(channel, one, { key: keyOf(one) }).then(
        ({ duplicate }) => (this.outcomes[one] = duplicate ? "duplicate" : "stored"),
        ({ reason }) => (this.outcomes[one] = reason),
      );
    }
  },
  positions() {
    return Object.fromEntries(Object.entries(this.subscriptions).map(([channel, { position }]) => [channel, position]));
  },
};
