/**
 * Root directory, working directory and umask of a task; shared between tasks made with CLONE_FS
 * (clone(2)).
 *
 * Owns: root cwd umask.
 */
import type { PathNode } from '@troupe/vfs';

export class FsContext {
  private _refs = 1;

  constructor(
    public root: PathNode,
    public cwd: PathNode,
    public umask = 0o022,
  ) {}

  /** CLONE_FS: the same object, one more user. */
  share(): this {
    this._refs++;
    return this;
  }

  /** fork: an independent copy. */
  copy(): FsContext {
    return new FsContext(this.root, this.cwd, this.umask);
  }

  /** A task stops using it. */
  release(): void {
    this._refs--;
  }

  get users(): number {
    return this._refs;
  }
}
