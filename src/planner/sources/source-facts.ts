/** A condition as far as it can be read. A term is a dotted name, called or not; `module:torch` is whether that module is there. */
export type Condition =
  | { op: "not"; of: Condition }
  | { op: "and" | "or"; of: Condition[] }
  | { op: "compare"; sign: "<" | "<=" | ">" | ">=" | "==" | "!="; left: Condition; right: Condition }
  | { op: "term"; name: string }
  | { op: "value"; value: number | number[] | string | boolean | null }
  | { op: "unknown" };

/** Where something stands. */
export interface Placed {
  /** Counted from 1. */
  line: number;
  /** The line, cut to what a person reads. */
  text: string;
  /** Names of the classes, functions, suites and tests around it, from the outside. */
  within: string[];
}

/** A module that a file loads. */
export interface ImportFact extends Placed {
  /** As written; without the dots of a relative import of Python. */
  module: string;
  /** What Python takes from it: an attribute, or a module in it; `*` for all, `**` for all below it. */
  names: string[];
  /** How many dots a relative import of Python has. */
  level: number;
  /** Only this much of the name is written out. */
  isPrefix?: boolean;
}

/** A condition on which tests run or do not. */
export interface SkipFact extends Placed {
  condition: Condition;
  /** The tests run only if the condition is this. */
  runsIf: boolean;
  /** Only for tests with this parameter. */
  parameter?: string;
}

/** A decorator or marker by its last name. */
export interface MarkFact extends Placed {
  name: string;
  arguments: (number | string)[];
  parameter?: string;
}

/** Something that speaks of a device. */
export interface UseFact extends Placed {
  /** The name of a device, or of what is called. */
  name: string;
  kind: "string" | "call" | "parameter";
  /** Only where a condition asks for the hardware first. */
  guarded: boolean;
}

/** What stands in the text of a file. */
export interface SourceFacts {
  imports: ImportFact[];
  skips: SkipFact[];
  marks: MarkFact[];
  uses: UseFact[];
  /** Short literals, each once. */
  strings: { value: string; line: number }[];
  /** Places that load code whose name only shows when it runs. */
  opaque: Placed[];
  /** The first line that lists what is in a folder. */
  lists: number | null;
  /** It changes where modules are looked for. */
  anyRoot: boolean;
  /** Why nothing, or not all, could be read. */
  problem?: { line: number; message: string };
}

export function noFacts(problem?: SourceFacts["problem"]): SourceFacts {
  return {
    imports: [],
    skips: [],
    marks: [],
    uses: [],
    strings: [],
    opaque: [],
    lists: null,
    anyRoot: false,
    ...(problem === undefined ? {} : { problem }),
  };
}
