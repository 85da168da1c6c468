// Runs in the page: a client whose messages a test can read. Plain JavaScript, as any page would write it.
globalThis.probe = {
  /** By channel, the data of all publications, in the order of the callbacks. */
  received: {},
  verdicts: [],
  states: [],
  errors: [],
  /** `tokens`: asks the test for a token (`nextToken`) each time; otherwise `token` is all there is. */
  start({ token, tokens, transports, channels, positions = {} }) {
    const halley = new Halley({ token: tokens ? () => nextToken() : token, transports });
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
  positions() {
    return Object.fromEntries(Object.entries(this.subscriptions).map(([channel, { position }]) => [channel, position]));
  },
};
