import type { MappedFile } from './mappable.js';

/** Attributes of a mapping besides its protection. */
export const VmFlag = {
  SHARED: 1,
  GROWSDOWN: 2,
  LOCKED: 4,
  NORESERVE: 8,
  DONTFORK: 16,
  WIPEONFORK: 32,
  DONTDUMP: 64,
  /** The kernel's own pages (vvar): may not be moved or unlocked for writing. */
  SPECIAL: 128,
  HUGEPAGE: 256,
  NOHUGEPAGE: 512,
  SEQUENTIAL: 1024,
  RANDOM: 2048,
} as const;

/** One mapping: a run of guest pages with the same attributes. Addresses are page-aligned guest addresses. */
export class Vma {
  constructor(
    public start: number,
    public end: number,
    /** Prot.READ | WRITE | EXEC. */
    public prot: number,
    /** VmFlag bits. */
    public flags: number,
    public file: MappedFile | null,
    /** Byte offset of `start` in the file. */
    public offset: number,
    /** Shown in /proc/pid/maps when there is no file: [heap], [stack], [vdso], … */
    public name: string,
    /** Protection that mprotect may grant at most. */
    public maxProt: number,
  ) {}

  get sizeBytes(): number {
    return this.end - this.start;
  }

  get isShared(): boolean {
    return (this.flags & VmFlag.SHARED) !== 0;
  }

  /** Page index in the file of the page at guest address `addr`. */
  fileIndex(addr: number): number {
    return Math.floor((this.offset + (addr - this.start)) / 4096);
  }

  clone(): Vma {
    return new Vma(this.start, this.end, this.prot, this.flags, this.file, this.offset, this.name, this.maxProt);
  }

  /** True when `next` continues this mapping so that one Vma can stand for both. */
  joins(next: Vma): boolean {
    return (
      this.end === next.start &&
      this.prot === next.prot &&
      this.flags === next.flags &&
      this.file === next.file &&
      this.name === next.name &&
      this.maxProt === next.maxProt &&
      (this.file === null || this.offset + this.sizeBytes === next.offset)
    );
  }
}
