/**
 * Objects and functions that exist on both sides of an image under the same name: those of the kernel
 * that is saved, and those of the fresh kernel that takes its place.
 */
export class Anchors {
  private readonly _names = new Map<unknown, string>();
  private readonly _values = new Map<string, unknown>();
  private readonly _adopted = new Set<string>();

  /** Stands in the image as its name only. One name may stand for several values; the last is the one found by it. */
  bind(name: string, value: object): this {
    this._names.set(value, name);
    this._values.set(name, value);
    return this;
  }

  /** Its fields are saved; loading writes them into the object of that name. */
  adopt(name: string, value: object): this {
    this._adopted.add(name);
    return this.bind(name, value);
  }

  nameOf(value: object): string | undefined {
    return this._names.get(value);
  }

  isAdopted(name: string): boolean {
    return this._adopted.has(name);
  }

  get(name: string): unknown {
    return this._values.get(name);
  }
}
