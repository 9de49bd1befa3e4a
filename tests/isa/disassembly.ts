/** Disassembly of a case's code with iced-x86, for reports and audits. */
import { createRequire } from 'node:module';
import type * as Iced from 'iced-x86';

const iced = createRequire(import.meta.url)('iced-x86') as typeof Iced;

export interface IcedInstruction {
  /** 0 = invalid. */
  readonly length: number;
  readonly text: string;
}

const formatter = new iced.Formatter(iced.FormatterSyntax.Intel);
formatter.usePseudoOps = false;

/** Decodes the first instruction of `bytes`. */
export function icedDecode(bytes: Uint8Array, rip: number): IcedInstruction {
  const decoder = new iced.Decoder(64, bytes, iced.DecoderOptions.None);
  decoder.ip = BigInt(rip);
  const instruction = decoder.decode();
  const invalid = instruction.code === iced.Code.INVALID;
  const result = { length: invalid ? 0 : instruction.length, text: invalid ? '(bad)' : formatter.format(instruction) };
  instruction.free();
  decoder.free();
  return result;
}

/** Longer code is a program, shown with addresses. */
const MAX_INSTRUCTIONS_BYTES = 64;

/** Text of all instructions in `bytes`, without the int3s that fill gaps. */
export function icedText(bytes: Uint8Array, rip: number): string {
  const lines: string[] = [];
  for (let at = 0; at < bytes.length; ) {
    const { length, text } = icedDecode(bytes.subarray(at), rip + at);
    if (text !== 'int3') lines.push(bytes.length > MAX_INSTRUCTIONS_BYTES ? `${(rip + at).toString(16)} ${text}` : text);
    at += length || bytes.length;
  }
  return lines.join(' ; ');
}
