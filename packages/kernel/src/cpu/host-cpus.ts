/** CPU numbers of the host (hostcpu.MaxPossibleCPU of the seed). */
import { readFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { HostError } from '@troupe/abi';

const POSSIBLE = '/sys/devices/system/cpu/possible';

/** Largest number in a CPU list such as `0-3,8` (cpuset(7), "List format"). Throws HostError. */
export function maxOfCpuList(text: string): number {
  const numbers = text.trim().split(/[-,]/).map((part) => (/^\d+$/.test(part) ? Number(part) : NaN));
  if (numbers.some(Number.isNaN)) throw new HostError(`bad CPU list '${text.trim()}'`, undefined);
  return Math.max(...numbers);
}

/** Largest CPU number the host may ever have. Hosts that do not tell have the CPUs Node sees. */
export function maxPossibleCpu(path = POSSIBLE): number {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch {
    return Math.max(1, cpus().length) - 1;
  }
  return maxOfCpuList(text);
}
