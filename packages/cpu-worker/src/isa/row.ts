/**
 * Instruction rows: the only definition of the ISA.
 *
 * How to add an instruction
 *  1. Find its line in the SDM (Vol. 2). Choose the file in isa/rows/ by subject; rows are exported
 *     as one `Row[]` per file and listed in isa/table.ts.
 *  2. Write one row per encoding (helpers such as `sizes` in isa/expand.ts make the 16/32/64-bit
 *     variants): mnemonic, encoding, operands with access, flags, feature, citation.
 *  3. Write `sem(b, ...operands)` against `Builder` (ir/builder.ts). Rules:
 *     - Operands come in the order of `ops`. `b.get(o)` reads, `b.set(o, v)` writes, whatever the
 *       operand is (register, memory, immediate). Never assume that a register or immediate is a
 *       constant; only its kind (`o.kind`) and size are known.
 *     - Everything that can fault (memory access, raise) comes before the first write of a
 *       register, flag or other state, so that a faulting instruction has changed nothing.
 *       A memory operand with access `rw` or `w` is translated for writing at its first use.
 *     - Flags through ir/flags.ts (`flagsAdd`, `flagsLogic` …).
 *  4. Build; run `pnpm isa:fuzz --row <mnemonic>` (random cases against the host CPU).
 *
 * Encoding strings: tokens separated by blanks, as in the SDM.
 *   mandatory prefix   `NP` (none of 66 F2 F3), `66`, `F2`, `F3` before `0F`; absent = prefixes ignored
 *   operand size       `o16` (66 prefix), `o32`, `REX.W` (64 bit); `W0` = REX.W absent, where only W matters;
 *                      `o64` = 64 bit by default and no 66 prefix (push, pop); `f64` = always 64 bit, 66 ignored
 *                      (near branches); absent = any operand size
 *   repeat             `REP`/`REPE` (F3), `REPNE` (F2), `NOREP`: string instructions
 *   address size       `a32` (67 prefix), `a64`: where the row cares (string instructions, jrcxz)
 *   opcode             hex bytes: `81`, `0F AF`, `0F 38 F0`; `50+r` = register in the low 3 bits,
 *                      `D8 C0+i` = ST(i) in the low 3 bits, `0F 01 F9` = fixed bytes to the end
 *   ModRM              `/r` (register and rm), `/0` … `/7` (opcode extension)
 *   immediates         `ib` `iw` `id` `io`; code offsets `cb` `cd`; memory offset `mo`
 *
 * Operand strings: `access:kind`, access one of r w rw n (n = address or value not accessed).
 *   r8 r16 r32 r64         ModRM.reg
 *   rm8 rm16 rm32 rm64     ModRM.rm: register or memory
 *   rmr32 rmr64 …          ModRM.rm, register only
 *   o8 o16 o32 o64         register in the opcode (`+r`)
 *   m m8 m16 m32 m64 m80 m128 m512   memory only (`m`: size given by the row's sem)
 *   imm8 imm16 imm32 imm64 immediate, as an unsigned number of that size
 *   imm8s imm32s           immediate sign-extended to the size of the first operand
 *   one                    the constant 1
 *   rel8 rel32             code offset;  moffs8 … moffs64   absolute memory operand
 *   al ax eax rax cl dx …  fixed general register (rcx, rdx, … also)
 *   xmm                    ModRM.reg;  xmmr = ModRM.rm, register only;  xmm0 = fixed
 *   xmm/m128               ModRM.rm: register or memory that must be 16-byte aligned (else #GP)
 *   xmm/m128u              same without alignment;  xmm/m8 xmm/m16 xmm/m32 xmm/m64 narrower memory
 *   mm, mmr, mm/m32, mm/m64   MMX registers
 *   st0, sti               x87 stack registers;  sreg = segment register in ModRM.reg
 */
import type { Builder } from '../ir/builder.js';
import type { Operand } from './operand.js';

/** CPU features as announced by CPUID; a row whose feature is not announced still executes. */
export type Feature = 'base' | 'cmov' | 'cx8' | 'fpu' | 'mmx' | 'sse' | 'sse2' | 'sse3' | 'ssse3' | 'sse41' | 'sse42' | 'popcnt' | 'cx16' | 'fxsr' | 'lahf' | 'rdtscp' | 'fsgsbase' | 'movbe' | 'bmi1' | 'bmi2' | 'aes' | 'pclmul';

/**
 * Flags read, written and left undefined, letters of `odsitzapc` (o = OF, d = DF, s, z, a, p, c).
 * `undef` may depend on operands (shift counts): then list the flag in both `w` and `undef`.
 */
export interface FlagUse {
  readonly r?: string;
  readonly w?: string;
  readonly undef?: string;
}

export interface Row {
  /** Lower-case Intel mnemonic: `add`, `cmovne`, `pshufd`. */
  readonly mnemonic: string;
  readonly enc: string;
  /** Operands separated by blanks, first = destination (Intel order); '' = none. */
  readonly ops: string;
  readonly flags?: FlagUse;
  /** LOCK prefix allowed with a memory destination; the sem must use `b.rmw`. */
  readonly lock?: boolean;
  /** Memory destination is locked without a prefix (xchg). */
  readonly alwaysLocked?: boolean;
  readonly feature?: Feature;
  /** Source: `SDM Vol. 2A ADD`. */
  readonly cite: string;
  /** Ends a straight-line run: jumps, syscall, ud2. */
  readonly ends?: boolean;
  /** Rough dynamic frequency: hot rows are inlined in the interpreter's main switch. */
  readonly hot?: boolean;
  /** Result may differ in the last bits from hardware (transcendentals): ulp tolerance for tests. */
  readonly toleranceUlp?: number;
  /** Random tests cannot compare it with the host (rdtsc, cpuid, syscall): reason. */
  readonly untestable?: string;
  readonly sem: (b: Builder, ...ops: Operand[]) => void;
}
