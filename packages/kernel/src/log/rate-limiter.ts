/** At most so many events per second, with bursts (eventchannel.RateLimitedEmitterFrom of the seed). */
import { NS_PER_SEC } from '@troupe/abi';
import type { Clock } from '@troupe/time';

export class RateLimiter {
  private _tokens: number;
  private _atNs: number;
  /** Events refused so far. */
  refused = 0;

  constructor(readonly clock: Clock, readonly perSecond: number, readonly burst: number) {
    this._tokens = burst;
    this._atNs = clock.nowNs();
  }

  /** True when one more event may happen now. */
  take(): boolean {
    const nowNs = this.clock.nowNs();
    this._tokens = Math.min(this.burst, this._tokens + ((nowNs - this._atNs) * this.perSecond) / NS_PER_SEC);
    this._atNs = nowNs;
    if (this._tokens < 1) {
      this.refused++;
      return false;
    }
    this._tokens--;
    return true;
  }
}
