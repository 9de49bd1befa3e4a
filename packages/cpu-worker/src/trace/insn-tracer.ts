import { writeSync } from 'node:fs';
import { formatInstruction } from '../decode/disassemble.js';
import { DecodeResult } from '../decode/instruction.js';
import type { GuestInstruction } from '../jit/guest-code.js';
import { Tier } from '../jit/region-abi.js';
import type { RegionEmitter, RegionBody } from '../jit/region-emitter.js';
import { RegionTrace } from './region-trace.js';
import { parseTraceRequest, TRACE_INSN, type TraceRequest } from './trace-request.js';

const MAX_REGIONS = 20;

/** Text of an instruction of a region whose addresses count from `origin`. */
export function instructionText(insn: GuestInstruction, origin: number): string {
  const rip = origin + insn.at;
  const text = formatInstruction({ ...insn, isMem: insn.form.mem, rel: insn.target - insn.at - insn.lenBytes }, DecodeResult.OK, rip);
  return `0x${rip.toString(16)}  ${text}`;
}

/** Prints the regions that contain an address, each time one is translated. */
export class InsnTracer {
  #printed = 0;

  constructor(readonly request: TraceRequest, readonly print: (text: string) => void) {}

  /** The trace of a region, if it has the instruction. */
  begin(origin: number, insns: Iterable<GuestInstruction>): RegionTrace | undefined {
    const at = this.request.address - origin;
    const isWanted = this.#printed < MAX_REGIONS && [...insns].some((insn) => at >= insn.at && at < insn.at + insn.lenBytes);
    return isWanted ? new RegionTrace((insn) => instructionText(insn, origin)) : undefined;
  }

  end(trace: RegionTrace, { locals }: RegionEmitter, body: RegionBody, rip: number, tier: Tier): void {
    this.#printed++;
    const tierName = Object.entries(Tier).find(([, value]) => value === tier)![0].toLowerCase();
    this.print([`region at 0x${rip.toString(16)} (${tierName})`, ...trace.lines(this.request.parts, body, locals), ''].join('\n'));
  }
}

/** The tracer that the environment asks for. */
export function insnTracer(): InsnTracer | undefined {
  const request = parseTraceRequest(process.env[TRACE_INSN] ?? '');
  return request && new InsnTracer(request, (text) => writeSync(2, `${text}\n`));
}
