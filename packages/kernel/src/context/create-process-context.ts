/** The context of a process that is being made: what its arguments say (kernel.go createProcessContext). */
import { LimitSet, rootCredentials, type Credentials } from '@troupe/abi';
import type { PathNode, UnixNamespace } from '@troupe/vfs';
import type { FsContext } from '../fs-context.js';
import type { Kernel } from '../kernel.js';
import type { CreateProcessArgs } from '../task/create-process.js';
import { KernelContext } from './kernel-context.js';

export class CreateProcessContext extends KernelContext {
  private readonly _names: UnixNamespace | undefined;
  readonly credentials: Credentials;
  readonly limits: LimitSet;

  constructor(kernel: Kernel, args: CreateProcessArgs, readonly fs: FsContext) {
    super(kernel);
    this.credentials = args.credentials ?? rootCredentials();
    this._names = args.abstractSocketNamespace;
    this.limits = args.limits ?? new LimitSet();
  }

  get root(): PathNode {
    return this.fs.root;
  }

  get workingDirectory(): PathNode {
    return this.fs.cwd;
  }

  override get abstractSocketNamespace(): UnixNamespace {
    return this._names ?? super.abstractSocketNamespace;
  }

  get umask(): number {
    return this.fs.umask;
  }
}
