/**
 * Every message between actors: owner and verb, what it carries, what it answers. Messages are plain
 * data (ids instead of objects), so that they can be traced, saved and sent from another thread.
 */
import type { SigInfo } from '../linux/signal.js';
import type { ExitStatus } from '../linux/wait.js';

export interface Protocol {
  /** A task ends by itself (exit(2)). */
  'TaskSet.Exit': { readonly body: { readonly tid: number; readonly status: ExitStatus }; readonly reply: void };
  /** A task ends with its whole process (exit_group(2), deadly signal). */
  'TaskSet.ExitGroup': { readonly body: { readonly tid: number; readonly status: ExitStatus }; readonly reply: void };
  /** Every task of the kernel ends (kernel.go TaskSet.Kill). */
  'TaskSet.Kill': { readonly body: { readonly status: ExitStatus }; readonly reply: void };
  /** A zombie was waited for. */
  'TaskSet.Reap': { readonly body: { readonly tgid: number }; readonly reply: void };
  /** External stop begins or ends (kernel.go BeginExternalStop, EndExternalStop); nests. */
  'TaskSet.Pause': { readonly body: Record<never, never>; readonly reply: void };
  'TaskSet.Unpause': { readonly body: Record<never, never>; readonly reply: void };
  /** Thread-directed signal. 0, or -ESRCH, -EAGAIN. */
  'Signals.SendToTask': { readonly body: { readonly tid: number; readonly info: SigInfo }; readonly reply: number };
  /** Process-directed signal. 0, or -ESRCH, -EAGAIN. */
  'Signals.SendToGroup': { readonly body: { readonly tgid: number; readonly info: SigInfo }; readonly reply: number };
  /** To every member of a process group; the last error, or 0. */
  'Signals.SendToProcessGroup': { readonly body: { readonly pgid: number; readonly info: SigInfo }; readonly reply: number };
  /** To every process of a container; the last error, or 0 (kernel.go SendContainerSignal). */
  'Signals.SendToContainer': { readonly body: { readonly containerId: string; readonly info: SigInfo }; readonly reply: number };
  /** Deadlines up to `nowNs` expire. How many did. */
  'Timers.Expire': { readonly body: { readonly nowNs: number }; readonly reply: number };
}

export type MessageType = keyof Protocol;
export type Body<T extends MessageType> = Protocol[T]['body'];
export type Reply<T extends MessageType> = Protocol[T]['reply'];

export interface Message<T extends MessageType = MessageType> {
  readonly type: T;
  readonly body: Body<T>;
}
