import { RegionExit } from '../jit/region-abi.js';
import type { GuestState } from './guest-state.js';
import type { WrittenPages } from './written-pages.js';

/** Instructions and bytes of memory shown. */
const MAX_INSTRUCTIONS = 40;
const MAX_BYTES = 16;

/** What a run of regions did, and the interpreter in its place. */
export interface CheckedRun {
  readonly before: GuestState;
  readonly after: GuestState;
  readonly interpreted: GuestState;
  readonly exit: number;
  readonly pages: WrittenPages;
  /** As interpreted, with their addresses. */
  readonly instructions: readonly string[];
}

function exitName(exit: number): string {
  return Object.entries(RegionExit).find(([, value]) => value === exit)?.[0] ?? String(exit);
}

function memoryLines(pages: WrittenPages): string[] {
  const lines: string[] = [];
  for (const [address, byte, interpreted] of pages.differences()) {
    if (lines.length === MAX_BYTES) return [...lines, '…'];
    lines.push(`[0x${address.toString(16)}]: 0x${byte.toString(16)}, interpreted 0x${interpreted.toString(16)}`);
  }
  return lines;
}

/** Text of a difference. */
export function reportText({ before, after, interpreted, exit, pages, instructions }: CheckedRun): string {
  const rip = (state: GuestState): string => `0x${state.rip.toString(16)}`;
  const head = `jit check: region at ${rip(before)} left for ${rip(after)} (${exitName(exit)}), interpreted up to ${rip(interpreted)}`;
  const left = instructions.length - MAX_INSTRUCTIONS;
  const shown = left > 0 ? [`… ${left} before`, ...instructions.slice(-MAX_INSTRUCTIONS)] : instructions;
  return [head, ...after.differences(interpreted).map((line) => `  ${line}`), ...memoryLines(pages).map((line) => `  ${line}`), ...shown.map((line) => `    ${line}`)].join('\n');
}
