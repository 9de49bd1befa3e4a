import { WindowKind } from '@troupe/abi/layout/memory-windows.js';
import { NO_WINDOW } from '../interp/op-record.js';
import type { Block } from './control-flow.js';
import type { GuestInstruction } from './guest-code.js';

/** How the windows of operands that were not seen are chosen: as those with the same register, or by chance (tests). */
export type WindowGuess = 'likely' | 'any';

const KINDS = Object.values(WindowKind);

/**
 * In which window each operand of a region probably lies. Ops that run while cores sample note where their operand
 * was; what has not been seen probably is where others with the same base register are. A wrong choice costs time.
 */
export class WindowChoice {
  readonly #likely = new Map<number, number>();

  constructor(blocks: readonly Block[], readonly guess: WindowGuess) {
    const votes = new Map<number, number[]>();
    for (const { insns } of blocks) for (const insn of insns) {
      if (insn.window === 0) continue;
      const counts = votes.get(insn.base) ?? Array.from({ length: NO_WINDOW + 1 }, () => 0);
      counts[insn.window]!++;
      votes.set(insn.base, counts);
    }
    for (const [base, counts] of votes) this.#likely.set(base, counts.indexOf(Math.max(...counts)));
  }

  /** Undefined: in none. */
  of(insn: GuestInstruction): WindowKind | undefined {
    if (insn.window === 0 && this.guess === 'any') return KINDS[insn.at % (KINDS.length + 1)];
    const window = insn.window === 0 ? this.#likely.get(insn.base) : insn.window;
    return KINDS.find((kind) => kind === window);
  }
}
