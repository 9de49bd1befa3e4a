/**
 * All sockets of a kernel, in the order they were made (kernel.go RecordSocket, ListSockets).
 *
 * Owns:  the entries. They do not keep a socket alive: an entry goes when the last reference of its
 *        socket is dropped, or when an unreferenced socket was collected.
 */
import type { FileDescription, ReleaseListener } from '@troupe/vfs';

/** kernel.go SocketEntry. */
export class SocketEntry<S extends FileDescription> implements ReleaseListener {
  private readonly _socket: WeakRef<S>;

  constructor(readonly table: SocketTable<S>, readonly id: number, socket: S) {
    this._socket = new WeakRef(socket);
    (socket.releaseListeners ??= new Set()).add(this);
  }

  /** The socket, or undefined once it is gone. */
  get socket(): S | undefined {
    return this._socket.deref();
  }

  /** kernel.go WeakRefGone. */
  onFileReleased(): void {
    this.table.remove(this);
  }
}

export class SocketTable<S extends FileDescription = FileDescription> {
  private readonly _entries = new Map<number, SocketEntry<S>>();
  private _nextId = 0;

  record(socket: S): SocketEntry<S> {
    const entry = new SocketEntry(this, this._nextId++, socket);
    this._entries.set(entry.id, entry);
    return entry;
  }

  remove(entry: SocketEntry<S>): void {
    this._entries.delete(entry.id);
  }

  /** A snapshot of the sockets that exist. */
  list(): SocketEntry<S>[] {
    for (const entry of this._entries.values()) if (entry.socket === undefined) this.remove(entry);
    return [...this._entries.values()];
  }
}
