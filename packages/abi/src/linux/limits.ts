/** Resource limits (getrlimit(2)). Infinity stands for RLIM_INFINITY. */
export const Rlimit = { CPU: 0, FSIZE: 1, DATA: 2, STACK: 3, CORE: 4, RSS: 5, NPROC: 6, NOFILE: 7, MEMLOCK: 8, AS: 9, LOCKS: 10, SIGPENDING: 11, MSGQUEUE: 12, NICE: 13, RTPRIO: 14, RTTIME: 15 } as const;
export const RLIMIT_COUNT = 16;

export interface Limit {
  readonly soft: number;
  readonly hard: number;
}

const INFINITE: Limit = { soft: Infinity, hard: Infinity };
const DEFAULTS: Readonly<Partial<Record<number, Limit>>> = {
  [Rlimit.STACK]: { soft: 8 << 20, hard: Infinity },
  [Rlimit.CORE]: { soft: 0, hard: Infinity },
  [Rlimit.NPROC]: { soft: 8192, hard: 8192 },
  [Rlimit.NOFILE]: { soft: 1024, hard: 1 << 20 },
  [Rlimit.MEMLOCK]: { soft: 8 << 20, hard: 8 << 20 },
  [Rlimit.SIGPENDING]: { soft: 8192, hard: 8192 },
  [Rlimit.MSGQUEUE]: { soft: 819200, hard: 819200 },
  [Rlimit.NICE]: { soft: 0, hard: 0 },
  [Rlimit.RTPRIO]: { soft: 0, hard: 0 },
};

const ALL_DEFAULTS: readonly Limit[] = Array.from({ length: RLIMIT_COUNT }, (_, n) => DEFAULTS[n] ?? INFINITE);

/** The limits of a thread group; forks copy them. */
export class LimitSet {
  private readonly _limits: Limit[];

  constructor(limits: readonly Limit[] = ALL_DEFAULTS) {
    this._limits = [...limits];
  }

  get(resource: number): Limit {
    return this._limits[resource]!;
  }

  soft(resource: number): number {
    return this._limits[resource]!.soft;
  }

  set(resource: number, limit: Limit): void {
    this._limits[resource] = limit;
  }

  copy(): LimitSet {
    return new LimitSet(this._limits);
  }
}
