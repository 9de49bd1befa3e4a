/**
 * The host's terminal as the controlling terminal of a process: opened for its standard streams, fed with
 * what is typed, and told about window size and hang-up.
 */
import { O_NOCTTY, O_RDWR, rootCredentials, type WindowSize } from '@troupe/abi';
import { Follow, newAnonymousNode, type FileDescription, type HostSink, type PathNode, type Tty, type VfsContext } from '@troupe/vfs';
import type { Kernel } from '../kernel.js';
import type { ThreadGroup } from '../task/thread-group.js';

export class HostConsole {
  readonly tty: Tty;
  /** Typed bytes the terminal had no room for yet. */
  private _backlog: Uint8Array[] = [];

  /** `uid` owns the device; `sink` shows output on the host and takes all bytes. A terminal that came with an image goes on. */
  constructor(readonly kernel: Kernel, uid: number, sink: HostSink) {
    const { terminals } = kernel.ipc;
    this.tty = terminals.reattachHostTerminal(sink) ?? terminals.createHostTerminal(sink, uid);
  }

  /** A description for a standard stream. All of them share the terminal. */
  open(): FileDescription {
    const ctx = this._context();
    const file = this.kernel.ipc.terminals.open(this.tty, this._node(ctx), O_RDWR | O_NOCTTY, ctx);
    if (typeof file === 'number') throw new Error('the terminal hung up');
    return file;
  }

  /** Makes it the controlling terminal of a session leader, which is in the foreground. */
  attach(group: ThreadGroup): void {
    const caller = this.kernel.ipc.terminals.jobs.caller(group.leader.tid);
    if (caller?.isSessionLeader && caller.terminal === null) this.tty.adopt(caller);
  }

  /** Bytes typed at the host. What does not fit waits until a program reads. */
  type(bytes: Uint8Array): void {
    this._backlog.push(bytes);
    this._drain();
    this.kernel.host.kick();
  }

  /** Bytes typed, and shown, before the host's terminal was handed over. */
  typeShown(bytes: Uint8Array): void {
    const count = this.tty.receiveShown(bytes);
    this.type(bytes.subarray(count));
  }

  get backlogBytes(): number {
    this._drain();
    return this._backlog.reduce((sum, bytes) => sum + bytes.length, 0);
  }

  resize(size: WindowSize): void {
    this.tty.setWindowSize(size);
    this.kernel.host.kick();
  }

  hangUp(): void {
    this.tty.hangUp();
    this.kernel.host.kick();
  }

  private _drain(): void {
    while (this._backlog.length > 0) {
      const first = this._backlog[0]!;
      const count = this.tty.receive(first);
      if (count === first.length) this._backlog.shift();
      else this._backlog[0] = first.subarray(count);
      if (count < first.length) return;
    }
  }

  /** The device under /dev/pts, so that ttyname(3) finds it; nameless where devpts is not mounted. */
  private _node(ctx: VfsContext): PathNode {
    const node = this.kernel.vfs.lookup(ctx, ctx.root, this.tty.name, Follow.YES);
    return typeof node === 'number' ? newAnonymousNode('[terminal]') : node;
  }

  private _context(): VfsContext {
    const { vfs } = this.kernel;
    return { creds: rootCredentials(), root: vfs.root, cwd: vfs.root, umask: 0, pid: 0, tid: 0, realtimeNs: () => this.kernel.realtimeNs() };
  }
}
