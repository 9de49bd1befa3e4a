/** Messages waiting in a local socket: datagrams, or the pieces of a stream with what was sent along. */
import type { FileDescription } from '../file-description.js';
import type { SocketCredentials } from '../socket/socket.js';
import type { UnixAddress } from './unix-address.js';

export interface UnixMessage {
  readonly data: Uint8Array;
  /** Bytes of a stream piece that were read already. */
  consumedBytes: number;
  /** Owned references. */
  rights: readonly FileDescription[];
  readonly credentials: SocketCredentials;
  readonly from: UnixAddress;
  /** Told when the message leaves the queue: the sender's buffer has room again. */
  readonly sender: MessageSender;
}

export interface MessageSender {
  /** `costBytes` as messageCostBytes gave it. */
  onMessageTaken(costBytes: number): void;
}

/** Bookkeeping Linux charges to the sender's buffer besides the data (struct sk_buff and its shared info). */
const OVERHEAD_BYTES = 576;

/** What a message takes of the sender's buffer until it leaves the receiver's queue. */
export function messageCostBytes(dataBytes: number): number {
  return dataBytes + OVERHEAD_BYTES;
}

export class MessageQueue {
  private _messages: UnixMessage[] = [];
  private _head = 0;
  /** Unread bytes. */
  lengthBytes = 0;

  get count(): number {
    return this._messages.length - this._head;
  }

  get first(): UnixMessage | undefined {
    return this._messages[this._head];
  }

  at(index: number): UnixMessage | undefined {
    return this._messages[this._head + index];
  }

  push(message: UnixMessage): void {
    this._messages.push(message);
    this.lengthBytes += message.data.length;
  }

  /** Marks bytes of the first message as read; removes it when nothing is left. */
  consume(count: number): void {
    const message = this.first!;
    message.consumedBytes += count;
    this.lengthBytes -= count;
    if (message.consumedBytes === message.data.length) this._remove();
  }

  /** Removes the first message with whatever is unread of it. */
  shift(): UnixMessage {
    const message = this.first!;
    this.lengthBytes -= message.data.length - message.consumedBytes;
    this._remove();
    return message;
  }

  /** Drops everything, with the files that were on their way. */
  clear(): void {
    while (this.count > 0) for (const file of this.shift().rights) file.decRef();
  }

  private _remove(): void {
    const { data, sender } = this.first!;
    this._head++;
    sender.onMessageTaken(messageCostBytes(data.length));
    if (this._head < 64 || this._head * 2 < this._messages.length) return;
    this._messages = this._messages.slice(this._head);
    this._head = 0;
  }
}
