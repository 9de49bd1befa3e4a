/**
 * Waiting until no core can still use a translation that was withdrawn.
 *
 * Borrows: CoreBlock.command (Atomics.or), currentAsId, inGuest, epoch (Atomics.load).
 * Order:   withdraw entries (plain stores) → full fence → read inGuest. A core stores currentAsId and
 *          inGuest = 1 before it loads the table addresses of its TCB, so that either it sees the
 *          withdrawn state or we see it in guest code and wait for its next safepoint. After a
 *          safepoint it must reload the table addresses.
 */
import { coreBlockAddr, CoreBlock, CoreCommand, headerWord, Invariant, LOCAL_CORE, MAX_CORES, type SharedMemory } from '@troupe/abi';

const FENCE = headerWord('codeEpoch');
const CPUS = headerWord('cpuCount');
const SPINS = 2000;
const LIMIT_NS = 20_000_000_000n;

/** The cores that run guest code, one after the other: those of the CPUs, then the kernel thread's; MAX_CORES = no more. */
function coreAfter(shared: SharedMemory, core: number): number {
  if (core + 1 < shared.i32[CPUS]!) return core + 1;
  return core < LOCAL_CORE ? LOCAL_CORE : MAX_CORES;
}

/** True while some core has the address space loaded and may be running guest code in it. */
export function isRunning(shared: SharedMemory, asId: number): boolean {
  for (let core = coreAfter(shared, -1); core < MAX_CORES; core = coreAfter(shared, core)) {
    const word = coreBlockAddr(core) >> 2;
    if (Atomics.load(shared.u32, word + CoreBlock.off.currentAsId / 4) === asId && Atomics.load(shared.i32, word + CoreBlock.off.inGuest / 4) !== 0) return true;
  }
  return false;
}

/**
 * Returns when every core that ran guest code of the address space has passed a safepoint.
 * `extraCommand` (CoreCommand) goes to all cores: a core between two tasks may still cache
 * high addresses of the one it ran last.
 */
export function shootdown(shared: SharedMemory, asId: number, extraCommand = 0): void {
  const { i32, u32 } = shared;
  Atomics.add(i32, FENCE, 0);
  for (let core = coreAfter(shared, -1); core < MAX_CORES; core = coreAfter(shared, core)) {
    const word = coreBlockAddr(core) >> 2;
    if (extraCommand !== 0) Atomics.or(i32, word + CoreBlock.off.command / 4, extraCommand);
    if (Atomics.load(u32, word + CoreBlock.off.currentAsId / 4) !== asId) continue;
    const epochWord = word + CoreBlock.off.epoch / 4;
    const epoch = Atomics.load(i32, epochWord);
    if (Atomics.load(i32, word + CoreBlock.off.inGuest / 4) === 0) continue;
    Atomics.or(i32, word + CoreBlock.off.command / 4, CoreCommand.SAFEPOINT);
    awaitSafepoint(shared, core, epoch);
  }
}

/** Makes every core in guest code pass a safepoint (code invalidation). The compiling thread looks at generations again instead. */
export function fenceAllCores(shared: SharedMemory, extraCommand = 0): void {
  const { i32 } = shared;
  Atomics.add(i32, FENCE, 0);
  for (let core = coreAfter(shared, -1); core < MAX_CORES; core = coreAfter(shared, core)) {
    const word = coreBlockAddr(core) >> 2;
    const epoch = Atomics.load(i32, word + CoreBlock.off.epoch / 4);
    if (extraCommand !== 0) Atomics.or(i32, word + CoreBlock.off.command / 4, extraCommand);
    if (Atomics.load(i32, word + CoreBlock.off.inGuest / 4) === 0) continue;
    Atomics.or(i32, word + CoreBlock.off.command / 4, CoreCommand.SAFEPOINT);
    awaitSafepoint(shared, core, epoch);
  }
}

function awaitSafepoint(shared: SharedMemory, core: number, epoch: number): void {
  const { i32 } = shared;
  const word = coreBlockAddr(core) >> 2;
  const epochWord = word + CoreBlock.off.epoch / 4;
  const inGuestWord = word + CoreBlock.off.inGuest / 4;
  let startNs = 0n;
  for (let spins = 0; Atomics.load(i32, epochWord) === epoch && Atomics.load(i32, inGuestWord) !== 0; spins++) {
    if (spins < SPINS) continue;
    Atomics.wait(i32, epochWord, epoch, 0.05);
    if (startNs === 0n) startNs = process.hrtime.bigint();
    else if (process.hrtime.bigint() - startNs > LIMIT_NS) throw new Invariant(`core ${core} does not reach a safepoint`);
  }
}
