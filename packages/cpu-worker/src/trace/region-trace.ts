import type { Node } from '../ir/node.js';
import type { RegionLocals } from '../jit/region-locals.js';
import { nameOf, type Callee } from '../jit/analysed-region.js';
import type { GuestInstruction } from '../jit/guest-code.js';
import type { RegionBody } from '../jit/region-emitter.js';
import { IrText, type IrNames } from './ir-text.js';
import { localNames } from './local-names.js';
import type { TracePart } from './trace-request.js';
import { WasmText } from './wasm-text.js';

/** Nodes of an instruction, or of what stands between instructions. */
interface Piece {
  readonly insn: GuestInstruction | undefined;
  readonly nodes: readonly Node[];
}

/** Listens while a region is emitted, and prints it: guest instructions, the IR of each, the wasm of all. */
export class RegionTrace {
  readonly #pieces: Piece[] = [];

  /** `textOf`: of an instruction. */
  constructor(readonly textOf: (insn: GuestInstruction) => string) {}

  /** Code was emitted; `nodes` as `analyse` left them. */
  emitted(insn: GuestInstruction | undefined, nodes: readonly Node[]): void {
    this.#pieces.push({ insn, nodes });
  }

  lines(parts: ReadonlySet<TracePart>, body: RegionBody, locals: RegionLocals): string[] {
    const names: IrNames = { local: localNames(locals), callee: (index) => calleeName(body.callees[index]!), global: (index) => ['key', 'links', ...body.constants][index]! };
    const lines: string[] = [];
    for (const { insn, nodes } of this.#pieces) lines.push(...this.#pieceLines(parts, insn, new IrText(names).lines(nodes, 2)));
    return parts.has('wasm') ? [...lines, 'wasm', ...new WasmText(body.code.view(), names).lines().map((line) => `  ${line}`)] : lines;
  }

  #pieceLines(parts: ReadonlySet<TracePart>, insn: GuestInstruction | undefined, ir: readonly string[]): string[] {
    const guest = insn && parts.has('guest') ? [this.textOf(insn)] : [];
    if (!parts.has('ir') || ir.length === 0) return guest;
    return insn ? [...guest, ...ir] : ['  between', ...ir];
  }
}

function calleeName(callee: Callee): string {
  return typeof callee === 'object' && 'at' in callee ? `direct_${callee.at.toString(16)}` : nameOf(callee);
}
