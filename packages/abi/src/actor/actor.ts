/**
 * Actors of one thread. A message is handled to its end before the next one of the same actor.
 *
 * ask    handles the message now and gives its reply; the target must have a lower rank than every
 *        actor that is handling a message.
 * send   puts the message in the target's mailbox; it is handled when no actor is busy any more.
 */
import { Invariant } from '../errors.js';
import { Mailbox } from './mailbox.js';
import { ActorRank } from './order.js';
import type { ActorName } from './order.js';
import type { Body, Message, MessageType, Reply } from './protocol.js';

export interface Actor {
  readonly actorName: ActorName;
  /** Handles one message; the value is the reply. */
  receive<T extends MessageType>(type: T, body: Body<T>): Reply<T>;
}

export interface ActorEvent {
  readonly kind: 'ask' | 'send';
  readonly type: MessageType;
  readonly body: object;
  /** Actors that are handling messages, outermost first. */
  readonly chain: readonly ActorName[];
}

export class ActorSystem {
  readonly #actors = new Map<string, Actor>();
  readonly #mailboxes = new Map<string, Mailbox>();
  /** Actors that are handling a message, outermost first. */
  readonly #chain: ActorName[] = [];
  #isDraining = false;
  /** Messages handled so far. */
  handled = 0;
  onTrace: ((event: ActorEvent) => void) | null = null;

  register(actor: Actor): void {
    this.#actors.set(actor.actorName, actor);
    this.#mailboxes.set(actor.actorName, new Mailbox());
  }

  mailbox(name: ActorName): Mailbox {
    const mailbox = this.#mailboxes.get(name);
    if (!mailbox) throw new Invariant(`no actor ${name}`);
    return mailbox;
  }

  ask<T extends MessageType>(type: T, body: Body<T>): Reply<T> {
    const actor = this.#target(type);
    this.#checkRank(actor.actorName, type);
    this.onTrace?.({ kind: 'ask', type, body, chain: [...this.#chain] });
    const reply = this.#handle(actor, type, body);
    if (this.#chain.length === 0) this.drain();
    return reply;
  }

  send<T extends MessageType>(type: T, body: Body<T>): void {
    const actor = this.#target(type);
    this.onTrace?.({ kind: 'send', type, body, chain: [...this.#chain] });
    this.mailbox(actor.actorName).push({ type, body } as Message);
    if (this.#chain.length === 0) this.drain();
  }

  /** Handles what waits in the mailboxes, until they are empty. */
  drain(): void {
    if (this.#isDraining) return;
    this.#isDraining = true;
    try {
      while (this.#drainOnce());
    } finally {
      this.#isDraining = false;
    }
  }

  #drainOnce(): boolean {
    let worked = false;
    for (const [name, mailbox] of this.#mailboxes) {
      const message = mailbox.shift();
      if (!message) continue;
      this.#handle(this.#actors.get(name)!, message.type, message.body);
      worked = true;
    }
    return worked;
  }

  #target(type: MessageType): Actor {
    const actor = this.#actors.get(type.slice(0, type.indexOf('.')));
    if (!actor) throw new Invariant(`no actor accepts ${type}`);
    return actor;
  }

  /** True when whoever is busy now has a higher rank, so that ask is allowed. */
  mayAsk(name: ActorName): boolean {
    const asking = this.#chain.at(-1);
    return asking === undefined || ActorRank[name] < ActorRank[asking];
  }

  #checkRank(name: ActorName, type: MessageType): void {
    if (this.mayAsk(name)) return;
    throw new Invariant(`${this.#chain.at(-1)} may not ask ${name} (${type}); chain: ${this.#chain.join(' > ')}`);
  }

  #handle<T extends MessageType>(actor: Actor, type: T, body: Body<T>): Reply<T> {
    this.#chain.push(actor.actorName);
    this.handled++;
    try {
      return actor.receive(type, body);
    } finally {
      this.#chain.pop();
    }
  }
}
