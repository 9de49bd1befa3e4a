/** Signal dispositions, shared by the tasks of a thread group and by CLONE_SIGHAND (sigaction(2)). */
import type { SigSet } from '@troupe/abi';
import { NSIG, SIG_DFL, SIG_IGN, defaultAction } from '@troupe/abi';

export interface SigAction {
  /** SIG_DFL, SIG_IGN or the address of the handler. */
  readonly handler: bigint;
  readonly flags: number;
  readonly restorer: bigint;
  readonly mask: SigSet;
}

/** SigAction.handler of SIG_DFL and SIG_IGN. */
export const DEFAULT_HANDLER = BigInt(SIG_DFL);
export const IGNORE_HANDLER = BigInt(SIG_IGN);
export const DEFAULT_ACTION: SigAction = { handler: DEFAULT_HANDLER, flags: 0, restorer: 0n, mask: 0n };

export class SignalHandlers {
  private readonly _actions: SigAction[];

  constructor(actions?: readonly SigAction[]) {
    this._actions = actions ? [...actions] : Array.from({ length: NSIG + 1 }, () => DEFAULT_ACTION);
  }

  get(signo: number): SigAction {
    return this._actions[signo]!;
  }

  set(signo: number, action: SigAction): void {
    this._actions[signo] = action;
  }

  /** Ignored by SIG_IGN, or by SIG_DFL of a signal whose default is to do nothing. */
  ignores(signo: number): boolean {
    const { handler } = this._actions[signo]!;
    return handler === IGNORE_HANDLER || (handler === DEFAULT_HANDLER && defaultAction(signo) === 'ignore');
  }

  /** For fork (copy) and execve, where handlers go back to the default and SIG_IGN stays. */
  copy(): SignalHandlers {
    return new SignalHandlers(this._actions);
  }

  copyForExec(): SignalHandlers {
    return new SignalHandlers(this._actions.map((action) => (action.handler === IGNORE_HANDLER ? { ...DEFAULT_ACTION, handler: IGNORE_HANDLER } : DEFAULT_ACTION)));
  }
}
