/** The context of whoever owns the kernel: highest privileges, no limits (kernel.go supervisorContext). */
import { LimitSet, RLIMIT_COUNT, rootCredentials, type Credentials } from '@troupe/abi';
import type { PathNode } from '@troupe/vfs';
import type { Task } from '../task/task.js';
import { KernelContext } from './kernel-context.js';

const UNLIMITED = { soft: Infinity, hard: Infinity };

export class SupervisorContext extends KernelContext {
  readonly credentials: Credentials = rootCredentials();
  readonly limits = new LimitSet(Array.from({ length: RLIMIT_COUNT }, () => UNLIMITED));
  readonly umask = 0;

  /** The root of the init process, while that runs; of the file tree before and after. */
  get root(): PathNode {
    const init = this.kernel.globalInit;
    return init?.leader.isAlive ? init.leader.fs.root : this.kernel.vfs.root;
  }

  get workingDirectory(): PathNode {
    return this.root;
  }

  /** It may look into every task (CtxCanTrace). */
  canTrace(_task: Task): boolean {
    return true;
  }
}
