/**
 * Questions of fanotify(7): a task waits until every group that wants to be asked has allowed what it is about to do.
 *
 * Order: groups are asked one after the other, first those with a higher priority; one that denies ends it.
 */
import { Errno, FAN_ACCESS_PERM, FAN_OPEN_EXEC_PERM, FAN_OPEN_PERM, O_FOR_EXEC, O_NO_EVENTS, WaitQueue } from '@troupe/abi';
import { groupsToAsk, permissionMarks, type FileDescription, type MarkGroup, type PathNode, type VfsContext } from '@troupe/vfs';
import { contextOf } from '../ipc/caller.js';
import type { Block } from '../syscall/row.js';
import type { Task } from '../task/task.js';

/** A group that asks its listener. */
export interface AskingGroup extends MarkGroup {
  ask(request: PermissionRequest, event: number): void;
}

interface Question {
  readonly group: AskingGroup;
  readonly event: number;
}

export class PermissionRequest {
  /** Woken by the decision. */
  readonly waiters = new WaitQueue();
  /** Null until it is decided. */
  isAllowed: boolean | null = null;

  constructor(readonly node: PathNode, private readonly _questions: Question[]) {
    this._askNext();
  }

  answer(isAllowed: boolean): void {
    if (this.isAllowed !== null) return;
    if (isAllowed && this._questions.length > 0) return this._askNext();
    this.isAllowed = isAllowed;
    this.waiters.wake(0, Infinity);
  }

  private _askNext(): void {
    const { event, group } = this._questions.shift()!;
    group.ask(this, event);
  }
}

function requestFor(node: PathNode, events: readonly number[]): PermissionRequest | null {
  const questions = events.flatMap((event) => groupsToAsk(node, event).map((group) => ({ group: group as AskingGroup, event })));
  return questions.length === 0 ? null : new PermissionRequest(node, questions);
}

/** In place of a file: the task must wait for an answer. No errno. */
export const ASKED = -0x1000;

/** What a call that opens has asked for so far; kept in its data. */
export class OpenQuestions {
  readonly requests: PermissionRequest[] = [];
  /** Flags of the last one. */
  flags = 0;

  get last(): PermissionRequest {
    return this.requests.at(-1)!;
  }

  mayOpen(node: PathNode, flags: number): number {
    const known = this.requests.find((request) => request.node.equals(node));
    if (known !== undefined && known.isAllowed !== null) return known.isAllowed ? 0 : -Errno.EPERM;
    const request = requestFor(node, (flags & O_FOR_EXEC) === 0 ? [FAN_OPEN_PERM] : [FAN_OPEN_EXEC_PERM, FAN_OPEN_PERM]);
    if (request === null) return 0;
    this.requests.push(request);
    this.flags = flags;
    return ASKED;
  }
}

/** The questions of the call the task is in, if it had to ask. */
export function openQuestions(task: Task): OpenQuestions | null {
  const data = task.syscall?.data;
  return data instanceof OpenQuestions ? data : null;
}

/** A context in which groups are asked before something is opened; openPath and the like then give ASKED. */
export function askingContext(task: Task): VfsContext {
  const ctx = contextOf(task);
  const earlier = openQuestions(task);
  if (permissionMarks.count === 0 && earlier === null) return ctx;
  const questions = earlier ?? new OpenQuestions();
  const mayOpen = (node: PathNode, flags: number): number => {
    const answer = questions.mayOpen(node, flags);
    if (answer === ASKED) task.syscall!.data = questions;
    return answer;
  };
  return { ...ctx, mayOpen };
}

/** Only a kill ends it. */
export const waitForAnswer = ({ waiters }: PermissionRequest): Block => ({ block: true, queues: [{ queue: waiters, events: 0 }], uninterruptible: true });

/** Before the task reads a file: 0, -EPERM, or a wait. */
export function askToRead(task: Task, file: FileDescription): Block | number {
  const state = task.syscall!;
  if (permissionMarks.count === 0 && state.data === undefined) return 0;
  if ((file.flags & O_NO_EVENTS) !== 0 || !(file.inode.isRegular || file.inode.isDirectory)) return 0;
  const request = state.data === undefined ? requestFor(file.node, [FAN_ACCESS_PERM]) : (state.data as PermissionRequest);
  if (request === null) return 0;
  state.data = request;
  if (request.isAllowed === null) return waitForAnswer(request);
  return request.isAllowed ? 0 : -Errno.EPERM;
}

/** The task dies while it waits: nobody needs the answer. */
export function dropQuestion(task: Task): undefined {
  const data = task.syscall?.data;
  const request = data instanceof OpenQuestions ? data.last : data;
  if (request instanceof PermissionRequest) request.isAllowed = false;
  return undefined;
}
