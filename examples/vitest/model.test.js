import { expect, test, vi } from "vitest";
import { InferenceSession } from "onnxruntime-node";

// A stand-in: what this test says of models is worth little, and Assay says so.
vi.mock("onnxruntime-node", () => ({ InferenceSession: { create: () => ({ inputNames: ["x"] }) } }));

test("a model has inputs", () => {
  expect(InferenceSession.create().inputNames).toEqual(["x"]);
});
