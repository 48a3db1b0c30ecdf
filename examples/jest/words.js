exports.words = (text) => text.split(/\s+/).filter((word) => word !== "");
