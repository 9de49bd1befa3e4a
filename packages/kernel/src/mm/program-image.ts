/** What execve(2) learnt about the running program (prctl(2) PR_SET_MM fields, proc(5) stat). Guest addresses. */
export class ProgramImage {
  /** Path given to execve, as AT_EXECFN shows it. */
  execFn = '';
  startCode = 0;
  endCode = 0;
  startData = 0;
  endData = 0;
  startStack = 0;
  argStart = 0;
  argEnd = 0;
  envStart = 0;
  envEnd = 0;
  entry = 0;
  /** Guest address of the vDSO, 0 = none; offset of __restore_rt-like trampolines is not provided. */
  vdsoBase = 0;
  /** /proc/pid/auxv. */
  auxv: Uint8Array = new Uint8Array(0);
  /** The file /proc/pid/exe points to; opaque to the memory manager. */
  exe: unknown = null;

  copyFrom(other: ProgramImage): void {
    Object.assign(this, other);
  }
}
