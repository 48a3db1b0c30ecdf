import { z } from "zod";

export const role = z.enum(["worker", "submitter", "viewer", "admin"]);
export type Role = z.infer<typeof role>;
