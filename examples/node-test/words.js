export function words(text) {
  return text.split(/\s+/).filter((word) => word !== "");
}
