import { describe, expect, it } from "vitest";
import { FakeClock } from "../../test/helpers/fakeClock.js";
import { AnswerBudget } from "./answerBudget.js";

const USUAL_BYTES = 192 * 1024;

describe("the budget of answers", () => {
  it("expects messages as large as the largest that came in an answer, for a minute or two", () => {
    const clock = new FakeClock();
    const budget = new AnswerBudget(clock);
    budget.saw(100);
    expect(budget.expectedMessageBytes).toBe(USUAL_BYTES);
    budget.saw(500_000);
    budget.saw(300_000);
    clock.advance(59_000);
    expect(budget.expectedMessageBytes).toBe(500_000);
    clock.advance(1_000);
    budget.saw(200_000);
    expect(budget.expectedMessageBytes).toBe(500_000);
    clock.advance(60_000);
    expect(budget.expectedMessageBytes).toBe(200_000);
    clock.advance(60_000);
    expect(budget.expectedMessageBytes).toBe(USUAL_BYTES);
    budget.saw(500_000);
    clock.advance(200_000);
    expect(budget.expectedMessageBytes).toBe(USUAL_BYTES);
  });

  it("asks no more than its bytes allow; who waits for longer than 5 s is told to come back", async () => {
    const clock = new FakeClock();
    const budget = new AnswerBudget(clock);
    let asked = 0;
    const never = new Promise<void>(() => undefined);
    const asks = Array.from({ length: 200 }, () => budget.run({ bytes: 0, lengthening: 4 / 3 }, () => {
      asked += 1;
      return never;
    }));
    const outcomes = asks.slice(128).map((one) => one.catch((error: unknown) => error));
    expect([asked, budget.waiting]).toEqual([128, 72]);
    clock.advance(5_000);
    expect(await outcomes[0]).toMatchObject({ reason: "NATS_UNAVAILABLE" });
    expect([asked, budget.waiting, clock.timers]).toEqual([128, 0, 0]);
  });
});
