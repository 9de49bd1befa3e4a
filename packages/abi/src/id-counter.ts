/**
 * Numbers that never repeat in this host process: inode numbers of objects without a file system,
 * device numbers. Kernels share them; an image keeps them, so that a loaded kernel makes no number twice.
 */
export class IdCounter {
  private static readonly _all = new Map<string, IdCounter>();

  /** `name` is unique. */
  constructor(readonly name: string, private _next = 1) {
    IdCounter._all.set(name, this);
  }

  take(): number {
    return this._next++;
  }

  /** Next number of each counter. */
  static snapshot(): Record<string, number> {
    return Object.fromEntries([...IdCounter._all].map(([name, counter]) => [name, counter._next]));
  }

  /** No counter gives out what the snapshot had given out. */
  static raise(snapshot: Readonly<Record<string, number>>): void {
    for (const [name, next] of Object.entries(snapshot)) {
      const counter = IdCounter._all.get(name);
      if (counter !== undefined) counter._next = Math.max(counter._next, next);
    }
  }
}
