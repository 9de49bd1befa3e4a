/**
 * The vDSO: a shared object made at run time (vdso(7)). Symbols carry version LINUX_2.6, so that
 * glibc, musl and Go find them through .hash, .gnu.version and .gnu.version_d.
 */
import { PAGE_SIZE } from '@troupe/abi';
import { EHDR_BYTES, ET_DYN, PF, PHDR_BYTES, PT } from './elf-image.js';
import { VDSO_FUNCTIONS, VDSO_TEXT } from './vdso-code.js';

const SONAME = 'linux-vdso.so.1';
const VERSION = 'LINUX_2.6';
const SYM_BYTES = 24;
const DT = { NULL: 0, HASH: 4, STRTAB: 5, SYMTAB: 6, STRSZ: 10, SYMENT: 11, SONAME: 14, VERSYM: 0x6fff_fff0, VERDEF: 0x6fff_fffc, VERDEFNUM: 0x6fff_fffd } as const;
const STB_GLOBAL_FUNC = 0x12;
const STB_WEAK_FUNC = 0x22;
/** Section index for defined symbols; there are no section headers, any index but SHN_UNDEF will do. */
const SECTION_TEXT = 1;

/** System V hash of a symbol name (gABI 5, "Hash Table"). */
export function sysvHash(name: string): number {
  let h = 0;
  for (let i = 0; i < name.length; i++) {
    h = ((h << 4) + name.charCodeAt(i)) >>> 0;
    const g = h & 0xf000_0000;
    if (g !== 0) h ^= g >>> 24;
    h = (h & ~g) >>> 0;
  }
  return h;
}

class StringTable {
  text = '\0';

  add(name: string): number {
    const known = this.text.indexOf(`\0${name}\0`);
    if (known >= 0) return known + 1;
    const at = this.text.length;
    this.text += `${name}\0`;
    return at;
  }
}

interface Symbol {
  readonly name: string;
  readonly info: number;
  readonly value: number;
  readonly sizeBytes: number;
}

function symbols(): Symbol[] {
  const list: Symbol[] = [];
  for (const { name, offBytes, code } of VDSO_FUNCTIONS) {
    const sizeBytes = code.reduce((sum, instruction) => sum + instruction.length, 0);
    list.push({ name: `__vdso_${name}`, info: STB_GLOBAL_FUNC, value: offBytes, sizeBytes });
    list.push({ name, info: STB_WEAK_FUNC, value: offBytes, sizeBytes });
  }
  return list;
}

/** Places tables one after the other in the page. */
class Layout {
  readonly bytes = new Uint8Array(PAGE_SIZE);
  readonly view = new DataView(this.bytes.buffer);
  private _at = EHDR_BYTES + 2 * PHDR_BYTES;

  reserve(sizeBytes: number, align = 8): number {
    const at = Math.ceil(this._at / align) * align;
    this._at = at + sizeBytes;
    if (this._at > VDSO_TEXT) throw new RangeError('vDSO tables do not fit');
    return at;
  }

  u16(at: number, value: number): void {
    this.view.setUint16(at, value, true);
  }

  u32(at: number, value: number): void {
    this.view.setUint32(at, value, true);
  }

  u64(at: number, value: number): void {
    this.view.setBigUint64(at, BigInt(value), true);
  }
}

function writeSymbols(out: Layout, strings: StringTable, list: readonly Symbol[]): number {
  const at = out.reserve((list.length + 1) * SYM_BYTES);
  list.forEach((symbol, index) => {
    const entry = at + (index + 1) * SYM_BYTES;
    out.u32(entry, strings.add(symbol.name));
    out.bytes[entry + 4] = symbol.info;
    out.u16(entry + 6, SECTION_TEXT);
    out.u64(entry + 8, symbol.value);
    out.u64(entry + 16, symbol.sizeBytes);
  });
  return at;
}

