/**
 * The CPU features programs are told of (cpuid.FeatureSet of the seed): CPUID, /proc/cpuinfo and
 * AT_HWCAP announce the same ones, and a saved kernel runs only where all of them exist.
 */
import { ConfigError } from '@troupe/abi';
import { CPU_FEATURES } from '@troupe/cpu-worker/isa/cpuid.js';

/** Features of CPUID.1:EDX, which is AT_HWCAP (getauxval(3)). */
const HWCAP_WORD = 'edx1';

export class FeatureSet {
  private readonly _names: ReadonlySet<string>;

  constructor(names: Iterable<string>) {
    this._names = new Set(names);
  }

  /** What the instruction rows implement. */
  static emulated(): FeatureSet {
    return new FeatureSet(CPU_FEATURES.map(([name]) => name));
  }

  /** Names as in /proc/cpuinfo. */
  get names(): readonly string[] {
    return [...this._names];
  }

  has(name: string): boolean {
    return this._names.has(name);
  }

  /** AT_HWCAP. */
  get hwcap(): number {
    let bits = 0;
    for (const [name, word, bit] of CPU_FEATURES) if (word === HWCAP_WORD && this.has(name)) bits |= 1 << bit;
    return bits >>> 0;
  }

  /** Features of this set that `host` lacks. */
  missingIn(host: FeatureSet): string[] {
    return this.names.filter((name) => !host.has(name));
  }

  /** CheckHostCompatible of the seed. Throws ConfigError that names what `host` lacks. */
  checkCompatible(host: FeatureSet = FeatureSet.emulated()): void {
    const missing = this.missingIn(host);
    if (missing.length > 0) throw new ConfigError(`CPU features are missing: ${missing.join(', ')}`, 'featureSet');
  }
}
