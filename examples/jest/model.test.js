const { InferenceSession } = require("onnxruntime-node");

// A stand-in: what this test says of models is worth little, and Assay says so.
jest.mock("onnxruntime-node", () => ({ InferenceSession: { create: () => ({ inputNames: ["x"] }) } }));

test("a model has inputs", () => {
  expect(InferenceSession.create().inputNames).toEqual(["x"]);
});
