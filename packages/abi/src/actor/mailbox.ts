/** Messages an actor has not handled yet, oldest first. */
import type { Message } from './protocol.js';

export class Mailbox {
  readonly #messages: Message[] = [];
  /** Most messages that ever waited, for --stat. */
  highWater = 0;

  push(message: Message): void {
    this.#messages.push(message);
    if (this.#messages.length > this.highWater) this.highWater = this.#messages.length;
  }

  shift(): Message | undefined {
    return this.#messages.shift();
  }

  get length(): number {
    return this.#messages.length;
  }

  /** For save: the messages that wait. */
  peekAll(): readonly Message[] {
    return this.#messages;
  }
}
