/**
 * System V message queues (msgget(2), msgop(2), msgctl(2)).
 *
 * Owns:  messages, waiting receivers.
 * Order: a new message goes to the receiver that waits longest for its type before it is queued.
 */
import { Errno, MsgFlag, WaitQueue } from '@troupe/abi';
import type { IpcObject } from './object-table.js';
import type { IpcPermission } from './permission.js';

export interface Message {
  readonly type: number;
  readonly bytes: Uint8Array;
}

/** Which message a msgrcv takes, and how long it may be. */
export interface MessageChoice {
  /** 0 the first; > 0 that type (or, with MSG_EXCEPT, another); < 0 the lowest type up to -type. */
  readonly type: number;
  readonly flags: number;
  readonly maxBytes: number;
}

/** A msgrcv that waits. `result`: the message, or -errno, once there is one. */
export interface PendingReceive {
  readonly choice: MessageChoice;
  readonly pid: number;
  result: Message | number | null;
}

function matches({ flags, type }: MessageChoice, message: Message): boolean {
  if (type === 0) return true;
  if (type < 0) return message.type <= -type;
  return (message.type === type) !== ((flags & MsgFlag.EXCEPT) !== 0);
}

export class MessageQueue implements IpcObject {
  readonly messages: Message[] = [];
  readonly receivers: PendingReceive[] = [];
  /** Woken for receivers that got something, and for senders when there is room. */
  readonly waiters = new WaitQueue();
  bytes = 0;
  lastSendPid = 0;
  lastReceivePid = 0;
  sentAt = 0;
  receivedAt = 0;
  isRemoved = false;

  constructor(public key: number, readonly id: number, readonly permission: IpcPermission, public maxBytes: number, public changedAt: number) {}

  hasRoomFor(sizeBytes: number): boolean {
    return this.bytes + sizeBytes <= this.maxBytes && this.messages.length + 1 <= this.maxBytes;
  }

  /** Preconditions: hasRoomFor. */
  send(message: Message, pid: number, nowSeconds: number): void {
    this.lastSendPid = pid;
    this.sentAt = nowSeconds;
    if (this._giveToReceiver(message, nowSeconds)) return;
    this.messages.push(message);
    this.bytes += message.bytes.length;
  }

  private _giveToReceiver(message: Message, nowSeconds: number): boolean {
    for (const receiver of [...this.receivers]) {
      if (!matches(receiver.choice, message)) continue;
      this.receivers.splice(this.receivers.indexOf(receiver), 1);
      const isTooLong = isLongerThan(message, receiver.choice);
      receiver.result = isTooLong ? -Errno.E2BIG : message;
      this.waiters.wake(0, Infinity);
      if (isTooLong) continue;
      this.lastReceivePid = receiver.pid;
      this.receivedAt = nowSeconds;
      return true;
    }
    return false;
  }

  /** Takes a message: -ENOMSG when none fits the choice, -E2BIG when it is too long. */
  receive(choice: MessageChoice, pid: number, nowSeconds: number): Message | number {
    const index = this._find(choice);
    if (index < 0) return -Errno.ENOMSG;
    const message = this.messages[index]!;
    if (isLongerThan(message, choice)) return -Errno.E2BIG;
    this.messages.splice(index, 1);
    this.bytes -= message.bytes.length;
    this.lastReceivePid = pid;
    this.receivedAt = nowSeconds;
    this.waiters.wake(0, Infinity);
    return message;
  }

  private _find(choice: MessageChoice): number {
    if (choice.type >= 0) return this.messages.findIndex((message) => matches(choice, message));
    let best = -1;
    this.messages.forEach((message, index) => {
      if (matches(choice, message) && (best < 0 || message.type < this.messages[best]!.type)) best = index;
    });
    return best;
  }

  withdraw(receiver: PendingReceive): void {
    const at = this.receivers.indexOf(receiver);
    if (at >= 0) this.receivers.splice(at, 1);
  }

  /** IPC_RMID: everybody who waits fails. */
  destroy(): void {
    this.isRemoved = true;
    for (const receiver of this.receivers.splice(0)) receiver.result = -Errno.EIDRM;
    this.waiters.wake(0, Infinity);
  }
}

function isLongerThan(message: Message, { flags, maxBytes }: MessageChoice): boolean {
  return message.bytes.length > maxBytes && (flags & MsgFlag.NOERROR) === 0;
}
