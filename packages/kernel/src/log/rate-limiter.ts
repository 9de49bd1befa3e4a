/** At most so many events per second, with bursts (eventchannel.RateLimitedEmitterFrom of the seed). */
import { NS_PER_SEC } from '@troupe/abi';
import type { Clock } from '@troupe/time';

export class RateLimiter {
  #tokens: number;
  #atNs: number;
  /** Events refused so far. */
  refused = 0;

  constructor(readonly clock: Clock, readonly perSecond: number, readonly burst: number) {
    this.#tokens = burst;
    this.#atNs = clock.nowNs();
  }

  /** True when one more event may happen now. */
  take(): boolean {
    const nowNs = this.clock.nowNs();
    this.#tokens = Math.min(this.burst, this.#tokens + ((nowNs - this.#atNs) * this.perSecond) / NS_PER_SEC);
    this.#atNs = nowNs;
    if (this.#tokens < 1) {
      this.refused++;
      return false;
    }
    this.#tokens--;
    return true;
  }
}