/** One bucket per symbol, chains by symbol number. */
function writeHash(out: Layout, list: readonly Symbol[]): number {
  const count = list.length + 1;
  const at = out.reserve((2 + count + count) * 4, 8);
  out.u32(at, count);
  out.u32(at + 4, count);
  const bucket = at + 8;
  const chain = bucket + count * 4;
  list.forEach((symbol, index) => {
    const slot = bucket + (sysvHash(symbol.name) % count) * 4;
    out.u32(chain + (index + 1) * 4, out.view.getUint32(slot, true));
    out.u32(slot, index + 1);
  });
  return at;
}

/** Version 1 is the object itself (base), 2 is LINUX_2.6. */
function writeVersions(out: Layout, strings: StringTable, symbolCount: number): { versym: number; verdef: number } {
  const versym = out.reserve((symbolCount + 1) * 2);
  for (let i = 1; i <= symbolCount; i++) out.u16(versym + i * 2, 2);
  const verdef = out.reserve(2 * 28);
  [SONAME, VERSION].forEach((name, index) => {
    const at = verdef + index * 28;
    out.u16(at, 1);
    out.u16(at + 2, index === 0 ? 1 : 0);
    out.u16(at + 4, index + 1);
    out.u16(at + 6, 1);
    out.u32(at + 8, sysvHash(name));
    out.u32(at + 12, 20);
    out.u32(at + 16, index === 0 ? 28 : 0);
    out.u32(at + 20, strings.add(name));
  });
  return { versym, verdef };
}

function writeDynamic(out: Layout, entries: readonly (readonly [number, number])[]): number {
  const at = out.reserve(entries.length * 16);
  entries.forEach(([tag, value], index) => {
    out.u64(at + index * 16, tag);
    out.u64(at + index * 16 + 8, value);
  });
  return at;
}

function writeProgramHeader(out: Layout, index: number, type: number, flags: number, at: number, sizeBytes: number, align: number): void {
  const header = EHDR_BYTES + index * PHDR_BYTES;
  out.u32(header, type);
  out.u32(header + 4, flags);
  out.u64(header + 8, at);
  out.u64(header + 16, at);
  out.u64(header + 24, at);
  out.u64(header + 32, sizeBytes);
  out.u64(header + 40, sizeBytes);
  out.u64(header + 48, align);
}

function writeHeader(out: Layout): void {
  out.bytes.set([0x7f, 0x45, 0x4c, 0x46, 2, 1, 1]);
  out.u16(16, ET_DYN);
  out.u16(18, 62);
  out.u32(20, 1);
  out.u64(32, EHDR_BYTES);
  out.u16(52, EHDR_BYTES);
  out.u16(54, PHDR_BYTES);
  out.u16(56, 2);
}

/** The image: one page, linked at 0, preceded by the parameter page when mapped. */
export function buildVdso(): Uint8Array {
  const out = new Layout();
  const strings = new StringTable();
  const list = symbols();
  const symtab = writeSymbols(out, strings, list);
  const hash = writeHash(out, list);
  const { versym, verdef } = writeVersions(out, strings, list.length);
  const soname = strings.add(SONAME);
  const strtab = out.reserve(strings.text.length, 1);
  out.bytes.set(Buffer.from(strings.text, 'latin1'), strtab);
  const entries: [number, number][] = [[DT.HASH, hash], [DT.STRTAB, strtab], [DT.SYMTAB, symtab], [DT.STRSZ, strings.text.length], [DT.SYMENT, SYM_BYTES], [DT.SONAME, soname], [DT.VERSYM, versym], [DT.VERDEF, verdef], [DT.VERDEFNUM, 2], [DT.NULL, 0]];
  const dynamic = writeDynamic(out, entries);
  for (const { offBytes, code } of VDSO_FUNCTIONS) out.bytes.set(code.flat(), offBytes);
  writeHeader(out);
  writeProgramHeader(out, 0, PT.LOAD, PF.R | PF.X, 0, PAGE_SIZE, PAGE_SIZE);
  writeProgramHeader(out, 1, PT.DYNAMIC, PF.R, dynamic, entries.length * 16, 8);
  return out.bytes;
}
