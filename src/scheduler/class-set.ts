/** A set of requirement classes by their indexes, as bits: whether two sets share one costs a look per 32 classes. */
export class ClassSet {
  private readonly words: number[] = [];

  add(index: number): void {
    const word = index >>> 5;
    while (this.words.length <= word) this.words.push(0);
    this.words[word] = (this.words[word] ?? 0) | (1 << (index & 31));
  }

  delete(index: number): void {
    const word = index >>> 5;
    if (word < this.words.length) this.words[word] = (this.words[word] ?? 0) & ~(1 << (index & 31));
  }

  has(index: number): boolean {
    return ((this.words[index >>> 5] ?? 0) & (1 << (index & 31))) !== 0;
  }

  clear(): void {
    this.words.length = 0;
  }

  /** Whether some class is in this set and in `other`, and not in `except`. */
  meets(other: ClassSet, except: ClassSet): boolean {
    const length = Math.min(this.words.length, other.words.length);
    for (let word = 0; word < length; word += 1) {
      const both = (this.words[word] ?? 0) & (other.words[word] ?? 0);
      if (both !== 0 && (both & ~(except.words[word] ?? 0)) !== 0) return true;
    }
    return false;
  }
}
