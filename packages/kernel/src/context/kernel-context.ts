/**
 * Contexts of work that no task does (kernel.go supervisorContext, createProcessContext): who acts, and
 * which namespaces, root and limits apply. Values are looked up when asked for, as in the seed.
 */
import type { Credentials, LimitSet } from '@troupe/abi';
import type { Clock } from '@troupe/time';
import type { PathNode, UnixNamespace, VfsContext } from '@troupe/vfs';
import type { FeatureSet } from '../cpu/feature-set.js';
import type { Kernel } from '../kernel.js';
import type { IpcNamespace } from '../namespace/ipc-namespace.js';
import type { PidNamespace } from '../namespace/pid-namespace.js';
import type { UtsNamespace } from '../namespace/uts-namespace.js';

export abstract class KernelContext {
  constructor(readonly kernel: Kernel) {}

  abstract get credentials(): Credentials;
  abstract get limits(): LimitSet;
  abstract get root(): PathNode;
  abstract get workingDirectory(): PathNode;
  abstract get umask(): number;

  get pidNamespace(): PidNamespace {
    return this.kernel.rootPidNamespace;
  }

  get utsNamespace(): UtsNamespace {
    return this.kernel.rootUtsNamespace;
  }

  get ipcNamespace(): IpcNamespace {
    return this.kernel.rootIpcNamespace;
  }

  get abstractSocketNamespace(): UnixNamespace {
    return this.kernel.rootAbstractSocketNamespace;
  }

  get featureSet(): FeatureSet {
    return this.kernel.featureSet;
  }

  get realtimeClock(): Clock {
    return this.kernel.realtimeClock;
  }

  uniqueId(): number {
    return this.kernel.uniqueId();
  }

  inotifyCookie(): number {
    return this.kernel.generateInotifyCookie();
  }

  /** This context for operations on files. */
  vfsContext(): VfsContext {
    return { creds: this.credentials, root: this.root, cwd: this.workingDirectory, umask: this.umask, pid: 0, tid: 0, realtimeNs: () => this.kernel.realtimeNs() };
  }
}
