import type { MarkWish } from "../../frameworks/index.ts";
import type { NeedyTest } from "../tests/test-needs.ts";
import type { NeedGroup } from "./need-groups.ts";

/** A marker and the tests that it is for. */
export interface Mark {
  wish: MarkWish;
  tests: NeedyTest[];
}

/** A place at which a marker concerns these tests. */
interface Place {
  file: string;
  /** Classes and the function, from the outside in; none: the file. */
  names: readonly string[];
  tests: NeedyTest[];
  functions: Set<string>;
}

/** Where markers may stand in the files of a suite of pytest. */
export class MarkPlaces {
  private readonly places = new Map<string, Place>();

  constructor(tests: readonly NeedyTest[]) {
    for (const one of tests) {
      const { id, file } = one.test;
      const innermost = namesOf(id).join("::");
      for (const names of outward(id)) {
        const place = this.places.get(keyOf(file, names)) ?? { file, names, tests: [], functions: new Set() };
        this.places.set(keyOf(file, names), place);
        place.tests.push(one);
        place.functions.add(innermost);
      }
    }
  }

  /** Markers for a group, each at the widest place that holds no other test, and the tests that no marker can tell. */
  marksOf(group: NeedGroup, tag: string): { marks: Mark[]; named: NeedyTest[] } {
    const marks = new Map<Place, Mark>();
    const named: NeedyTest[] = [];
    const fits = new Map<Place, boolean>();
    for (const one of group.tests.keys()) {
      if (one.test.tags.includes(tag)) continue;
      const { file, id } = one.test;
      const place = outward(id)
        .map((names) => this.places.get(keyOf(file, names)))
        .find((found) => {
          if (found === undefined || !isMeant(found, { group, id })) return false;
          const fit = fits.get(found) ?? found.tests.every((other) => group.tests.has(other));
          fits.set(found, fit);
          return fit;
        });
      if (place === undefined) {
        named.push(one);
        continue;
      }
      const mark = marks.get(place) ?? { wish: { file, names: place.names, tag }, tests: [] };
      marks.set(place, mark);
      mark.tests.push(one);
    }
    return { marks: [...marks.values()], named };
  }
}

/** A file is marked when the evidence is for all of it; a class of one test does not speak for the next that it gets. */
function isMeant({ file, names, functions }: Place, { group, id }: { group: NeedGroup; id: string }): boolean {
  if (names.length === 0) return group.files.has(file);
  return names.length === namesOf(id).length || functions.size > 1;
}

/** The file, the classes, the function. A file that was skipped while it was read has no tests, and shows no markers. */
function outward(id: string): string[][] {
  const names = namesOf(id);
  return names.length === 0 ? [] : [[], ...names.map((_name, index) => names.slice(0, index + 1))];
}

/** Classes and the function of a test. Parameters may hold anything. */
function namesOf(id: string): string[] {
  const names = id.split("::").slice(1).join("::");
  return names === "" ? [] : (names.split("[", 1)[0] ?? "").split("::");
}

function keyOf(file: string, names: readonly string[]): string {
  return JSON.stringify([file, ...names]);
}
