/** Messages an actor has not handled yet, oldest first. */
import type { Message } from './protocol.js';

export class Mailbox {
  private readonly _messages: Message[] = [];
  /** Most messages that ever waited, for --stat. */
  highWater = 0;

  push(message: Message): void {
    this._messages.push(message);
    if (this._messages.length > this.highWater) this.highWater = this._messages.length;
  }

  shift(): Message | undefined {
    return this._messages.shift();
  }

  get length(): number {
    return this._messages.length;
  }

  /** For save: the messages that wait. */
  peekAll(): readonly Message[] {
    return this._messages;
  }
}
