import { describe, expect, it } from "vitest";
import { composeAnswer, takeApart } from "./answerParts.js";

describe("answerParts", () => {
  const publication = '{"publication":{"channel":"c","offset":7,"data":{"at":1}}}';
  const body = `{"session":"S","frames":[${publication}],"positions":{"c":{"offset":7,"epoch":"e"}}}`;

  it("puts an answer together again, with as many publications as wanted", () => {
    const parts = takeApart(body, '{"at":1}');
    expect(`${parts.before}{"at":1}${parts.after}`).toBe(publication);
    expect(composeAnswer(parts, [publication])).toBe(body);
    expect(JSON.parse(composeAnswer(parts, [publication, publication]))).toHaveProperty("frames.length", 2);
    expect(JSON.parse(composeAnswer(parts, []))).toHaveProperty("frames", []);
  });

  it("refuses an answer without it", () => {
    expect(() => takeApart('{"session":"S","frames":[],"positions":{}}', '{"at":1}')).toThrow("no answer");
  });
});
