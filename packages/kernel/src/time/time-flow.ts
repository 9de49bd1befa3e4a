/**
 * Time of a kernel that is not the host's (`--time`): jumps, and what they have to keep in step.
 *
 * The time stamp counter counts host nanoseconds plus KernelHeader.tscOffsetNs. At rate 1 a jump moves
 * that offset too, so that what the vDSO computes stays right; at other rates programs ask the kernel.
 */
import { ConfigError, headerWord, KERNEL_HEADER, KernelHeader } from '@troupe/abi';
import { HostTimeSource, Timekeeper, VirtualTimeSource, type TimeFlow } from '@troupe/time';
import type { Kernel } from '../kernel.js';

const RUNNING = headerWord('runningTasks');
const TSC_OFFSET = (KERNEL_HEADER + KernelHeader.off.tscOffsetNs) / 8;

/** `host`: the host's time. `virtual`: the same, but nobody waits for timers. `frozen`: only `advanceTime` moves it. */
export type TimeOption = 'host' | 'virtual' | 'frozen' | TimeFlow;

const FLOWS: Readonly<Record<'virtual' | 'frozen', TimeFlow>> = {
  virtual: { rate: 1, jumpsWhenIdle: true },
  frozen: { rate: 0, jumpsWhenIdle: false },
};

/** Throws ConfigError for an impossible rate. */
export function createTimekeeper(option: TimeOption): Timekeeper {
  if (option === 'host') return new Timekeeper(new HostTimeSource());
  const flow = typeof option === 'string' ? FLOWS[option] : option;
  if (!Number.isFinite(flow.rate) || flow.rate < 0) throw new ConfigError(`${flow.rate} is not a number from 0 on`, 'time.rate');
  return new Timekeeper(new VirtualTimeSource(flow));
}

/** Time jumps ahead by `ns`; timers that are due then expire. Throws RangeError for host time and negative values. */
export function advanceTime(kernel: Kernel, ns: bigint): void {
  const { source } = kernel.timekeeper;
  if (!(source instanceof VirtualTimeSource)) throw new RangeError('the time of this kernel is that of the host');
  source.advance(ns);
  if (source.flow.rate === 1) Atomics.add(kernel.shared.i64, TSC_OFFSET, ns);
  kernel.host.kick();
}

/** Whether idle kernels jump to their next timer. */
export function jumpsWhenIdle(kernel: Kernel): boolean {
  const { source } = kernel.timekeeper;
  return source instanceof VirtualTimeSource && source.flow.jumpsWhenIdle;
}

/** Precondition: nothing is left to do now. Jumps when every task waits and a timer is armed. */
export function jumpToNextTimer(kernel: Kernel): void {
  const { timers, timekeeper } = kernel;
  if (!jumpsWhenIdle(kernel) || timekeeper.isPaused || Atomics.load(kernel.shared.i32, RUNNING) !== 0) return;
  const leftNs = timers.nextNs - timers.clock.nowNs();
  if (leftNs > 0 && Number.isFinite(leftNs)) advanceTime(kernel, BigInt(Math.ceil(leftNs)));
}
