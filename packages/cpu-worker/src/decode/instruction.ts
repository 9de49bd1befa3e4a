/**
 * A decoded instruction as the decoder (assembly/decoder) hands it over: offsets of i32 fields.
 *
 *   form               number of its form (interp/forms.ts)
 *   reg0 reg1 reg2     registers of the operands that need one, in operand order; high bytes are 16 + n
 *   base index         register numbers, -1 = none, 16 = rip
 *   segment            0 none, 1 fs, 2 gs
 *   immLow immHigh     immediate; imm1: the second one
 *   rel                relative target: displacement from the end of the instruction
 *   isMem stackUse     of the form
 */
export const INSTRUCTION = {
  form: 0, lenBytes: 4, reg0: 8, reg1: 12, reg2: 16, base: 20, index: 24, scaleLog2: 28, disp: 32, segment: 36, address32: 40,
  immLow: 44, immHigh: 48, imm1: 52, rel: 56, isMem: 60, stackUse: 64,
} as const;
export const INSTRUCTION_BYTES = 68;

/** One object is reused by the decoder: copy what must survive the next decode. */
export class Instruction {
  formNumber = -1;
  lenBytes = 0;
  regs = [0, 0, 0];
  base = -1;
  index = -1;
  scaleLog2 = 0;
  disp = 0;
  segment = 0;
  address32 = false;
  immLow = 0;
  immHigh = 0;
  imm1 = 0;
  rel = 0;
  isMem = false;
  stackUse = 0;

  /** Takes the fields from a record at `address`. */
  read(i32: Int32Array, address: number): void {
    const field = (name: keyof typeof INSTRUCTION): number => i32[(address + INSTRUCTION[name]) >>> 2]!;
    this.formNumber = field('form');
    this.lenBytes = field('lenBytes');
    this.regs[0] = field('reg0');
    this.regs[1] = field('reg1');
    this.regs[2] = field('reg2');
    this.base = field('base');
    this.index = field('index');
    this.scaleLog2 = field('scaleLog2');
    this.disp = field('disp');
    this.segment = field('segment');
    this.address32 = field('address32') !== 0;
    this.immLow = field('immLow');
    this.immHigh = field('immHigh');
    this.imm1 = field('imm1');
    this.rel = field('rel');
    this.isMem = field('isMem') !== 0;
    this.stackUse = field('stackUse');
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
