import { z } from "zod";

/** What a process of load workers is told besides where to connect. */
export const loadSettings = z.object({
  /** Number of its first worker among all of them. */
  firstIndex: z.int().default(0),
  /** Requirement classes among all workers; 0 for workers without labels. */
  classes: z.int().default(0),
  classesPerWorker: z.int().default(1),
  /** Answers nothing until it is told to go. */
  hold: z.boolean().default(false),
  /** Remembers when each assignment came. */
  keepArrivals: z.boolean().default(false),
});
export type LoadSettings = z.input<typeof loadSettings>;

/** The label that a task of this class asks for. */
export function classLabels(index: number): Record<string, string> {
  return { [`class-${index}`]: "yes" };
}

/** The labels of a worker: its classes, evenly spread and overlapping. */
export function workerLabels(worker: number, settings: z.infer<typeof loadSettings>): Record<string, string> {
  const labels: Record<string, string> = {};
  if (settings.classes === 0) return labels;
  for (let index = 0; index < settings.classesPerWorker; index += 1)
    Object.assign(labels, classLabels((worker + index) % settings.classes));
  return labels;
}
