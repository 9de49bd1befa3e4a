// AssemblyScript source of the decoder's tables and of the constants it shares with TypeScript, computed
// from the instruction rows: dist/assembly/decode-tables.ts.
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

const snake = (name) => name.replace(/([a-z])([A-Z])/g, '$1_$2').toUpperCase();
const prefixed = (prefix, object) => Object.entries(object).map(([name, value]) => [`${prefix}_${snake(name)}`, value]);

/** Where the handler number stands that an op had before it became the entry of a region. */
async function regionLayout(load) {
  const [{ headerWord }, { AREA, RegionDescriptor }, { REGION_HANDLER }] = await Promise.all([
    load('abi/dist/layout/header.js'), load('cpu-worker/dist/jit/jit-area.js'), load('cpu-worker/dist/jit/region-abi.js'),
  ]);
  return { handler: REGION_HANDLER, area: headerWord('jitArea') * 4, original: AREA.regions + RegionDescriptor.off.original, bytes: RegionDescriptor.sizeBytes };
}

/** Pairs of name and value. */
async function constants(load) {
  const [codes, { FlagEffect, FlagShift }, { DecodeResult, INSTRUCTION }, { RunStatus }, { OP, OP_BYTES, CODE_PAGE }, { TCB }, { PAGE_SIZE }, { HOT_COUNT, Special }, jit] = await Promise.all([
    load('cpu-worker/dist/decode/table-codes.js'), load('cpu-worker/dist/decode/fuse.js'), load('cpu-worker/dist/decode/instruction.js'), load('cpu-worker/dist/decode/run-status.js'),
    load('cpu-worker/dist/interp/op-record.js'), load('abi/dist/layout/tcb.js'), load('abi/dist/layout/memory-map.js'), load('cpu-worker/dist/interp/forms.js'), regionLayout(load),
  ]);
  const { reg, ...op } = OP;
  const { cursor, limit, generation, frame, index, opCount } = CODE_PAGE;
  const { zero, fsBase, gsBase, pcBase, gpr, xmm, st } = TCB.off;
  return {
    u32: [
      ['REGION_HANDLER', jit.handler],
      ['NONE', codes.NONE], ['HOT_COUNT', HOT_COUNT], ...prefixed('SEL', codes.Selector), ...prefixed('RF', codes.RowFlag), ...prefixed('IMM', codes.ImmCode), ...prefixed('FF', codes.FormFlag),
      ...prefixed('RC', codes.RegisterCode), ...prefixed('FILE', codes.FileCode), ...prefixed('FE', FlagEffect), ['FE_MASK', 3], ...prefixed('FS', FlagShift), ...prefixed('RESULT', DecodeResult), ...prefixed('SPECIAL', Special),
      ...Object.entries({ zero, fsBase, gsBase, pcBase, gpr, xmm, st }).map(([name, value]) => [`TCB_${name.toUpperCase()}`, value]),
    ],
    i32: prefixed('RUN', RunStatus),
    usize: [
      ['JIT_AREA', jit.area], ['REGION_ORIGINAL', jit.original], ['REGION_BYTES', jit.bytes],
      ['ROW_BYTES', codes.ROW_BYTES], ['FORM_BYTES', codes.FORM_BYTES], ['OP_BYTES', OP_BYTES], ['PAGE_BYTES', PAGE_SIZE], ...reg.map((at, i) => [`OP_REG${i}`, at]),
      ...Object.entries(op).map(([name, value]) => [`OP_${name.toUpperCase()}`, value]), ...prefixed('INSN', INSTRUCTION), ...prefixed('PAGE', { cursor, limit, generation, frame, index, opCount }),
    ],
  };
}

function tableLine(name, array) {
  return `export const ${name}: usize = memory.data<u${array.BYTES_PER_ELEMENT * 8}>([${array.join(',')}]);`;
}

export async function decoderSource(root) {
  const load = (path) => import(pathToFileURL(join(root, 'packages', path)).href);
  const { makeDecodeTables } = await load('cpu-worker/dist/decode/tables.js');
  const tables = makeDecodeTables();
  const lines = Object.entries(await constants(load)).flatMap(([type, pairs]) => pairs.map(([name, value]) => `export const ${name}: ${type} = ${value};`));
  lines.push(`export const FORM_UNDEFINED: u32 = ${tables.undefinedForm};`, `export const FORM_OVERLONG: u32 = ${tables.overlongForm};`);
  for (const name of ['slots', 'candidates', 'rows', 'forms', 'flagless', 'fusedAt', 'fused']) lines.push(tableLine(snake(name), tables[name]));
  return `${lines.join('\n')}\n`;
}
