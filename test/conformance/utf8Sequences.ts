/** Octets, and whether they are UTF-8 (RFC 3629). */
export interface Utf8Sequence {
  readonly hex: string;
  readonly isValid: boolean;
}

/** One of the groups 6.5 to 6.23 of the Autobahn test suite, which follow Markus Kuhn's "UTF-8 decoder capability and stress test". */
export interface Utf8Group {
  readonly what: string;
  readonly sequences: readonly Utf8Sequence[];
}

const group = (what: string, valid: readonly string[], invalid: readonly string[] = []): Utf8Group => ({
  what,
  sequences: [...valid.map((hex) => ({ hex, isValid: true })), ...invalid.map((hex) => ({ hex, isValid: false }))],
});

const hexOf = (text: string): string => Buffer.from(text).toString("hex");
const KOSME = "cebae1bdb9cf83cebcceb5";
/** Where a character of KOSME ends, in octets. */
const ENDS = new Set([2, 5, 7, 9, 11]);
/** Octets from `first` up to, not including, `end`, each followed by `then`. */
const run = (first: number, end: number, then = ""): string => Array.from({ length: end - first }, (_, at) => (first + at).toString(16) + then).join("");
const CUT = ["c0", "e080", "f08080", "f8808080", "fc80808080", "df", "efbf", "f7bfbf", "fbbfbfbf", "fdbfbfbfbf"];
/** The last two code points of each plane beyond the first: no characters, and valid all the same. */
const NONCHARACTERS = ["f09f", "f0af", "f0bf", ...["f1", "f2", "f3"].flatMap((lead) => ["8f", "9f", "af", "bf"].map((second) => lead + second)), "f48f"].flatMap((head) => [`${head}bfbe`, `${head}bfbf`]);

/** The groups, the first is 6.5; their sequences in the suite's order, the first is .1. */
export const UTF8_GROUPS: readonly Utf8Group[] = [
  group("valid sequences", [...["$", "¢", "€", "𤭢"].map((sign) => hexOf(`hello${sign}world`)), KOSME]),
  {
    what: "prefixes of a valid text",
    sequences: Array.from({ length: 11 }, (_, at) => ({ hex: KOSME.slice(0, (at + 1) * 2), isValid: ENDS.has(at + 1) })),
  },
  group("the first sequence of a length", ["00", "c280", "e0a080", "f0908080"]),
  group("the first sequence of 5 and 6 octets", [], ["f888808080", "fc8480808080"]),
  group("the last sequence of a length", ["7f", "dfbf", "efbfbf", "f48fbfbf"]),
  group("the last sequence of 4, 5 and 6 octets", [], ["f7bfbfbf", "fbbfbfbfbf", "fdbfbfbfbfbf"]),
  group("other boundaries", ["ed9fbf", "ee8080", "efbfbd", "f48fbfbf"], ["f4908080"]),
  group("unexpected continuations", [], ["80", "bf", "80bf", "80bf80", "80bf80bf", "80bf80bf80", "80bf80bf80bf", run(0x80, 0xbf)]),
  group("lonely starts", [], [run(0xc0, 0xdf, "20"), run(0xe0, 0xef, "20"), run(0xf0, 0xf7, "20"), run(0xf8, 0xfb, "20"), run(0xfc, 0xfd, "20")]),
  group("the last continuation is missing", [], CUT),
  group("incomplete sequences in a row", [], [CUT.join("")]),
  group("impossible octets", [], ["fe", "ff", "fefeffff"]),
  group("overlong ASCII", [], ["c0af", "e080af", "f08080af", "f8808080af", "fc80808080af"]),
  group("the longest overlong sequences", [], ["c1bf", "e09fbf", "f08fbfbf", "f887bfbfbf", "fc83bfbfbfbf"]),
  group("overlong NUL", [], ["c080", "e08080", "f0808080", "f880808080", "fc8080808080"]),
  group("single surrogates", [], ["eda080", "edadbf", "edae80", "edafbf", "edb080", "edbe80", "edbfbf"]),
  group("paired surrogates", [], ["eda080", "edadbf", "edae80", "edafbf"].flatMap((high) => [`${high}edb080`, `${high}edbfbf`])),
  group("noncharacters", ["efbfbe", "efbfbf", ...NONCHARACTERS]),
  group("specials", ["efbfb9", "efbfba", "efbfbb", "efbfbc", "efbfbd", "efbfbe", "efbfbf"]),
];
