import { PAGE_SIZE } from '@troupe/abi/layout/memory-map.js';
import { Decoder } from './decoder.js';
import { FlagEffect, flagEffect } from './fuse.js';
import { DecodeResult } from './instruction.js';

/** Instructions looked at behind a jump. */
const DEPTH = 6;

/** Looks into code that may not be decoded yet, to see whether it overwrites the flags before it reads them. */
export class FlagLookahead {
  readonly #decoder = new Decoder();

  constructor(readonly u8: Uint8Array) {}

  deadAt(frame: number, offset: number): boolean {
    let at = offset;
    for (let i = 0; i < DEPTH; i++) {
      if (at < 0 || at >= PAGE_SIZE) return false;
      if (this.#decoder.decode(this.u8, frame + at, frame + PAGE_SIZE) !== DecodeResult.OK) return false;
      const { insn } = this.#decoder;
      const form = insn.form!;
      const effect = flagEffect(form);
      if (effect !== FlagEffect.NONE) return effect === FlagEffect.KILLS;
      at += insn.lenBytes;
      if (form.row.mnemonic === 'jmp' && form.operands[0]!.source === 'rel') at += insn.rel;
      else if (form.row.ends) return false;
    }
    return false;
  }
}
