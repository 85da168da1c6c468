/** Waits until `check` returns something truthy without throwing; fails with its last error or a plain sentence. */
export async function eventually<T>(check: () => T | Promise<T>, limitMs = 10_000): Promise<NonNullable<T>> {
  const deadline = Date.now() + limitMs;
  for (;;) {
    let failure: unknown;
    try {
      const value = await check();
      if (value) return value;
    } catch (error) {
      failure = error;
    }
    if (Date.now() > deadline) throw failure instanceof Error ? failure : new Error(`not true within ${String(limitMs)} ms`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
