/** What an operand turned out to be, once the form of the instruction is known. */
export type OperandKind = 'gpr' | 'mem' | 'imm' | 'rel' | 'xmm' | 'mm' | 'st' | 'sreg';

export type Access = 'r' | 'w' | 'rw' | 'n';

/**
 * An operand as a `sem` sees it: kind and size are known, the register number, address or
 * immediate may or may not be a constant.
 */
export interface Operand {
  readonly kind: OperandKind;
  /** Size in bits; 0 for `m` without a size. Memory operand of `xmm/m32`: 32; register: 128. */
  readonly sizeBits: number;
  readonly access: Access;
  /** 16-byte alignment required (#GP), SDM Vol. 2 table 2-21. */
  readonly aligned: boolean;
  /** Position in the row's operand list. */
  readonly index: number;
}
