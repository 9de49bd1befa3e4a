import type { Signo } from './executor.js';

/** Signals for a process that is being made: they wait until it is there. */
export class SignalGate {
  private readonly _early: Signo[] = [];
  private _deliver: ((signo: Signo) => void) | null = null;

  send(signo: Signo): void {
    if (this._deliver === null) this._early.push(signo);
    else this._deliver(signo);
  }

  open(deliver: (signo: Signo) => void): void {
    this._deliver = deliver;
    for (const signo of this._early.splice(0)) deliver(signo);
  }

  /** The process is gone. */
  close(): void {
    this._deliver = () => undefined;
  }
}
