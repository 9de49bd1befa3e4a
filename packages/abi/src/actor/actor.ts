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
  private readonly _actors = new Map<string, Actor>();
  /** By type of message; looked up once. */
  private readonly _targets = new Map<MessageType, Actor>();
  private readonly _mailboxes = new Map<string, Mailbox>();
  /** Actors that are handling a message, outermost first. */
  private readonly _chain: ActorName[] = [];
  private _isDraining = false;
  /** Messages may wait in mailboxes. */
  private _hasSent = false;
  /** Messages handled so far. */
  handled = 0;
  onTrace: ((event: ActorEvent) => void) | null = null;

  register(actor: Actor): void {
    this._actors.set(actor.actorName, actor);
    this._targets.clear();
    this._mailboxes.set(actor.actorName, new Mailbox());
  }

  mailbox(name: ActorName): Mailbox {
    const mailbox = this._mailboxes.get(name);
    if (!mailbox) throw new Invariant(`no actor ${name}`);
    return mailbox;
  }

  ask<T extends MessageType>(type: T, body: Body<T>): Reply<T> {
    const actor = this._target(type);
    this._checkRank(actor.actorName, type);
    this.onTrace?.({ kind: 'ask', type, body, chain: [...this._chain] });
    const reply = this._handle(actor, type, body);
    if (this._hasSent && this._chain.length === 0) this.drain();
    return reply;
  }

  send<T extends MessageType>(type: T, body: Body<T>): void {
    const actor = this._target(type);
    this.onTrace?.({ kind: 'send', type, body, chain: [...this._chain] });
    this._hasSent = true;
    this.mailbox(actor.actorName).push({ type, body } as Message);
    if (this._chain.length === 0) this.drain();
  }

  /** Handles what waits in the mailboxes, until they are empty. */
  drain(): void {
    if (this._isDraining) return;
    this._isDraining = true;
    try {
      while (this._drainOnce());
      this._hasSent = false;
    } finally {
      this._isDraining = false;
    }
  }

  private _drainOnce(): boolean {
    let worked = false;
    for (const [name, mailbox] of this._mailboxes) {
      const message = mailbox.shift();
      if (!message) continue;
      this._handle(this._actors.get(name)!, message.type, message.body);
      worked = true;
    }
    return worked;
  }

  private _target(type: MessageType): Actor {
    const known = this._targets.get(type);
    if (known) return known;
    const actor = this._actors.get(type.slice(0, type.indexOf('.')));
    if (!actor) throw new Invariant(`no actor accepts ${type}`);
    this._targets.set(type, actor);
    return actor;
  }

  /** True when whoever is busy now has a higher rank, so that ask is allowed. */
  mayAsk(name: ActorName): boolean {
    const asking = this._chain.at(-1);
    return asking === undefined || ActorRank[name] < ActorRank[asking];
  }

  private _checkRank(name: ActorName, type: MessageType): void {
    if (this.mayAsk(name)) return;
    throw new Invariant(`${this._chain.at(-1)} may not ask ${name} (${type}); chain: ${this._chain.join(' > ')}`);
  }

  private _handle<T extends MessageType>(actor: Actor, type: T, body: Body<T>): Reply<T> {
    this._chain.push(actor.actorName);
    this.handled++;
    try {
      return actor.receive(type, body);
    } finally {
      this._chain.pop();
    }
  }
}
