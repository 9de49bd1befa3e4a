import type { Form } from '../interp/forms.js';

/** A decoded instruction. One object is reused by the decoder: copy what must survive the next decode. */
export class Instruction {
  form: Form | undefined;
  lenBytes = 0;
  /** Registers of the operands that need one, in operand order; high bytes are 16 + n. */
  regs = [0, 0, 0];
  /** Base and index register numbers, -1 = none, 16 = rip. */
  base = -1;
  index = -1;
  scaleLog2 = 0;
  disp = 0;
  /** 0 none, 1 fs, 2 gs. */
  segment = 0;
  address32 = false;
  /** Immediate, low and high 32 bits. */
  immLow = 0;
  immHigh = 0;
  imm1 = 0;
  /** Relative target: displacement from the end of the instruction. */
  rel = 0;
  /** Prefixes, for the disassembler. */
  repeat = 0;

  get isMem(): boolean {
    return this.form?.mem ?? false;
  }
}

/** Why no instruction came out. */
export const DecodeResult = {
  OK: 0,
  /** Not a known instruction. */
  UNDEFINED: 1,
  /** More bytes are needed than were given. */
  TRUNCATED: 2,
  /** Longer than 15 bytes: #GP. */
  TOO_LONG: 3,
} as const;
