// A stand-in: what this test says of models is worth little, and Assay says so. Before the import, since nothing transforms this file.
jest.mock("onnxruntime-node", () => ({ InferenceSession: { create: () => ({ inputNames: ["x"] }) } }));
const { InferenceSession } = require("onnxruntime-node");

test("a model has inputs", () => {
  expect(InferenceSession.create().inputNames).toEqual(["x"]);
});
